// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "container/containerizer.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::agent {

// Convert a container's process to its record in the checkpoint and back.
checkpoint::Process ToRecord(const containers::Launched& process);
containers::Launched FromRecord(const checkpoint::Process& record);

}  // namespace tepui::agent
