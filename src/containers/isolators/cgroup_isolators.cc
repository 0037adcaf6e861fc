// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/cgroup_isolators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace tepui::containers {
namespace {

constexpr double kSharesPerCpu = 1024;
constexpr double kWeightPerCpu = 100;
constexpr double kPeriodMicroseconds = 100'000;
constexpr double kMinQuotaMicroseconds = 1'000;

bool IsV1(const std::shared_ptr<Cgroups>& cgroups) {
  return cgroups->version() == Cgroups::Version::kV1;
}

uint64_t Whole(double value, double low, double high) {
  return static_cast<uint64_t>(std::clamp(value, low, high));
}

}  // namespace

Status CgroupIsolator::Prepare(const ContainerContext& context) {
  return cgroups_->Create(context.id());
}

Status CgroupIsolator::Isolate(const ContainerContext& context, shim::Launch* launch) {
  if (cgroups_->Holds(context.id())) cgroups_->Join(context.id(), launch);
  return {};
}

void CgroupIsolator::Kill(const ContainerId& id) {
  if (!cgroups_->Kill(id, kTimeout)) {
    spdlog::error("Processes of container {} outlive SIGKILL", id);
  }
}

Status CgroupIsolator::Cleanup(const ContainerId& id) { return cgroups_->Destroy(id, kTimeout); }

Status CgroupCpuIsolator::Prepare(const ContainerContext& context) {
  return Update(context.id(), context.demand);
}

Status CgroupCpuIsolator::Update(const ContainerId& id, const Demand& demand) {
  const double cpus = demand.requests.Scalar(ResourceNames::Cpus()).ToDouble();
  Status shared = IsV1(cgroups_)
                      ? cgroups_->Write("cpu", id, "cpu.shares",
                                        fmt::format("{}", Whole(cpus * kSharesPerCpu, 2, 262'144)))
                      : cgroups_->Write("cpu", id, "cpu.weight",
                                        fmt::format("{}", Whole(cpus * kWeightPerCpu, 1, 10'000)));
  if (!shared) return shared;
  std::optional<double> limit = demand.Limit("cpus");
  if (!limit && !enable_cfs_) return {};
  double bound = limit.value_or(cpus);
  return SetQuota(id, std::isinf(bound) ? std::nullopt : std::optional(bound));
}

Status CgroupCpuIsolator::SetQuota(const ContainerId& id, std::optional<double> cpus) {
  uint64_t quota = cpus ? Whole(*cpus * kPeriodMicroseconds, kMinQuotaMicroseconds, 1e15) : 0;
  if (!IsV1(cgroups_)) {
    std::string amount = cpus ? fmt::format("{}", quota) : "max";
    return cgroups_->Write("cpu", id, "cpu.max", fmt::format("{} {}", amount, kPeriodMicroseconds));
  }
  Status period =
      cgroups_->Write("cpu", id, "cpu.cfs_period_us", fmt::format("{}", kPeriodMicroseconds));
  if (!period) return period;
  return cgroups_->Write("cpu", id, "cpu.cfs_quota_us", cpus ? fmt::format("{}", quota) : "-1");
}

void CgroupCpuIsolator::Usage(const ContainerId& id, pid_t, v1::ResourceStatistics* statistics) {
  auto stat = cgroups_->ReadStatistics("cpu", id, "cpu.stat");
  if (stat && stat->contains("nr_periods")) {
    statistics->set_cpus_nr_periods(static_cast<uint32_t>((*stat)["nr_periods"]));
    statistics->set_cpus_nr_throttled(static_cast<uint32_t>((*stat)["nr_throttled"]));
    double seconds = IsV1(cgroups_) ? static_cast<double>((*stat)["throttled_time"]) / 1e9
                                    : static_cast<double>((*stat)["throttled_usec"]) / 1e6;
    statistics->set_cpus_throttled_time_secs(seconds);
  }
  if (!IsV1(cgroups_)) {
    if (!stat) return;
    statistics->set_cpus_user_time_secs(static_cast<double>((*stat)["user_usec"]) / 1e6);
    statistics->set_cpus_system_time_secs(static_cast<double>((*stat)["system_usec"]) / 1e6);
    return;
  }
  Result<uint64_t> user = cgroups_->ReadNumber("cpuacct", id, "cpuacct.usage_user");
  Result<uint64_t> system = cgroups_->ReadNumber("cpuacct", id, "cpuacct.usage_sys");
  if (user) statistics->set_cpus_user_time_secs(static_cast<double>(*user) / 1e9);
  if (system) statistics->set_cpus_system_time_secs(static_cast<double>(*system) / 1e9);
}

Status CgroupPidsIsolator::Prepare(const ContainerContext& context) {
  if (max_ == 0) return {};
  return cgroups_->Write("pids", context.id(), "pids.max", fmt::format("{}", max_));
}

void CgroupPidsIsolator::Usage(const ContainerId& id, pid_t, v1::ResourceStatistics* statistics) {
  // The kernel counts threads.
  Result<uint64_t> current = cgroups_->ReadNumber("pids", id, "pids.current");
  if (current) statistics->set_threads(static_cast<uint32_t>(*current));
}

}  // namespace tepui::containers
