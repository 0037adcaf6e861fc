#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "shim/launch.h"

namespace tepui::containers {

// The control groups of the containers, versions 1 and 2 of the kernel's interface (reference 5.4):
//
//   v1  <hierarchy>/<controller>/<root>/<id>      processes of the container
//   v2  <hierarchy>/<root>/<id>                   limits
//       <hierarchy>/<root>/<id>/leaf              processes (v2 wants them in leaves only)
//
// The nested container `parent.child` is the directory parent/child. Shims are in <root> (v1) or
// <root>/shims (v2), apart from their tasks. Thread-safe; calls for one container must not overlap,
// except with Kill. Everything blocks on the kernel, normally for microseconds.
class Cgroups {
 public:
  enum class Version { kV1, kV2 };

  struct Options {
    std::string hierarchy = "/sys/fs/cgroup";
    std::string root = "mesos";
    // By the names of v1: cpu, memory, pids. In v1 cpu brings cpuacct along, and the freezer is
    // used if it is there.
    std::set<std::string> controllers;
  };

  // Finds out the version, checks that the controllers are there, creates the root cgroup and takes
  // the lock on it: what one agent does not know in there it removes, so no two may share it.
  // kInvalid says what is missing, kConflict that another agent has it.
  static Result<std::unique_ptr<Cgroups>> Open(const Options& options);

  Version version() const { return version_; }

  // Makes the container's cgroup in every hierarchy; all or none.
  Status Create(const ContainerId& id);

  // Takes back the cgroup of a container that another life of the agent has made. kNotFound if it
  // made none.
  Status Adopt(const ContainerId& id);

  // Whether the container has a cgroup, made or taken back.
  bool Holds(const ContainerId& id) const;

  // The containers that there are cgroups of, whoever made them. Without nested ones: what is in a
  // container's cgroup may also be the task's own. Only what is named as containers are, by a UUID.
  std::vector<ContainerId> List() const;

  // Has the task start in the container's cgroup, and its shim in that of the shims.
  void Join(const ContainerId& id, shim::Launch* launch) const;

  // SIGKILL to every process of the container and of those nested in it. Returns when none is left
  // or `timeout` has passed; whether none is left.
  bool Kill(const ContainerId& id, Duration timeout) const;

  // Kill, then removes the cgroups. A missing cgroup is success.
  Status Destroy(const ContainerId& id, Duration timeout);

  // Where the files of a controller are for this container.
  std::string Directory(std::string_view controller, const ContainerId& id) const;

  Result<std::string> Read(std::string_view controller, const ContainerId& id,
                           std::string_view file) const;
  Result<uint64_t> ReadNumber(std::string_view controller, const ContainerId& id,
                              std::string_view file) const;  // "max" is the largest.
  // Files of "name number" lines.
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
  Status CreateIn(const std::string& base, const ContainerId& id);
  std::vector<std::string> Directories(const ContainerId& id) const;
  bool KillRound(const ContainerId& id) const;
  void Freeze(const ContainerId& id, bool frozen) const;
  void RemoveImplicitParent(const ContainerId& id);

  const Version version_;
  const std::string root_;
  std::set<std::string> controllers_;                      // v2.
  std::map<std::string, std::string, std::less<>> bases_;  // Controller to <hierarchy>/.../<root>.
  std::vector<std::string> distinct_bases_;  // v1 mounts may hold several controllers.

  std::vector<FileDescriptor> locks_;  // Of distinct_bases_.

  mutable std::mutex mutex_;
  // Guarded by mutex_; the parents of nested containers need not be among them.
  std::set<ContainerId> created_;
};

// Parses "name number" lines; others are passed over.
std::map<std::string, uint64_t> ParseStatistics(std::string_view text);

}  // namespace tepui::containers
