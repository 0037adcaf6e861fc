// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "container/isolator.h"
#include "containers/isolators/cgroups.h"

namespace tepui::containers {

// Manages the container's cgroup itself: it is created first, joined by the task, and emptied and
// removed last. The other isolators write the files in it.
class CgroupIsolator final : public Isolator {
 public:
  // The timeout of Kill and of Cleanup.
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  explicit CgroupIsolator(std::shared_ptr<Cgroups> cgroups) : cgroups_(std::move(cgroups)) {}
  std::string_view name() const override { return "cgroups"; }
  Status Prepare(const ContainerContext& context) override;
  Status Recover(const ContainerContext& context) override { return cgroups_->Adopt(context.id()); }
  std::vector<ContainerId> Found() override { return cgroups_->List(); }
  // The checks of a container that was recovered without a cgroup run without one, too.
  Status Isolate(const ContainerContext& context, shim::Launch* launch) override;
  void Kill(const ContainerId& id) override;
  Status Cleanup(const ContainerId& id) override;

 private:
  std::shared_ptr<Cgroups> cgroups_;
};

// cgroups/cpu: sets a share of the cpu in proportion to the request (v1 cpu.shares: 1024 per cpu,
// at least 2; v2 cpu.weight: 100 per cpu, 1 to 10000), and, if there is a limit or `enable_cfs`, a
// quota of at least 1 ms per 100 ms.
class CgroupCpuIsolator final : public Isolator {
 public:
  CgroupCpuIsolator(std::shared_ptr<Cgroups> cgroups, bool enable_cfs)
      : cgroups_(std::move(cgroups)), enable_cfs_(enable_cfs) {}
  std::string_view name() const override { return "cgroups/cpu"; }
  Status Prepare(const ContainerContext& context) override;
  Status Update(const ContainerId& id, const Demand& demand) override;
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;

 private:
  Status SetQuota(const ContainerId& id, std::optional<double> cpus);

  std::shared_ptr<Cgroups> cgroups_;
  const bool enable_cfs_;
};

// cgroups/mem: the request is the soft limit, the limit (or else the request) is the hard one;
// neither is below 32 MB. An update may raise a hard limit but never lowers it, since that could
// kill a task that fitted before. The kernel's OOM killer enforces it, and a container in which it
// killed a process is destroyed.
class CgroupMemoryIsolator final : public Isolator {
 public:
  static constexpr uint64_t kMinBytes = uint64_t{32} << 20;

  CgroupMemoryIsolator(std::shared_ptr<Cgroups> cgroups, bool limit_swap)
      : cgroups_(std::move(cgroups)), limit_swap_(limit_swap) {}
  std::string_view name() const override { return "cgroups/mem"; }
  Status Prepare(const ContainerContext& context) override;
  // Makes a task that may use more than it requested the first to be killed when the machine runs
  // out of memory.
  Status Isolate(const ContainerContext& context, shim::Launch* launch) override;
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

// cgroups/pids: bounds processes and threads, if `max` is not 0.
class CgroupPidsIsolator final : public Isolator {
 public:
  CgroupPidsIsolator(std::shared_ptr<Cgroups> cgroups, uint64_t max)
      : cgroups_(std::move(cgroups)), max_(max) {}
  std::string_view name() const override { return "cgroups/pids"; }
  Status Prepare(const ContainerContext& context) override;
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;

 private:
  std::shared_ptr<Cgroups> cgroups_;
  const uint64_t max_;
};

}  // namespace tepui::containers
