// SPDX-License-Identifier: Apache-2.0
#include "zookeeper/address.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tepui::zookeeper {
namespace {

constexpr std::string_view kScheme = "zk://";
constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kShape = "zk://[user:password@]host:port[,host:port...]/path";
constexpr size_t kMaxFileBytes = 16 << 10;
constexpr size_t kMaxServers = 64;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) {
    return Fail(Code::kInvalid, "Cannot read the file '{}' with the address of ZooKeeper: {}", path,
                std::strerror(errno));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0 || text.size() > kMaxFileBytes) {
    return Fail(Code::kInvalid, "The file '{}' does not hold an address of ZooKeeper: use {}", path,
                kShape);
  }
  return text;
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

Result<HostPort> ParseServer(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    const std::string_view rest = end == std::string_view::npos ? "" : text.substr(end + 1);
    if (end == std::string_view::npos || (!rest.empty() && rest.front() != ':')) {
      return Fail(Code::kInvalid, "'{}' is not a server of ZooKeeper: use [address]:port", text);
    }
    host = text.substr(1, end - 1);
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.empty()) {
    return Fail(Code::kInvalid, "A server of ZooKeeper has no name in '{}': use {}", text, kShape);
  }
  for (const char c : host) {
    if (!IsHostCharacter(c) && !(text.starts_with('[') && (c == ':' || c == '%'))) {
      return Fail(Code::kInvalid, "'{}' is not the name of a server", host);
    }
  }
  HostPort server{std::string(host), Address::kDefaultPort};
  if (has_port) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), server.port);
    if (error != std::errc() || end != port.data() + port.size() || server.port == 0) {
      return Fail(Code::kInvalid, "'{}' is not a port: use 1 to 65535", port);
    }
  }
  return server;
}

Status ParseServers(std::string_view text, Address* address) {
  while (true) {
    const size_t comma = text.find(',');
    Result<HostPort> server = ParseServer(Trim(text.substr(0, comma)));
    if (!server) return Fail(server.error());
    address->servers.push_back(std::move(*server));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (address->servers.size() > kMaxServers) {
    return Fail(Code::kInvalid, "{} servers of ZooKeeper are too many: give at most {}",
                address->servers.size(), kMaxServers);
  }
  return {};
}

Status ParsePath(std::string_view path, Address* address) {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) {
    return Fail(Code::kInvalid, "The address of ZooKeeper has no path: use {}", kShape);
  }
  if (path.size() > Address::kMaxPathBytes) {
    return Fail(Code::kInvalid, "The path in ZooKeeper has {} bytes: use up to {}", path.size(),
                Address::kMaxPathBytes);
  }
  address->path = path;
  for (std::string_view rest = path.substr(1);;) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") {
      return Fail(Code::kInvalid, "'{}' is not a path in ZooKeeper: a part of it is empty, . or ..",
                  path);
    }
    for (const char c : part) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E) {
        return Fail(Code::kInvalid, "The path in ZooKeeper has a character other than plain ASCII");
      }
    }
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string Address::Servers() const {
  std::string text;
  for (const HostPort& server : servers) {
    if (!text.empty()) text += ',';
    text += tepui::ToString(server);
  }
  return text;
}

std::string Address::ToString() const {
  const std::string user =
      credentials ? credentials->substr(0, credentials->find(':')) + "@" : std::string();
  return fmt::format("{}{}{}{}", kScheme, user, Servers(), path);
}

Result<Address> ParseAddress(std::string_view text) {
  text = Trim(text);
  std::string from_file;
  if (text.starts_with(kFileScheme)) {
    Result<std::string> read = ReadFile(std::string(text.substr(kFileScheme.size())));
    if (!read) return Fail(read.error());
    from_file = std::move(*read);
    text = Trim(from_file);
  }
  if (!text.starts_with(kScheme)) {
    return Fail(Code::kInvalid, "The address of ZooKeeper does not begin with '{}': use {}",
                kScheme, kShape);
  }
  text.remove_prefix(kScheme.size());
  const size_t slash = text.find('/');
  std::string_view servers = text.substr(0, slash);
  const std::string_view path = slash == std::string_view::npos ? "" : text.substr(slash);

  Address address;
  if (const size_t at = servers.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = servers.substr(0, at);
    if (const size_t colon = credentials.find(':'); colon == 0 || colon == std::string_view::npos) {
      return Fail(Code::kInvalid,
                  "The credentials in the address of ZooKeeper are not user:password: use {}",
                  kShape);
    }
    address.credentials = credentials;
    servers.remove_prefix(at + 1);
  }
  if (Status parsed = ParseServers(servers, &address); !parsed) {
    // What looks like a server may be the beginning of a password, so it is not shown.
    if (!address.credentials && path.find('@') != std::string_view::npos) {
      return Fail(Code::kInvalid,
                  "The address of ZooKeeper has no servers before its first '/', or its password "
                  "contains '/', which is not possible: use {}",
                  kShape);
    }
    return Fail(parsed.error());
  }
  if (Status parsed = ParsePath(path, &address); !parsed) return Fail(parsed.error());
  return address;
}

}  // namespace tepui::zookeeper
