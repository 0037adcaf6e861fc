// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_source.h"

#include <algorithm>
#include <array>
#include <climits>
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

// Returns the ending by which the name is that of an archive, the longest that fits; empty if it is
// not.
std::string_view ArchiveEnding(std::string_view name) {
  std::string_view longest;
  for (const std::string_view ending : kArchiveEndings) {
    const bool fits = name.ends_with(ending) && name.size() > ending.size();
    if (fits && ending.size() > longest.size()) longest = ending;
  }
  return longest;
}

// Cuts a name to what a file system takes, at the boundary of a UTF-8 character.
std::string ShortEnough(std::string_view name) {
  if (name.size() <= NAME_MAX) return std::string(name);
  const std::string_view ending = ArchiveEnding(name);
  size_t size = NAME_MAX - ending.size();
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
  return std::string(name.substr(0, size)).append(ending);
}

// The path of a URL that has one.
std::string_view PathOfUrl(std::string_view url) {
  const size_t path = url.find('/', url.find("://") + 3);
  return url.substr(path, url.find_first_of("?#", path) - path);
}

// The name of the fetched file if the URI has no output_file. As in Mesos, it is not
// percent-decoded.
std::string BaseName(const FetchSource& source) {
  std::string_view path = source.location;
  if (source.scheme == FetchSource::Scheme::kNetwork) {
    path = PathOfUrl(path);
    path = path.substr(0, path.find_last_not_of('/') + 1);
  }
  return ShortEnough(path.substr(path.rfind('/') + 1));
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
      const size_t host_end = value.find_first_of("/?#", colon + 3);
      if (host_end == colon + 3 || host_end == std::string::npos || value[host_end] != '/' ||
          host_end + 1 == value.size()) {
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

bool IsArchiveName(const std::string& name) { return !ArchiveEnding(name).empty(); }

Result<FetchSource> ParseFetchUri(const mesos::v1::CommandInfo::URI& uri,
                                  const std::string& frameworks_home) {
  FetchSource source;
  if (auto parsed = ParseLocation(uri.value(), frameworks_home, &source); !parsed)
    return Fail(parsed.error());
  source.output = uri.has_output_file() ? uri.output_file() : BaseName(source);
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
