// SPDX-License-Identifier: Apache-2.0
#include "client/endpoint.h"

namespace tepui::client {

std::string ToString(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return endpoint.unix_path;
  return tepui::ToString(HostPort{endpoint.host, endpoint.port});
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  Result<HostPort> where = ParseHostPort(text);
  if (!where) return Fail(where.error());
  return Endpoint{.host = std::move(where->host), .port = where->port, .unix_path = ""};
}

Result<Endpoint> ParseLocation(std::string_view location) {
  std::string_view rest = location;
  if (rest.starts_with("http:")) rest.remove_prefix(5);
  if (!rest.starts_with("//")) return Fail(Code::kInvalid, "'{}' names no host to go to", location);
  rest.remove_prefix(2);
  return ParseEndpoint(rest.substr(0, rest.find('/')));
}

}  // namespace tepui::client
