// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_source.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tepui::containers {

namespace {

constexpr std::array<std::string_view, 4> kNetworkSchemes = {"http", "https", "ftp", "ftps"};
constexpr std::array<std::string_view, 9> kArchiveEndings = {
    ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".gz"};

// Returns true for a relative path in which no component is empty, "." or "..".
bool StaysInside(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// The name of the fetched file if the URI has no output_file: everything after the last slash,
// including a query, as in Mesos.
std::string BaseName(const std::string& location) {
  return location.substr(location.rfind('/') + 1);
}

Status ParseLocation(const std::string& value, const std::string& frameworks_home,
                     FetchSource* source) {
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return Fail(Code::kInvalid, "The URI '{}' has control characters in it", value);
  }
  const size_t colon = value.find("://");
  if (colon == std::string::npos) {
    source->location = value;
  } else {
    const std::string scheme = value.substr(0, colon);
    if (std::ranges::find(kNetworkSchemes, scheme) != kNetworkSchemes.end()) {
      source->scheme = FetchSource::Scheme::kNetwork;
      source->location = value;
      const size_t slash = value.find('/', colon + 3);
      if (slash == colon + 3 || slash == std::string::npos || slash + 1 == value.size()) {
        return Fail(Code::kInvalid, "The URI '{}' lacks a host or a path", value);
      }
      return {};
    }
    if (scheme != "file") {
      return Fail(Code::kInvalid,
                  "The URI '{}' has the scheme '{}': use file, http, https, ftp or ftps", value,
                  scheme);
    }
    source->location = value.substr(colon + 3);
    if (source->location.starts_with("localhost/")) source->location.erase(0, 9);
  }
  if (!source->location.starts_with('/')) {
    if (colon != std::string::npos || source->location.empty() || frameworks_home.empty()) {
      return Fail(Code::kInvalid,
                  "The URI '{}' is a relative path, and the agent has no --frameworks_home", value);
    }
    source->location = frameworks_home + "/" + source->location;
  }
  return {};
}

}  // namespace

bool IsArchiveName(const std::string& name) {
  return std::ranges::any_of(kArchiveEndings, [&](std::string_view ending) {
    return name.ends_with(ending) && name.size() > ending.size();
  });
}

Result<FetchSource> ParseFetchUri(const mesos::v1::CommandInfo::URI& uri,
                                  const std::string& frameworks_home) {
  FetchSource source;
  if (auto parsed = ParseLocation(uri.value(), frameworks_home, &source); !parsed)
    return Fail(parsed.error());
  source.output = uri.has_output_file() ? uri.output_file() : BaseName(source.location);
  if (!StaysInside(source.output)) {
    return Fail(Code::kInvalid,
                "The URI '{}' would be written to '{}', which is not a file inside the sandbox",
                uri.value(), source.output);
  }
  source.executable = uri.executable();
  source.cache = uri.cache();
  source.extract = uri.extract() && !uri.executable() && IsArchiveName(source.output);
  return source;
}

}  // namespace tepui::containers
