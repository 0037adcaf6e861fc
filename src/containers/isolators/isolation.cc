// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/isolation.h"

#include <set>
#include <string_view>
#include <utility>

#include "containers/isolators/cgroup_isolators.h"
#include "containers/isolators/posix_isolators.h"

namespace tepui::containers {
namespace {

constexpr std::string_view kAlwaysOn[] = {"filesystem/posix", "posix/rlimits",
                                          "linux/capabilities"};

std::set<std::string> Split(std::string_view list) {
  std::set<std::string> names;
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    if (name == "process") {
      names.insert({"posix/cpu", "posix/mem"});
    } else if (name == "cgroups") {
      names.insert({"cgroups/cpu", "cgroups/mem"});
    } else if (!name.empty()) {
      names.emplace(name);
    }
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  for (std::string_view name : kAlwaysOn) names.erase(std::string(name));
  return names;
}

Result<std::shared_ptr<Cgroups>> OpenCgroups(const IsolationOptions& options,
                                             const std::set<std::string>& names) {
  Cgroups::Options wanted = {options.cgroups_hierarchy, options.cgroups_root, {}};
  if (names.contains("cgroups/cpu")) wanted.controllers.insert("cpu");
  if (names.contains("cgroups/mem")) wanted.controllers.insert("memory");
  if (names.contains("cgroups/pids")) wanted.controllers.insert("pids");
  if (wanted.controllers.empty()) return nullptr;
  Result<std::unique_ptr<Cgroups>> opened = Cgroups::Open(wanted);
  if (!opened) return Fail(opened.error());
  return std::shared_ptr<Cgroups>(std::move(*opened));
}

}  // namespace

Result<std::unique_ptr<Isolation>> Isolation::Create(const IsolationOptions& options) {
  std::set<std::string> names = Split(options.isolation);
  Result<std::shared_ptr<Cgroups>> opened = OpenCgroups(options, names);
  if (!opened) return Fail(opened.error());
  const std::shared_ptr<Cgroups>& cgroups = *opened;

  std::vector<std::unique_ptr<Isolator>> isolators;
  // The cgroup comes first: the other isolators write into it, and it must be removed last.
  if (cgroups != nullptr) isolators.push_back(std::make_unique<CgroupIsolator>(cgroups));
  auto add = [&]<class T, class... Args>(const char* name, std::in_place_type_t<T>, Args... args) {
    if (names.erase(name) > 0) isolators.push_back(std::make_unique<T>(args...));
  };
  add("posix/cpu", std::in_place_type<PosixCpuIsolator>);
  add("posix/mem", std::in_place_type<PosixMemoryIsolator>);
  add("cgroups/cpu", std::in_place_type<CgroupCpuIsolator>, cgroups, options.cgroups_enable_cfs);
  add("cgroups/mem", std::in_place_type<CgroupMemoryIsolator>, cgroups, options.cgroups_limit_swap);
  add("cgroups/pids", std::in_place_type<CgroupPidsIsolator>, cgroups, options.pids_max);
  add("linux/nnp", std::in_place_type<NoNewPrivilegesIsolator>);
  if (!names.empty()) {
    return Fail(Code::kInvalid,
                "--isolation names '{}', which is not known; known are posix/cpu, posix/mem, "
                "cgroups/cpu, cgroups/mem, cgroups/pids, linux/nnp, filesystem/posix, "
                "posix/rlimits, linux/capabilities, and the aliases process and cgroups",
                *names.begin());
  }
  return std::make_unique<Isolation>(std::move(isolators));
}

Status Isolation::Prepare(const ContainerId& id, const Demand& demand) {
  for (size_t i = 0; i < isolators_.size(); ++i) {
    Status prepared = isolators_[i]->Prepare(id, demand);
    if (prepared) continue;
    (void)CleanupFirst(id, i);  // The earlier failure is reported.
    return Fail(prepared.error().code, "{}: {}", isolators_[i]->name(), prepared.error().message);
  }
  return {};
}

Status Isolation::Recover(const ContainerId& id) {
  Status first;
  for (auto& isolator : isolators_) {
    Status recovered = isolator->Recover(id);
    if (first && !recovered) first = recovered;
  }
  return first;
}

std::set<ContainerId> Isolation::Found() {
  std::set<ContainerId> found;
  for (auto& isolator : isolators_) {
    for (ContainerId& id : isolator->Found()) found.insert(std::move(id));
  }
  return found;
}

void Isolation::Isolate(const ContainerId& id, const Demand& demand, shim::Launch* launch) {
  for (auto& isolator : isolators_) isolator->Isolate(id, demand, launch);
}

std::vector<Alarm> Isolation::Watch(const ContainerId& id) {
  std::vector<Alarm> alarms;
  for (auto& isolator : isolators_) {
    if (std::optional<Alarm> alarm = isolator->Watch(id)) alarms.push_back(std::move(*alarm));
  }
  return alarms;
}

Status Isolation::Update(const ContainerId& id, const Demand& demand) {
  Status first;
  for (auto& isolator : isolators_) {
    Status updated = isolator->Update(id, demand);
    if (first && !updated) first = updated;
  }
  return first;
}

std::optional<Limitation> Isolation::Limited(const ContainerId& id, bool alarmed) {
  for (auto& isolator : isolators_) {
    if (std::optional<Limitation> limitation = isolator->Limited(id, alarmed)) return limitation;
  }
  return std::nullopt;
}

void Isolation::Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) {
  for (auto& isolator : isolators_) isolator->Usage(id, shim, statistics);
}

void Isolation::Kill(const ContainerId& id) {
  for (auto& isolator : isolators_) isolator->Kill(id);
}

Status Isolation::Cleanup(const ContainerId& id) { return CleanupFirst(id, isolators_.size()); }

Status Isolation::CleanupFirst(const ContainerId& id, size_t count) {
  Status first;
  for (size_t i = count; i-- > 0;) {
    Status cleaned = isolators_[i]->Cleanup(id);
    if (first && !cleaned) first = cleaned;
  }
  return first;
}

std::vector<std::string> Isolation::Names() const {
  std::vector<std::string> names;
  for (const auto& isolator : isolators_) names.emplace_back(isolator->name());
  return names;
}

}  // namespace tepui::containers
