// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"
#include "model/states.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// Facts about tasks and their statuses that several parts of the agent need (reference 2.6).

// A task reports nothing more after a terminal state.
using model::IsTerminal;

// Describes a status as waitpid returns it: "exited with status 1", "terminated with signal
// Killed".
std::string DescribeWaitStatus(int status);
bool Succeeded(int wait_status);

// Converts parent.child to the nested message.
v1::ContainerID ToProto(const ContainerId& container);

// Returns the check status of a task whose check has no result yet: it names only the check's type.
v1::CheckStatusInfo EmptyCheckStatus(const v1::CheckInfo& check);

// Returns at least zero and at most a year, so that sums with points in time stay in range whatever
// a framework asked for.
Duration FromProto(const v1::DurationInfo& duration);

}  // namespace tepui::agent
