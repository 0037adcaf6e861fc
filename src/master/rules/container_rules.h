#pragma once

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master::validation {

// The shapes of what describes a process and its surroundings (reference 2.5). Failures are
// kInvalid; their sentences name the part, the caller says whose it is.

// The command of a task or executor. `container` is where it runs, null if nowhere special: an
// image may bring the command's value along.
Status ValidateCommand(const v1::CommandInfo& command, const v1::ContainerInfo* container);

Status ValidateContainer(const v1::ContainerInfo& container);

Status ValidateCheck(const v1::CheckInfo& check);
Status ValidateHealthCheck(const v1::HealthCheck& check);

}  // namespace tepui::master::validation
