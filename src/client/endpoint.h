// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/host_port.h"
#include "base/result.h"

namespace tepui::client {

// The address at which a master or an agent serves HTTP.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::string unix_path;  // If not empty, a unix socket is used instead of host and port.

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Returns "host:port", "[::1]:port", or the path of the socket.
std::string ToString(const Endpoint& endpoint);

// Parses "host:port" or "[v6 address]:port".
Result<Endpoint> ParseEndpoint(std::string_view text);

// Parses the Location of a 307: "//host:port/path" or with a scheme (reference 1.1).
Result<Endpoint> ParseLocation(std::string_view location);

}  // namespace tepui::client
