#pragma once

#include "container/containerizer.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::agent {

// A container's process as a checkpoint has it.
checkpoint::Process ToRecord(const containers::Launched& process);
containers::Launched FromRecord(const checkpoint::Process& record);

}  // namespace tepui::agent
