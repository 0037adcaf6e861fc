// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mesos/v1/mesos.pb.h"

namespace tepui::model {

namespace v1 = ::mesos::v1;

// Returns true if no later state can follow (reference 2.6). LOST counts as terminal: such a task
// revives only when its agent returns to its master.
bool IsTerminal(v1::TaskState state);
bool IsTerminal(v1::OperationState state);

// `state` must be one of those introduced with PARTITION_AWARE. Returns it if the framework has
// that capability, else LOST (reference 2.2).
v1::TaskState StateFor(const v1::FrameworkInfo& framework, v1::TaskState state);

}  // namespace tepui::model
