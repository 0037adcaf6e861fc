// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui {

// The address of a listening socket. `host` is a name or an address, IPv6 without brackets.
struct HostPort {
  std::string host;
  uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "host:port", "[::1]:port".
std::string ToString(const HostPort& where);
Result<HostPort> ParseHostPort(std::string_view text);

}  // namespace tepui
