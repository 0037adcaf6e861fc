// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/posix_isolators.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace tepui::containers {
namespace {

constexpr auto kKillInterval = std::chrono::milliseconds(10);
constexpr size_t kMaxProcesses = 100'000;  // Per container; more are not counted.

// Each thread has its own children.
void AppendChildren(pid_t pid, std::vector<pid_t>* out) {
  std::string tasks = fmt::format("/proc/{}/task", pid);
  DIR* listing = opendir(tasks.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream children(fmt::format("{}/{}/children", tasks, entry->d_name));
    pid_t child;
    while (children >> child && out->size() < kMaxProcesses) out->push_back(child);
  }
  closedir(listing);
}

void Add(pid_t pid, ProcessUsage* usage) {
  static const double kTicks = static_cast<double>(sysconf(_SC_CLK_TCK));
  static const auto kPage = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(file, line)) return;
  size_t paren = line.rfind(')');  // The command's name may hold anything.
  if (paren == std::string::npos) return;
  // After the name, from field 3 of proc(5): utime 14, stime 15, cutime 16, cstime 17, num_threads
  // 20, rss 24.
  std::istringstream fields(line.substr(paren + 1));
  std::vector<std::string> values;
  for (std::string value; values.size() < 22 && fields >> value;) values.push_back(value);
  if (values.size() < 22) return;
  auto number = [&](size_t field) { return std::strtoll(values[field - 3].c_str(), nullptr, 10); };
  usage->processes += 1;
  usage->threads += static_cast<uint32_t>(number(20));
  usage->user_seconds += static_cast<double>(number(14) + number(16)) / kTicks;
  usage->system_seconds += static_cast<double>(number(15) + number(17)) / kTicks;
  usage->resident_bytes += static_cast<uint64_t>(number(24)) * kPage;
}

// The process has ended, but its parent has not reaped it yet.
bool IsZombie(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  return name_end == std::string::npos || line.compare(name_end, 3, ") Z") == 0;
}

}  // namespace

std::vector<pid_t> ProcessesBelow(pid_t shim) {
  std::vector<pid_t> pids;
  AppendChildren(shim, &pids);
  for (size_t i = 0; i < pids.size(); ++i) {
    const pid_t pid = pids[i];
    AppendChildren(pid, &pids);
  }
  return pids;
}

std::vector<pid_t> LiveProcessesBelow(pid_t shim) {
  std::vector<pid_t> pids = ProcessesBelow(shim);
  std::erase_if(pids, IsZombie);
  return pids;
}

std::vector<pid_t> KillProcessesBelow(pid_t shim, Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    std::vector<pid_t> left = LiveProcessesBelow(shim);
    for (pid_t pid : left) kill(pid, SIGKILL);
    if (left.empty() || std::chrono::steady_clock::now() >= end) return left;
    std::this_thread::sleep_for(kKillInterval);
  }
}

ProcessUsage UsageBelow(pid_t shim) {
  ProcessUsage usage;
  for (pid_t pid : ProcessesBelow(shim)) Add(pid, &usage);
  return usage;
}

void PosixCpuIsolator::Usage(const ContainerId&, pid_t shim, v1::ResourceStatistics* statistics) {
  ProcessUsage usage = UsageBelow(shim);
  statistics->set_processes(usage.processes);
  statistics->set_threads(usage.threads);
  statistics->set_cpus_user_time_secs(usage.user_seconds);
  statistics->set_cpus_system_time_secs(usage.system_seconds);
}

void PosixMemoryIsolator::Usage(const ContainerId&, pid_t shim,
                                v1::ResourceStatistics* statistics) {
  uint64_t resident = UsageBelow(shim).resident_bytes;
  statistics->set_mem_total_bytes(resident);
  statistics->set_mem_rss_bytes(resident);
}

}  // namespace tepui::containers
