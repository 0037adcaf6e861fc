// SPDX-License-Identifier: Apache-2.0
#include "base/host_port.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace tepui {

std::string ToString(const HostPort& where) {
  const bool v6 = where.host.contains(':');
  return v6 ? fmt::format("[{}]:{}", where.host, where.port)
            : fmt::format("{}:{}", where.host, where.port);
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return Fail(Code::kInvalid, "'{}' has no port: write host:port", text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Fail(Code::kInvalid,
                "'{}' is ambiguous: write an IPv6 address in brackets, like [::1]:5050", text);
  }
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port == 0) {
    return Fail(Code::kInvalid, "'{}' has no port from 1 to 65535: '{}'", text, port_text);
  }
  if (host.empty() || host.find_first_of("/@ \t\r\n[]") != std::string_view::npos) {
    return Fail(Code::kInvalid, "'{}' has no host name or address: write host:port", text);
  }
  return HostPort{.host = std::string(host), .port = port};
}

}  // namespace tepui
