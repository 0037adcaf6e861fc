// SPDX-License-Identifier: Apache-2.0
#include "agent/services/statuses.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tepui::agent {

std::string DescribeWaitStatus(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    const char* name = sigdescr_np(WTERMSIG(status));
    return fmt::format("terminated with signal {}{}", name ? name : "an unknown signal",
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
