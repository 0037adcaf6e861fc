// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/posix/directory.h"
#include "base/result.h"

namespace tepui::containers {

// The mode of a directory that may hold secrets of a task.
constexpr mode_t kSandboxMode = 0750;

// The directories that the operator gave to the agent: its work directory and the roots of its
// disks. Links on the way to them are followed. Below them none is (base/posix/directory.h),
// because tasks own much of what is there. Immutable, so thread-safe.
class Roots {
 public:
  // `paths` are absolute. "/" is always a root, too.
  explicit Roots(std::vector<std::string> paths = {});

  // Opens the directory at an absolute path, beneath the root that is nearest to it.
  Result<Directory> Open(const std::string& path) const;
  // Like Open; creates what is missing, the last part with `mode`.
  Result<Directory> Make(const std::string& path, mode_t mode) const;

 private:
  // Returns the root that is nearest to `path`, and the rest of the path.
  Result<std::pair<std::string, std::string>> Split(const std::string& path) const;

  const std::vector<std::string> paths_;
};

}  // namespace tepui::containers
