#include "client/endpoint.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace tepui::client {

std::string ToString(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return endpoint.unix_path;
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
            : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
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
  return Endpoint{.host = std::string(host), .port = port, .unix_path = ""};
}

Result<Endpoint> ParseMaster(std::string_view text) {
  if (text.starts_with("zk://") || text.starts_with("file://")) {
    return Fail(Code::kUnimplemented,
                "'{}': finding the leading master through ZooKeeper is not supported yet; write "
                "the host:port of a master",
                text);
  }
  if (text.starts_with("https://")) {
    return Fail(Code::kUnimplemented, "'{}': TLS is not supported yet; write host:port", text);
  }
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    if (rest.ends_with('/')) rest.remove_suffix(1);
  } else if (rest.starts_with("master@")) {
    rest.remove_prefix(7);
  }
  return ParseEndpoint(rest);
}

Result<Endpoint> ParseLocation(std::string_view location) {
  std::string_view rest = location;
  if (rest.starts_with("http:")) rest.remove_prefix(5);
  if (!rest.starts_with("//")) return Fail(Code::kInvalid, "'{}' names no host to go to", location);
  rest.remove_prefix(2);
  return ParseEndpoint(rest.substr(0, rest.find('/')));
}

}  // namespace tepui::client
