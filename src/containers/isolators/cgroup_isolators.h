#pragma once

#include <memory>

#include "container/isolator.h"
#include "containers/isolators/cgroups.h"

namespace tepui::containers {

// The container's cgroup itself: made first, joined by the task, emptied and removed last. The
// other isolators write the files in it.
class CgroupIsolator final : public Isolator {
 public:
  // Of Kill and of Cleanup.
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  explicit CgroupIsolator(std::shared_ptr<Cgroups> cgroups) : cgroups_(std::move(cgroups)) {}
  std::string_view name() const override { return "cgroups"; }
  Status Prepare(const ContainerId& id, const Demand& demand) override;
  Status Recover(const ContainerId& id) override { return cgroups_->Adopt(id); }
  std::vector<ContainerId> Found() override { return cgroups_->List(); }
  // A container that was recovered without a cgroup has its checks run without one, too.
  void Isolate(const ContainerId& id, const Demand& demand, shim::Launch* launch) override;
  void Kill(const ContainerId& id) override;
  Status Cleanup(const ContainerId& id) override;

 private:
  std::shared_ptr<Cgroups> cgroups_;
};

// cgroups/cpu. A share of the cpu in proportion to the request (v1 cpu.shares: 1024 a cpu, at least
// 2; v2 cpu.weight: 100 a cpu, 1 to 10000), and a quota per 100 ms if there is a limit or
// `enable_cfs`; at least 1 ms.
class CgroupCpuIsolator final : public Isolator {
 public:
  CgroupCpuIsolator(std::shared_ptr<Cgroups> cgroups, bool enable_cfs)
      : cgroups_(std::move(cgroups)), enable_cfs_(enable_cfs) {}
  std::string_view name() const override { return "cgroups/cpu"; }
  Status Prepare(const ContainerId& id, const Demand& demand) override;
  Status Update(const ContainerId& id, const Demand& demand) override;
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;

 private:
  Status SetQuota(const ContainerId& id, std::optional<double> cpus);

  std::shared_ptr<Cgroups> cgroups_;
  const bool enable_cfs_;
};

// cgroups/mem. The request is the soft limit, the limit (or else the request) the hard one; neither
// below 32 MB. A hard limit is raised by an update but never lowered: that could kill what fitted
// before. The kernel's OOM killer acts, and the container it acted in is ended.
class CgroupMemoryIsolator final : public Isolator {
 public:
  static constexpr uint64_t kMinBytes = uint64_t{32} << 20;

  CgroupMemoryIsolator(std::shared_ptr<Cgroups> cgroups, bool limit_swap)
      : cgroups_(std::move(cgroups)), limit_swap_(limit_swap) {}
  std::string_view name() const override { return "cgroups/mem"; }
  Status Prepare(const ContainerId& id, const Demand& demand) override;
  // A task that may use more than it asked for is the first to go when the machine runs out of
  // memory.
  void Isolate(const ContainerId& id, const Demand& demand, shim::Launch* launch) override;
  std::optional<Alarm> Watch(const ContainerId& id) override;
  Status Update(const ContainerId& id, const Demand& demand) override;
  std::optional<Limitation> Limited(const ContainerId& id, bool alarmed) override;
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;

 private:
  Status SetSoftLimit(const ContainerId& id, const Demand& demand);
  Status SetHardLimit(const ContainerId& id, uint64_t bytes, bool raise);
  bool WasKilledIn(const ContainerId& id) const;
  std::string Describe(const ContainerId& id, uint64_t used) const;

  std::shared_ptr<Cgroups> cgroups_;
  const bool limit_swap_;
};

// cgroups/pids: a bound on processes and threads, if `max` is not 0.
class CgroupPidsIsolator final : public Isolator {
 public:
  CgroupPidsIsolator(std::shared_ptr<Cgroups> cgroups, uint64_t max)
      : cgroups_(std::move(cgroups)), max_(max) {}
  std::string_view name() const override { return "cgroups/pids"; }
  Status Prepare(const ContainerId& id, const Demand& demand) override;
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;

 private:
  std::shared_ptr<Cgroups> cgroups_;
  const uint64_t max_;
};

}  // namespace tepui::containers
