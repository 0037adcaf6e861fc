#pragma once

// For tests that use the machine's real cgroups.

#include <fmt/format.h>
#include <unistd.h>

#include <string>

namespace tepui::containers {

inline constexpr char kHierarchy[] = "/sys/fs/cgroup";

// A root cgroup of this process' own, removed with what is in it.
class TestRoot {
 public:
  TestRoot() : name_(fmt::format("tepui-test-{}", getpid())) {}
  ~TestRoot() {
    for (const char* mount : {"cpu", "cpuacct", "memory", "pids", "freezer", "unified"}) {
      std::string root = fmt::format("{}/{}/{}", kHierarchy, mount, name_);
      rmdir((root + "/shims").c_str());
      rmdir(root.c_str());
    }
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

inline bool HasV1() {
  for (const char* mount : {"cpu", "cpuacct", "memory", "pids"}) {
    if (access(fmt::format("{}/{}/cgroup.procs", kHierarchy, mount).c_str(), W_OK) != 0)
      return false;
  }
  return true;
}

}  // namespace tepui::containers
