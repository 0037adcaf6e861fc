// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master::validation {

// Rules for the messages that describe a process and its environment (reference 2.5). Failures are
// kInvalid. Their sentences name the part; the caller adds what it belongs to.

// Checks the command of a task or executor. `container` is the container it runs in, or null; its
// image may supply the command's value.
Status ValidateCommand(const v1::CommandInfo& command, const v1::ContainerInfo* container);

Status ValidateContainer(const v1::ContainerInfo& container);

Status ValidateCheck(const v1::CheckInfo& check);
Status ValidateHealthCheck(const v1::HealthCheck& check);

}  // namespace tepui::master::validation
