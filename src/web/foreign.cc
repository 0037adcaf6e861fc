// SPDX-License-Identifier: Apache-2.0
#include "web/foreign.h"

#include <algorithm>

#include "net/text.h"
#include "wire/content_type.h"

namespace tepui::web {
namespace {

// Returns the host of "host:port", "[v6]:port" or either without a port, without brackets.
std::string_view HostOf(std::string_view host_port) {
  if (host_port.starts_with('[')) return host_port.substr(1, host_port.find(']') - 1);
  return host_port.substr(0, host_port.rfind(':'));
}

bool IsLoopback(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const bool v4 =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
  return v4 || host == "::1" || net::EqualsIgnoreCase(host, "localhost");
}

bool AskedBefore(const std::string* content_type) {
  return content_type != nullptr && wire::ParseContentType(*content_type).has_value();
}

bool IsOurs(std::string_view origin, const std::string* host) {
  const size_t scheme = origin.find("://");
  return host != nullptr && scheme != std::string_view::npos &&
         net::EqualsIgnoreCase(origin.substr(scheme + 3), *host);
}

}  // namespace

ForeignPages ForeignPagesOf(const std::string& ip, const std::string& hostname) {
  if (!IsLoopback(ip)) return {};
  return {.hosts = {ip, hostname}};
}

Status CheckHost(const ForeignPages& pages, const net::Request& request) {
  const std::string* header = request.headers.Find("Host");
  if (pages.hosts.empty() || header == nullptr) return {};
  const std::string_view host = HostOf(*header);
  const bool ours = IsLoopback(host) || std::ranges::any_of(pages.hosts, [&](const auto& name) {
                      return net::EqualsIgnoreCase(name, host);
                    });
  if (ours) return {};
  return Fail(Code::kForbidden,
              "This server listens on loopback only and is not called '{}': say 'localhost', or "
              "start it with --hostname={}",
              host, host);
}

Status CheckOrigin(const net::Request& request) {
  const std::string* origin = request.headers.Find("Origin");
  if (origin == nullptr || AskedBefore(request.headers.Find("Content-Type"))) return {};
  if (IsOurs(*origin, request.headers.Find("Host"))) return {};
  return Fail(Code::kForbidden,
              "A page of '{}' may not change anything here: the 'Content-Type' must be {} or {}",
              *origin, wire::kApplicationJson, wire::kApplicationProtobuf);
}

}  // namespace tepui::web
