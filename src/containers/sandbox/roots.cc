// SPDX-License-Identifier: Apache-2.0
#include "containers/sandbox/roots.h"

namespace tepui::containers {
namespace {

bool IsBelow(const std::string& path, const std::string& root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

Roots::Roots(std::vector<std::string> paths) : paths_(std::move(paths)) {}

Result<std::pair<std::string, std::string>> Roots::Split(const std::string& path) const {
  if (!path.starts_with('/')) {
    return Fail(Code::kInvalid, "Directory '{}' is not an absolute path", path);
  }
  std::string nearest = "/";
  for (const std::string& root : paths_) {
    if (root.size() > nearest.size() && IsBelow(path, root)) nearest = root;
  }
  std::string rest = path.substr(nearest.size());
  return std::pair(std::move(nearest), std::move(rest));
}

Result<Directory> Roots::Open(const std::string& path) const {
  const auto place = Split(path);
  if (!place) return Fail(place.error());
  const Result<Directory> root = Directory::Open(place->first);
  return root ? root->OpenBeneath(place->second) : Fail(root.error());
}

Result<Directory> Roots::Make(const std::string& path, mode_t mode) const {
  const auto place = Split(path);
  if (!place) return Fail(place.error());
  const Result<Directory> root = Directory::Make(place->first, Directory::kParentMode);
  return root ? root->MakeDirectories(place->second, mode) : Fail(root.error());
}

}  // namespace tepui::containers
