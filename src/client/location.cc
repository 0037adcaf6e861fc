// SPDX-License-Identifier: Apache-2.0
#include "client/location.h"

namespace tepui::client {

Result<Endpoint> ParseLocation(std::string_view location, Scheme scheme) {
  std::string_view rest = location;
  if (rest.starts_with("https:")) {
    scheme = Scheme::kHttps;
    rest.remove_prefix(6);
  } else if (rest.starts_with("http:")) {
    scheme = Scheme::kHttp;
    rest.remove_prefix(5);
  }
  if (!rest.starts_with("//")) return Fail(Code::kInvalid, "'{}' does not name a host", location);
  rest.remove_prefix(2);
  Result<Endpoint> endpoint = ParseEndpoint(rest.substr(0, rest.find('/')));
  if (endpoint) endpoint->scheme = scheme;
  return endpoint;
}

}  // namespace tepui::client
