#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

// What a user writes for --master: an endpoint, also as "http://host:port" or "master@host:port" (a
// pid of Mesos). zk:// and file:// are refused with a sentence that says what to write instead.
Result<Endpoint> ParseMaster(std::string_view text);

// The Location of a 307: "//host:port/path" or with a scheme (reference 1.1).
Result<Endpoint> ParseLocation(std::string_view location);

}  // namespace tepui::client
