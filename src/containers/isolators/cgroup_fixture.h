// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests that use the machine's real cgroups.

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace tepui::containers {

inline constexpr char kHierarchy[] = "/sys/fs/cgroup";

// A root cgroup for this process, removed with everything in it.
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

// Keeps a process from ending, even by SIGKILL, like one that waits for a disk.
class FrozenProcess {
 public:
  explicit FrozenProcess(int pid)
      : directory_(fmt::format("{}/freezer/tepui-test-frozen-{}", kHierarchy, pid)) {
    mkdir(directory_.c_str(), 0755);
    Write("cgroup.procs", fmt::format("{}", pid));
    Write("freezer.state", "FROZEN");
  }
  ~FrozenProcess() {
    Thaw();
    // A cgroup can be removed only a moment after its last process has ended.
    for (int i = 0; i < 1000 && rmdir(directory_.c_str()) != 0; ++i) usleep(10'000);
  }
  void Thaw() { Write("freezer.state", "THAWED"); }
  bool frozen() const {
    std::string state;
    std::ifstream(directory_ + "/freezer.state") >> state;
    return state == "FROZEN";
  }

 private:
  void Write(const char* file, const std::string& text) {
    std::ofstream(directory_ + "/" + file) << text;
  }
  std::string directory_;
};

inline bool HasFreezer() {
  return access(fmt::format("{}/freezer/cgroup.procs", kHierarchy).c_str(), W_OK) == 0;
}

inline bool HasV1() {
  for (const char* mount : {"cpu", "cpuacct", "memory", "pids"}) {
    if (access(fmt::format("{}/{}/cgroup.procs", kHierarchy, mount).c_str(), W_OK) != 0)
      return false;
  }
  return true;
}

}  // namespace tepui::containers
