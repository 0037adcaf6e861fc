// SPDX-License-Identifier: Apache-2.0
#include "capacity/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/seconds.h"
#include "base/units.h"
#include "capacity/object_reader.h"
#include "capacity/placement.h"

namespace tepui::capacity {
namespace {

bool Has(const FrameworkSpec& spec, v1::FrameworkInfo::Capability::Type type) {
  return std::ranges::find(spec.capabilities, type) != spec.capabilities.end();
}

bool IsRemote(const AgentGroup& group, const std::optional<v1::DomainInfo>& master) {
  return group.domain && master && master->has_fault_domain() &&
         group.domain->fault_domain().region().name() != master->fault_domain().region().name();
}

// Looks for agents that the tasks of one framework could run on.
class FitCheck {
 public:
  FitCheck(const Workload& workload, const Settings& settings, const FrameworkSpec& spec) {
    for (const AgentGroup& group : workload.agents) {
      if (!HasAttributes(group.attributes, spec.only_on)) continue;
      if (IsRemote(group, settings.allocation.domain) &&
          !Has(spec, v1::FrameworkInfo::Capability::REGION_AWARE)) {
        ++remote_;
      } else if (settings.allocation.filter_gpu_resources &&
                 group.resources.Scalar(ResourceNames::Gpus()) > Amount() &&
                 !Has(spec, v1::FrameworkInfo::Capability::GPU_RESOURCES)) {
        ++with_gpus_;
      } else {
        for (const std::string& role : spec.roles)
          usable_.push_back(group.resources.AllocatableTo(role));
      }
    }
  }

  // Returns why the task fits nowhere; empty if it fits.
  std::string Reason(const Quantities& task) const {
    if (std::ranges::any_of(usable_, [&](const Resources& one) { return Fits(task, one); }))
      return "";
    if (usable_.empty()) {
      if (with_gpus_ != 0) {
        return "the agents have GPUs and are offered to frameworks with the capability "
               "GPU_RESOURCES only, unless --no-filter_gpu_resources is given";
      }
      if (remote_ != 0) {
        return "the agents are in other regions than the master (--domain) and are offered to "
               "frameworks with the capability REGION_AWARE only";
      }
      return "no agent has the attributes of only_on";
    }
    for (const auto& [name, amount] : task) {
      Amount most;
      for (const Resources& one : usable_) most = std::max(most, one.Scalar(name));
      if (most < amount) {
        return fmt::format("the agent with the most of it has only {}:{}", name.text(),
                           most.ToString());
      }
    }
    return "no agent has enough of all resources";
  }

 private:
  std::vector<Resources> usable_;
  int remote_ = 0;
  int with_gpus_ = 0;
};

// Expected tasks of one of the frameworks.
double ExpectedTasksOf(const FrameworkSpec& spec, Duration duration) {
  if (const auto* batch = std::get_if<Batch>(&spec.workload))
    return ExpectedTasks(batch->arrivals, duration);
  if (const auto* trace = std::get_if<Trace>(&spec.workload))
    return static_cast<double>(trace->tasks.size());
  const auto& service = std::get<Service>(spec.workload);
  const auto tasks = static_cast<double>(service.tasks);
  if (!service.duration) return tasks;
  const double seconds = Seconds(duration);
  return tasks * (1 + seconds / service.duration->MeanSeconds());
}

void CheckTasks(const Workload& workload, Problems* problems) {
  double expected = 0;
  const FrameworkSpec* greatest = nullptr;
  double greatest_expected = 0;
  for (const FrameworkSpec& spec : workload.frameworks) {
    const double tasks = static_cast<double>(spec.count) * ExpectedTasksOf(spec, workload.duration);
    expected += tasks;
    if (greatest != nullptr && tasks <= greatest_expected) continue;
    greatest = &spec;
    greatest_expected = tasks;
  }
  if (expected <= static_cast<double>(Limits::kTasks)) return;
  problems->Add(
      fmt::format("{}: about {:.0f} tasks would arrive in {}, {:.0f} of them from '{}', but at "
                  "most {} can be simulated; lower the rates or simulate a shorter time",
                  greatest->where, expected, FormatDuration(workload.duration), greatest_expected,
                  greatest->name, Limits::kTasks));
}

// Beyond this limit sums of thousandths would not be exact, and would then overflow.
void CheckTotals(const Workload& workload, Problems* problems) {
  constexpr double kMost = 1e15;
  std::map<ResourceName, double> totals;
  for (const AgentGroup& group : workload.agents) {
    for (const auto& [name, amount] : group.resources.ScalarQuantities())
      totals[name] += amount.ToDouble() * static_cast<double>(group.count);
  }
  for (const auto& [name, total] : totals) {
    if (total <= kMost) continue;
    problems->Add(
        fmt::format("the agents together have {} of {}, more than the {} that can be counted",
                    total, name.text(), kMost));
  }
}

}  // namespace

std::vector<std::string> CheckWorkload(const Workload& workload, const Settings& settings) {
  Problems problems;
  for (const FrameworkSpec& spec : workload.frameworks) {
    const FitCheck fit(workload, settings, spec);
    for (const TaskShape& shape : spec.shapes) {
      const std::string reason = fit.Reason(shape.resources);
      if (reason.empty()) continue;
      problems.Add(fmt::format("{}: a task of '{}' of {} fits on no agent: {}", shape.where,
                               spec.name, shape.resources.ToString(), reason));
    }
    if (settings.offer_timeout && spec.decision_time >= *settings.offer_timeout) {
      problems.Add(fmt::format(
          "{}: '{}' takes {} to decide, and offers are rescinded after {} (--offer_timeout): it "
          "could never launch a task",
          spec.where, spec.name, FormatDuration(spec.decision_time),
          FormatDuration(*settings.offer_timeout)));
    }
  }
  CheckTasks(workload, &problems);
  CheckTotals(workload, &problems);
  return problems.Take();
}

}  // namespace tepui::capacity
