// SPDX-License-Identifier: Apache-2.0
#include "agent/core/metrics.h"

#include <initializer_list>

namespace tepui::agent {

namespace {

using Values = std::vector<std::pair<std::string, double>>;

uint64_t CountOf(const std::map<v1::TaskState, uint64_t>& counts, v1::TaskState state) {
  const auto found = counts.find(state);
  return found == counts.end() ? 0 : found->second;
}

// Adds <name>_total, <name>_used and <name>_percent, which is a fraction in spite of its name.
void AddResources(const Resources& total, const Resources& used, const std::string& suffix,
                  Values& out) {
  for (const ResourceName name : {ResourceNames::Cpus(), ResourceNames::Gpus(),
                                  ResourceNames::Mem(), ResourceNames::Disk()}) {
    const double all = total.Scalar(name).ToDouble();
    const double in_use = used.Scalar(name).ToDouble();
    const std::string prefix = "slave/" + name.text() + suffix;
    out.emplace_back(prefix + "_total", all);
    out.emplace_back(prefix + "_used", in_use);
    out.emplace_back(prefix + "_percent", all > 0 ? in_use / all : 0);
  }
}

}  // namespace

Values FormatMetrics(const Metrics& metrics, const Gauges& gauges) {
  const auto live = [&](v1::TaskState state) {
    return static_cast<double>(CountOf(gauges.live_tasks, state));
  };
  const auto ended = [&](v1::TaskState state) {
    return static_cast<double>(CountOf(metrics.ended_tasks, state));
  };
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  Values out = {
      {"slave/uptime_secs", gauges.uptime_secs},
      {"slave/registered", gauges.registered ? 1 : 0},
      // Recovery errors are not counted.
      {"slave/recovery_errors", 0},
      {"slave/frameworks_active", gauges.frameworks_active},
      {"slave/tasks_staging", live(v1::TASK_STAGING)},
      {"slave/tasks_starting", live(v1::TASK_STARTING)},
      {"slave/tasks_running", live(v1::TASK_RUNNING)},
      {"slave/tasks_killing", live(v1::TASK_KILLING)},
      {"slave/tasks_finished", ended(v1::TASK_FINISHED)},
      {"slave/tasks_failed", ended(v1::TASK_FAILED)},
      {"slave/tasks_killed", ended(v1::TASK_KILLED)},
      {"slave/tasks_lost", ended(v1::TASK_LOST)},
      {"slave/tasks_gone", ended(v1::TASK_GONE)},
      {"slave/executors_registering", gauges.executors_registering},
      {"slave/executors_running", gauges.executors_running},
      {"slave/executors_terminating", gauges.executors_terminating},
      {"slave/executors_terminated", number(metrics.executors_terminated)},
      {"slave/executors_preempted", 0},  // Nothing preempts without a QoS controller.
      {"slave/valid_status_updates", number(metrics.valid_status_updates)},
      {"slave/invalid_status_updates", number(metrics.invalid_status_updates)},
      {"slave/valid_framework_messages", number(metrics.valid_framework_messages)},
      {"slave/invalid_framework_messages", number(metrics.invalid_framework_messages)},
      {"slave/executor_directory_max_allowed_age_secs", gauges.max_allowed_age_secs},
      {"slave/work_dir_full", gauges.disk_full ? 1 : 0},
      {"slave/container_launch_errors", number(metrics.container_launch_errors)},
      {"gc/path_removals_succeeded", number(gauges.removals_succeeded)},
      {"gc/path_removals_failed", number(gauges.removals_failed)},
      {"gc/path_removals_pending", number(gauges.removals_pending)},
  };
  if (metrics.recovery_secs) out.emplace_back("slave/recovery_time_secs", *metrics.recovery_secs);
  AddResources(gauges.total.NonRevocable(), gauges.used.NonRevocable(), "", out);
  AddResources(gauges.total.Revocable(), gauges.used.Revocable(), "_revocable", out);
  return out;
}

}  // namespace tepui::agent
