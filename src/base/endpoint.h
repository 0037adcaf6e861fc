// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui {

// How the bytes of HTTP travel to a server. While there is no TLS, a client refuses kHttps.
enum class Scheme { kHttp, kHttps };

// Where a master or an agent serves HTTP. `host` is a name or an address, IPv6 without brackets.
struct Endpoint {
  Scheme scheme = Scheme::kHttp;
  std::string host = {};
  uint16_t port = 0;
  std::string unix_path = {};  // If not empty, a unix socket is used instead of host and port.

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Returns "host:port", "[::1]:port", or the path of the socket: the Host header, and what logs
// show.
std::string ToString(const Endpoint& endpoint);

// Parses "host:port" or "[v6 address]:port", with "http://" or "https://" before it or without a
// scheme, which means http. kInvalid names the expected form.
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace tepui
