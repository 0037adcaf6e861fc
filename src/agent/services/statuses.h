#pragma once

#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"
#include "wire/task_states.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// Facts about tasks and their statuses that several parts of the agent need (reference 2.6).

// After such a state a task reports nothing more.
using wire::IsTerminal;

// The record of `task` as masters and state endpoints see it. `executor` is empty for a command
// task.
v1::Task MakeTask(const v1::TaskInfo& task, const FrameworkId& framework,
                  const ExecutorId& executor);

// "exited with status 1", "terminated with signal Killed" of a status as waitpid gives it.
std::string DescribeWaitStatus(int status);
bool Succeeded(int wait_status);

// parent.child as the nested message.
v1::ContainerID ToProto(const ContainerId& container);

bool HasCapability(const v1::FrameworkInfo& framework,
                   v1::FrameworkInfo::Capability::Type capability);

// The check status of a task that has a check but no result of it yet: its kind alone.
v1::CheckStatusInfo EmptyCheckStatus(const v1::CheckInfo& check);

// Between nothing and a year, so that sums with points in time stay in range whatever a framework
// asked for.
Duration FromProto(const v1::DurationInfo& duration);

}  // namespace tepui::agent
