// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace tepui::net {

// A socket address in the kernel's form.
struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  uint16_t port() const;
  // "1.2.3.4:80" or "[::1]:80". An IPv4 peer of an IPv6 socket is shown as IPv4; a unix socket
  // gives "".
  std::string ToString() const;
};

// Returns nothing if `ip` is not an IPv4 or IPv6 address. Brackets around an IPv6 address are
// removed.
std::optional<SocketAddress> ParseIp(const std::string& ip, uint16_t port);

// kInvalid if the path is empty or longer than the kernel allows.
Result<sockaddr_un> UnixAddress(const std::string& path);

// Adds brackets if `host` is an IPv6 address.
std::string JoinHostPort(const std::string& host, uint16_t port);

}  // namespace tepui::net
