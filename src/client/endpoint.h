#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/host_port.h"
#include "base/result.h"

namespace tepui::client {

// Where a master or an agent serves HTTP.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::string unix_path;  // A unix socket instead of host and port, if not empty.

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "host:port", "[::1]:port", or the path of the socket.
std::string ToString(const Endpoint& endpoint);

// "host:port", "[v6 address]:port".
Result<Endpoint> ParseEndpoint(std::string_view text);

// The Location of a 307: "//host:port/path" or with a scheme (reference 1.1).
Result<Endpoint> ParseLocation(std::string_view location);

}  // namespace tepui::client
