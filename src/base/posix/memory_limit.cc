// SPDX-License-Identifier: Apache-2.0
#include "base/posix/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>

namespace tepui {
namespace {

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

size_t OfMachine() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return kNoLimit;
  return static_cast<size_t>(pages) * static_cast<size_t>(page_bytes);
}

size_t OfResource(decltype(RLIMIT_AS) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  return limit.rlim_cur;
}

// A line is "number:controllers:path"; v2 has the number 0 and no controllers.
size_t OfCgroups() {
  size_t least = kNoLimit;
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string path = line.substr(second + 1);
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers == ",,") {
      least = std::min(least, CgroupMemoryLimit("/sys/fs/cgroup", path, "memory.max"));
    } else if (controllers.contains(",memory,")) {
      least = std::min(least,
                       CgroupMemoryLimit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

}  // namespace

size_t CgroupMemoryLimit(const std::string& mount, std::string path, const std::string& file) {
  size_t least = kNoLimit;
  for (;;) {
    if (path == "/") path.clear();
    size_t limit = 0;
    // "max" is no number, and means no limit.
    if (std::ifstream(mount + path + "/" + file) >> limit) least = std::min(least, limit);
    if (path.empty()) return least;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

size_t MemoryLimit() {
  return std::min({OfMachine(), OfCgroups(), OfResource(RLIMIT_AS), OfResource(RLIMIT_DATA)});
}

}  // namespace tepui
