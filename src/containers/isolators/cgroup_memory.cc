// SPDX-License-Identifier: Apache-2.0
// The memory isolator of cgroup_isolators.h.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "base/log.h"
#include "containers/isolators/cgroup_isolators.h"

namespace tepui::containers {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;
constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();
// The kernel raises the alarm before it kills, and increments the count afterwards.
constexpr int kCountPolls = 200;
constexpr auto kCountPause = std::chrono::milliseconds(5);

uint64_t Bytes(double megabytes) {
  if (std::isinf(megabytes)) return kUnlimited;
  double bytes = megabytes * static_cast<double>(kMegabyte);
  if (bytes >= 9.2e18) return kUnlimited;
  return std::max(static_cast<uint64_t>(bytes), CgroupMemoryIsolator::kMinBytes);
}

uint64_t SoftLimit(const Demand& demand) {
  return Bytes(demand.requests.Scalar(ResourceNames::Mem()).ToDouble());
}

uint64_t HardLimit(const Demand& demand) {
  std::optional<double> limit = demand.Limit("mem");
  return limit ? Bytes(*limit) : SoftLimit(demand);
}

double Megabytes(uint64_t bytes) { return static_cast<double>(bytes) / kMegabyte; }

uint64_t MachineBytes() {
  struct sysinfo about;
  return sysinfo(&about) == 0 ? uint64_t{about.totalram} * about.mem_unit : 0;
}

bool EventRang(int fd) {
  eventfd_t count;
  return eventfd_read(fd, &count) == 0;
}

// Reading it also arms the next notification.
bool KillIsCounted(int fd) {
  std::array<char, 1024> text;
  ssize_t size = pread(fd, text.data(), text.size(), 0);
  if (size <= 0) return false;
  return ParseStatistics({text.data(), static_cast<size_t>(size)})["oom_kill"] > 0;
}

}  // namespace

Status CgroupMemoryIsolator::Prepare(const ContainerContext& context) {
  const Status soft = SetSoftLimit(context.id(), context.demand);
  return soft ? SetHardLimit(context.id(), HardLimit(context.demand), /*raise=*/false) : soft;
}

Status CgroupMemoryIsolator::Update(const ContainerId& id, const Demand& demand) {
  Status soft = SetSoftLimit(id, demand);
  if (!soft) return soft;
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  Result<uint64_t> current =
      cgroups_->ReadNumber("memory", id, v1 ? "memory.limit_in_bytes" : "memory.max");
  if (!current) return Fail(current.error());
  uint64_t wanted = HardLimit(demand);
  return wanted > *current ? SetHardLimit(id, wanted, /*raise=*/true) : Status();
}

Status CgroupMemoryIsolator::SetSoftLimit(const ContainerId& id, const Demand& demand) {
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  return cgroups_->Write("memory", id, v1 ? "memory.soft_limit_in_bytes" : "memory.low",
                         fmt::format("{}", SoftLimit(demand)));
}

Status CgroupMemoryIsolator::SetHardLimit(const ContainerId& id, uint64_t bytes, bool raise) {
  if (cgroups_->version() == Cgroups::Version::kV2) {
    return cgroups_->Write("memory", id, "memory.max",
                           bytes == kUnlimited ? "max" : fmt::format("{}", bytes));
  }
  std::string value = bytes == kUnlimited ? "-1" : fmt::format("{}", bytes);
  // Memory with swap may never be less than memory alone, so the order depends on the direction.
  std::array<const char*, 2> files = {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"};
  if (raise) std::swap(files[0], files[1]);
  for (const char* file : files) {
    if (!limit_swap_ && file != std::string_view("memory.limit_in_bytes")) continue;
    Status written = cgroups_->Write("memory", id, file, value);
    if (!written) return written;
  }
  return {};
}

Status CgroupMemoryIsolator::Isolate(const ContainerContext& context, shim::Launch* launch) {
  static const uint64_t kMachine = MachineBytes();
  const uint64_t soft = SoftLimit(context.demand);
  if (soft >= HardLimit(context.demand) || kMachine == 0) return {};
  const double share = static_cast<double>(soft) / static_cast<double>(kMachine);
  launch->oom_score_adj = std::clamp(1000 - static_cast<int>(1000 * std::min(share, 1.0)), 0, 1000);
  return {};
}

std::optional<Alarm> CgroupMemoryIsolator::Watch(const ContainerId& id) {
  std::string directory = cgroups_->Directory("memory", id);
  if (cgroups_->version() == Cgroups::Version::kV2) {
    std::string events = directory + "/memory.events";
    FileDescriptor file(open(events.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return std::nullopt;
    return Alarm{std::move(file), EPOLLPRI, KillIsCounted};
  }
  std::string control_path = directory + "/memory.oom_control";
  FileDescriptor control(open(control_path.c_str(), O_RDONLY | O_CLOEXEC));
  FileDescriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!control.valid() || !event.valid()) return std::nullopt;
  Status registered = cgroups_->Write("memory", id, "cgroup.event_control",
                                      fmt::format("{} {}", event.get(), control.get()));
  if (!registered) {
    // An OOM kill that ends the task is still detected when the container is cleaned up.
    spdlog::warn("Cannot listen for OOM kills in container {}: {}", id, registered.error().message);
    return std::nullopt;
  }
  return Alarm{std::move(event), EPOLLIN, EventRang};
}

bool CgroupMemoryIsolator::WasKilledIn(const ContainerId& id) const {
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  auto counts = cgroups_->ReadStatistics("memory", id, v1 ? "memory.oom_control" : "memory.events");
  return counts && (*counts)["oom_kill"] > 0;
}

std::optional<Limitation> CgroupMemoryIsolator::Limited(const ContainerId& id, bool alarmed) {
  bool killed = WasKilledIn(id);
  for (int i = 0; alarmed && !killed && i < kCountPolls; ++i) {
    std::this_thread::sleep_for(kCountPause);
    killed = WasKilledIn(id);
  }
  if (!killed) return std::nullopt;
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  // The highest usage; kernels before 5.19 do not have it in v2.
  Result<uint64_t> used =
      cgroups_->ReadNumber("memory", id, v1 ? "memory.max_usage_in_bytes" : "memory.peak");
  if (!used && !v1) used = cgroups_->ReadNumber("memory", id, "memory.max");
  uint64_t bytes = used ? *used : 0;
  Resources limited;
  limited += Resources::Parse(fmt::format("mem:{:.3f}", Megabytes(bytes))).value_or(Resources());
  return Limitation{v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY, Describe(id, bytes),
                    std::move(limited)};
}

std::string CgroupMemoryIsolator::Describe(const ContainerId& id, uint64_t used) const {
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  Result<uint64_t> limit =
      cgroups_->ReadNumber("memory", id, v1 ? "memory.limit_in_bytes" : "memory.max");
  std::string message =
      fmt::format("Memory limit exceeded: used up to {:.0f}MB of the {:.0f}MB allowed",
                  Megabytes(used), limit ? Megabytes(*limit) : 0.0);
  auto statistics = cgroups_->ReadStatistics("memory", id, "memory.stat");
  if (!statistics) return message;
  message += "\n\nMemory when the limit was exceeded:";
  for (const char* name : {"cache", "rss", "mapped_file", "swap", "anon", "file", "kernel"}) {
    auto found = statistics->find(name);
    if (found != statistics->end()) message += fmt::format("\n{} {}", name, found->second);
  }
  return message;
}

void CgroupMemoryIsolator::Usage(const ContainerId& id, pid_t, v1::ResourceStatistics* statistics) {
  bool v1 = cgroups_->version() == Cgroups::Version::kV1;
  Result<uint64_t> total =
      cgroups_->ReadNumber("memory", id, v1 ? "memory.usage_in_bytes" : "memory.current");
  if (total) statistics->set_mem_total_bytes(*total);
  auto stat = cgroups_->ReadStatistics("memory", id, "memory.stat");
  if (!stat) return;
  auto get = [&](const char* old_name, const char* new_name) {
    return (*stat)[v1 ? old_name : new_name];
  };
  statistics->set_mem_rss_bytes(get("total_rss", "anon"));
  statistics->set_mem_anon_bytes(get("total_rss", "anon"));
  statistics->set_mem_cache_bytes(get("total_cache", "file"));
  statistics->set_mem_file_bytes(get("total_cache", "file"));
  statistics->set_mem_mapped_file_bytes(get("total_mapped_file", "file_mapped"));
  statistics->set_mem_unevictable_bytes(get("total_unevictable", "unevictable"));
  if (!v1) {
    statistics->set_mem_kmem_usage_bytes((*stat)["kernel"]);
    statistics->set_mem_kmem_tcp_usage_bytes((*stat)["sock"]);
    return;
  }
  statistics->set_mem_swap_bytes((*stat)["total_swap"]);
  Result<uint64_t> kernel = cgroups_->ReadNumber("memory", id, "memory.kmem.usage_in_bytes");
  if (kernel) statistics->set_mem_kmem_usage_bytes(*kernel);
  Result<uint64_t> tcp = cgroups_->ReadNumber("memory", id, "memory.kmem.tcp.usage_in_bytes");
  if (tcp) statistics->set_mem_kmem_tcp_usage_bytes(*tcp);
}

}  // namespace tepui::containers
