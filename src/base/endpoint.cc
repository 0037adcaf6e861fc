// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.h"

#include "base/host_port.h"

namespace tepui {

std::string ToString(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return endpoint.unix_path;
  return ToString(HostPort{endpoint.host, endpoint.port});
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  Endpoint endpoint;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    endpoint.scheme = Scheme::kHttps;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  }
  Result<HostPort> where = ParseHostPort(rest);
  if (!where) return Fail(where.error());
  endpoint.host = std::move(where->host);
  endpoint.port = where->port;
  return endpoint;
}

}  // namespace tepui
