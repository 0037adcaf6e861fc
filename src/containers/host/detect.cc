// SPDX-License-Identifier: Apache-2.0
#include "containers/host/detect.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/log.h"
#include "wire/json.h"

namespace tepui::containers {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;
constexpr uint64_t kGigabyte = uint64_t{1} << 30;

// Returns all but `reserve`, or half of `total` if that is less than twice the reserve, in MB.
uint64_t AllBut(uint64_t reserve, uint64_t total) {
  return (total >= 2 * reserve ? total - reserve : total / 2) / kMegabyte;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Returns the names in a flag that Resources::Parse has accepted. Parse drops resources with a zero
// amount, but they count here: "gpus:0" and "disk:0" mean that the agent offers none.
std::set<std::string> NamesIn(std::string_view flag) {
  std::set<std::string> names;
  flag = Trim(flag);
  if (flag.starts_with('[')) {
    v1::ResourceUsage parsed;  // Has a field of the flag's type and requires no other.
    if (wire::FromJson(fmt::format("{{\"total\":{}}}", flag), &parsed)) {
      for (const v1::Resource& resource : parsed.total()) names.insert(resource.name());
    }
    return names;
  }
  while (!flag.empty()) {
    size_t end = flag.find(';');
    std::string_view token = flag.substr(0, end);
    names.emplace(Trim(token.substr(0, token.find_first_of("(:"))));
    flag.remove_prefix(end == std::string_view::npos ? flag.size() : end + 1);
  }
  return names;
}

}  // namespace

Machine DetectMachine(const std::string& work_dir) {
  Machine machine;
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (cpus > 0) {
    machine.cpus = static_cast<double>(cpus);
  } else {
    spdlog::warn("Cannot read the number of processors; offering {}", machine.cpus);
  }
  struct sysinfo about;
  if (sysinfo(&about) == 0) {
    machine.memory_bytes = uint64_t{about.totalram} * about.mem_unit;
  } else {
    spdlog::warn("Cannot read the size of the memory ({}); assuming 1 GB", std::strerror(errno));
  }
  struct statvfs disk;
  if (statvfs(work_dir.c_str(), &disk) == 0) {
    machine.disk_bytes = uint64_t{disk.f_blocks} * disk.f_frsize;
  } else {
    spdlog::warn("Cannot read the size of the file system of '{}' ({}); assuming 10 GB", work_dir,
                 std::strerror(errno));
  }
  return machine;
}

std::string DefaultResources(const Machine& machine, const std::set<std::string>& named) {
  std::string text;
  auto add = [&](const char* name, const std::string& value) {
    if (named.contains(name)) return;
    text += fmt::format("{}{}:{}", text.empty() ? "" : ";", name, value);
  };
  add("cpus", fmt::format("{}", machine.cpus));
  add("mem", fmt::format("{}", AllBut(kGigabyte, machine.memory_bytes)));
  add("disk", fmt::format("{}", AllBut(5 * kGigabyte, machine.disk_bytes)));
  add("ports", "[31000-32000]");
  return text;
}

Result<Resources> DetectResources(const std::string& work_dir, const std::string& flag,
                                  const std::string& default_role) {
  Result<Resources> given = Resources::Parse(flag, default_role);
  if (!given) return given;
  Result<Resources> found =
      Resources::Parse(DefaultResources(DetectMachine(work_dir), NamesIn(flag)), default_role);
  if (!found) return found;
  return *given + *found;
}

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace tepui::containers
