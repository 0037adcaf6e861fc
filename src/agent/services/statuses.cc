// SPDX-License-Identifier: Apache-2.0
#include "agent/services/statuses.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tepui::agent {

v1::Task MakeTask(const v1::TaskInfo& task, const FrameworkId& framework,
                  const ExecutorId& executor) {
  v1::Task out;
  out.set_name(task.name());
  *out.mutable_task_id() = task.task_id();
  out.mutable_framework_id()->set_value(framework.value());
  if (!executor.empty()) out.mutable_executor_id()->set_value(executor.value());
  *out.mutable_agent_id() = task.agent_id();
  out.set_state(v1::TASK_STAGING);
  *out.mutable_resources() = task.resources();
  *out.mutable_limits() = task.limits();
  if (task.has_labels()) *out.mutable_labels() = task.labels();
  if (task.has_discovery()) *out.mutable_discovery() = task.discovery();
  if (task.has_container()) *out.mutable_container() = task.container();
  if (task.has_health_check()) *out.mutable_health_check() = task.health_check();
  if (task.has_kill_policy()) *out.mutable_kill_policy() = task.kill_policy();
  if (task.command().has_user()) {
    out.set_user(task.command().user());
  } else if (task.executor().command().has_user()) {
    out.set_user(task.executor().command().user());
  }
  return out;
}

std::string DescribeWaitStatus(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    const char* name = sigdescr_np(WTERMSIG(status));
    return fmt::format("terminated with signal {}{}", name ? name : "of no known name",
                       WCOREDUMP(status) ? " (core dumped)" : "");
  }
  return fmt::format("ended with wait status {}", status);
}

bool Succeeded(int wait_status) { return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0; }

v1::ContainerID ToProto(const ContainerId& container) {
  v1::ContainerID out;
  const std::string& text = container.value();
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos) {
    out.set_value(text);
  } else {
    out.set_value(text.substr(dot + 1));
    *out.mutable_parent() = ToProto(ContainerId(text.substr(0, dot)));
  }
  return out;
}

bool HasCapability(const v1::FrameworkInfo& framework,
                   v1::FrameworkInfo::Capability::Type capability) {
  for (const v1::FrameworkInfo::Capability& has : framework.capabilities()) {
    if (has.type() == capability) return true;
  }
  return false;
}

Duration FromProto(const v1::DurationInfo& duration) {
  constexpr Duration kYear = std::chrono::hours(24 * 365);
  return std::clamp(Duration(duration.nanoseconds()), Duration::zero(), kYear);
}

v1::CheckStatusInfo EmptyCheckStatus(const v1::CheckInfo& check) {
  v1::CheckStatusInfo status;
  status.set_type(check.type());
  switch (check.type()) {
    case v1::CheckInfo::COMMAND:
      status.mutable_command();
      break;
    case v1::CheckInfo::HTTP:
      status.mutable_http();
      break;
    case v1::CheckInfo::TCP:
      status.mutable_tcp();
      break;
    case v1::CheckInfo::UNKNOWN:
      break;
  }
  return status;
}

}  // namespace tepui::agent
