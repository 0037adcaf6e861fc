#include "wire/task_states.h"

namespace tepui::wire {

bool IsTerminal(mesos::v1::TaskState state) {
  switch (state) {
    case mesos::v1::TASK_FINISHED:
    case mesos::v1::TASK_FAILED:
    case mesos::v1::TASK_KILLED:
    case mesos::v1::TASK_LOST:
    case mesos::v1::TASK_ERROR:
    case mesos::v1::TASK_DROPPED:
    case mesos::v1::TASK_GONE:
    case mesos::v1::TASK_GONE_BY_OPERATOR:
      return true;
    case mesos::v1::TASK_STAGING:
    case mesos::v1::TASK_STARTING:
    case mesos::v1::TASK_RUNNING:
    case mesos::v1::TASK_KILLING:
    case mesos::v1::TASK_UNREACHABLE:
    case mesos::v1::TASK_UNKNOWN:
      return false;
  }
  return false;
}

}  // namespace tepui::wire
