// SPDX-License-Identifier: Apache-2.0
#include "model/states.h"

#include "model/capabilities.h"

namespace tepui::model {

bool IsTerminal(v1::TaskState state) {
  switch (state) {
    case v1::TASK_FINISHED:
    case v1::TASK_FAILED:
    case v1::TASK_KILLED:
    case v1::TASK_LOST:
    case v1::TASK_ERROR:
    case v1::TASK_DROPPED:
    case v1::TASK_GONE:
    case v1::TASK_GONE_BY_OPERATOR:
      return true;
    case v1::TASK_STAGING:
    case v1::TASK_STARTING:
    case v1::TASK_RUNNING:
    case v1::TASK_KILLING:
    case v1::TASK_UNREACHABLE:
    case v1::TASK_UNKNOWN:
      return false;
  }
  return false;
}

bool IsTerminal(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_FINISHED:
    case v1::OPERATION_FAILED:
    case v1::OPERATION_ERROR:
    case v1::OPERATION_DROPPED:
    case v1::OPERATION_GONE_BY_OPERATOR:
      return true;
    case v1::OPERATION_UNSUPPORTED:
    case v1::OPERATION_PENDING:
    case v1::OPERATION_UNREACHABLE:
    case v1::OPERATION_RECOVERING:
    case v1::OPERATION_UNKNOWN:
      return false;
  }
  return false;
}

v1::TaskState StateFor(const v1::FrameworkInfo& framework, v1::TaskState state) {
  const bool aware = HasCapability(framework, v1::FrameworkInfo::Capability::PARTITION_AWARE);
  return aware ? state : v1::TASK_LOST;
}

}  // namespace tepui::model
