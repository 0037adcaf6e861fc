#pragma once

#include "agent/agent.h"
#include "agent/checkpoint.h"

namespace tepui::agent {

// What the parts of the agent work with; outlives all of them.
struct Services {
  const Options& options;
  Clock& clock;
  Random& random;
  Links& links;
  containers::Containerizer& containerizer;
  containers::Prober& prober;
  containers::Disk& disk;
  Checkpoint& checkpoint;
};

}  // namespace tepui::agent
