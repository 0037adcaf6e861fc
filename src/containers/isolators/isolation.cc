// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/isolation.h"

#include "containers/isolators/cgroup_isolators.h"

namespace tepui::containers {
namespace {

// Returns null if no chosen isolator needs cgroups.
Result<std::shared_ptr<Cgroups>> OpenCgroups(const IsolationOptions& options,
                                             const std::vector<const IsolatorKind*>& chosen) {
  Cgroups::Options wanted = {options.cgroups_hierarchy, options.cgroups_root, {}};
  for (const IsolatorKind* kind : chosen) {
    if (!kind->controller.empty()) wanted.controllers.emplace(kind->controller);
  }
  if (wanted.controllers.empty()) return nullptr;
  Result<std::unique_ptr<Cgroups>> opened = Cgroups::Open(wanted);
  if (!opened) return Fail(opened.error());
  return std::shared_ptr<Cgroups>(std::move(*opened));
}

Error InIsolator(const Isolator& isolator, const Error& error) {
  return {error.code, fmt::format("{}: {}", isolator.name(), error.message)};
}

}  // namespace

Result<std::unique_ptr<Isolation>> Isolation::Create(const IsolationOptions& options) {
  std::vector<std::string> problems;
  const std::vector<const IsolatorKind*> chosen = ChooseIsolators(options.isolation, &problems);
  if (!problems.empty()) return Fail(Code::kInvalid, "{}", problems.front());
  const Result<std::shared_ptr<Cgroups>> cgroups = OpenCgroups(options, chosen);
  if (!cgroups) return Fail(cgroups.error());
  std::vector<std::unique_ptr<Isolator>> isolators;
  // The cgroup comes first: the other isolators write into it, and it must be removed last.
  if (*cgroups != nullptr) isolators.push_back(std::make_unique<CgroupIsolator>(*cgroups));
  for (const IsolatorKind* kind : chosen) {
    if (kind->make == nullptr) continue;
    Result<std::unique_ptr<Isolator>> made = kind->make({options, *cgroups});
    if (!made) return Fail(made.error());
    isolators.push_back(std::move(*made));
  }
  return std::make_unique<Isolation>(std::move(isolators));
}

Isolation::Isolation(std::vector<std::unique_ptr<Isolator>> isolators)
    : isolators_(std::move(isolators)) {
  for (const auto& isolator : isolators_) handled_.merge(isolator->handles());
}

Status Isolation::Check(const ContainerContext& context) const {
  for (const FeatureUse& use : FeaturesOf(context.container())) {
    if (handled_.contains(use.feature)) continue;
    return Fail(Code::kInvalid, "{} is not supported by the isolators configured on this agent",
                use.words);
  }
  for (const auto& isolator : isolators_) {
    if (Status checked = isolator->Check(context); !checked) return checked;
  }
  return {};
}

Status Isolation::Prepare(const ContainerContext& context, shim::Launch* launch) {
  for (size_t i = 0; i < isolators_.size(); ++i) {
    const Status prepared = isolators_[i]->Prepare(context);
    if (prepared) continue;
    (void)CleanupFirst(context.id(), i);  // The earlier failure is reported.
    return Fail(InIsolator(*isolators_[i], prepared.error()));
  }
  Status isolated = Isolate(context, launch);
  if (!isolated) (void)Cleanup(context.id());
  return isolated;
}

Status Isolation::Recover(const ContainerContext& context) {
  Status first;
  for (auto& isolator : isolators_) {
    Status recovered = isolator->Recover(context);
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

Status Isolation::Isolate(const ContainerContext& context, shim::Launch* launch) {
  for (const auto& isolator : isolators_) {
    const Status isolated = isolator->Isolate(context, launch);
    if (!isolated) return Fail(InIsolator(*isolator, isolated.error()));
  }
  return {};
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

}  // namespace tepui::containers
