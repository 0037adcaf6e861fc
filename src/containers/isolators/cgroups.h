// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "shim/launch.h"

namespace tepui::containers {

// The control groups of the containers, versions 1 and 2 of the kernel's interface (reference 5.4):
//
//   v1  <hierarchy>/<controller>/<root>/<id>      processes of the container
//   v2  <hierarchy>/<root>/<id>                   limits
//       <hierarchy>/<root>/<id>/leaf              processes (v2 allows them in leaves only)
//
// The nested container `parent.child` is the directory parent/child. Shims are in <root> (v1) or
// <root>/shims (v2), apart from their tasks. Thread-safe; calls for one container must not overlap,
// except with Kill. Every call blocks on the kernel, normally for microseconds.
class Cgroups {
 public:
  enum class Version { kV1, kV2 };

  struct Options {
    std::string hierarchy = "/sys/fs/cgroup";
    std::string root = "mesos";
    // The v1 names: cpu, memory, pids. In v1, cpu includes cpuacct, and the freezer is used if
    // there is one.
    std::set<std::string> controllers;
  };

  // Detects the version, checks that the controllers exist, creates the root cgroup and locks it:
  // an agent removes unknown cgroups in it, so two agents must not share it. Returns kInvalid,
  // naming what is missing, or kConflict if another agent holds the lock.
  static Result<std::unique_ptr<Cgroups>> Open(const Options& options);

  Version version() const { return version_; }

  // Creates the container's cgroup in every hierarchy, or in none.
  Status Create(const ContainerId& id);

  // Adopts the cgroup of a container that the agent created before it was restarted. Returns
  // kNotFound if there is none.
  Status Adopt(const ContainerId& id);

  // Returns whether the container has a cgroup, created or adopted.
  bool Holds(const ContainerId& id) const;

  // Returns the containers that have a cgroup, no matter who created it. Only cgroups named by a
  // UUID, as containers are, count. Nested containers are left out, because cgroups inside a
  // container's cgroup may have been created by the task itself.
  std::vector<ContainerId> List() const;

  // Makes the task start in the container's cgroup, and its shim in the cgroup of the shims.
  void Join(const ContainerId& id, shim::Launch* launch) const;

  // Sends SIGKILL to every process of the container and of those nested in it, until none is left
  // or `timeout` has passed. Returns whether none is left.
  bool Kill(const ContainerId& id, Duration timeout) const;

  // Calls Kill, then removes the cgroups. A missing cgroup is success.
  Status Destroy(const ContainerId& id, Duration timeout);

  // Returns the directory of a controller's files for this container.
  std::string Directory(std::string_view controller, const ContainerId& id) const;

  Result<std::string> Read(std::string_view controller, const ContainerId& id,
                           std::string_view file) const;
  Result<uint64_t> ReadNumber(std::string_view controller, const ContainerId& id,
                              std::string_view file) const;  // "max" gives the largest number.
  // For files of "name number" lines.
  Result<std::map<std::string, uint64_t>> ReadStatistics(std::string_view controller,
                                                         const ContainerId& id,
                                                         std::string_view file) const;
  Status Write(std::string_view controller, const ContainerId& id, std::string_view file,
               std::string_view value) const;

 private:
  Status Lock();
  Cgroups(Version version, std::string root) : version_(version), root_(std::move(root)) {}

  static Result<std::unique_ptr<Cgroups>> OpenV1(const Options& options);
  static Result<std::unique_ptr<Cgroups>> OpenV2(const Options& options);
  Status DelegateControllers(const std::string& directory) const;
  Status CreateIn(const std::string& base, const ContainerId& id) TEPUI_REQUIRES(mutex_);
  std::vector<std::string> Directories(const ContainerId& id) const;
  bool KillRound(const ContainerId& id) const;
  void Freeze(const ContainerId& id, bool frozen) const;
  void RemoveImplicitParent(const ContainerId& id) TEPUI_REQUIRES(mutex_);

  const Version version_;
  const std::string root_;
  std::set<std::string> controllers_;                      // v2.
  std::map<std::string, std::string, std::less<>> bases_;  // Controller to <hierarchy>/.../<root>.
  std::vector<std::string> distinct_bases_;  // v1 mounts may hold several controllers.

  std::vector<FileDescriptor> locks_;  // One per distinct base.

  mutable Mutex mutex_;
  // It need not contain the parents of nested containers.
  std::set<ContainerId> created_ TEPUI_GUARDED_BY(mutex_);
};

// Parses "name number" lines and skips all others.
std::map<std::string, uint64_t> ParseStatistics(std::string_view text);

}  // namespace tepui::containers
