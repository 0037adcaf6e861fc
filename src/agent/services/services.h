// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/checkpoint/checkpoint.h"
#include "agent/services/links.h"
#include "agent/services/options.h"
#include "base/clock.h"
#include "base/random.h"
#include "container/containerizer.h"
#include "container/disk.h"
#include "container/prober.h"

namespace tepui::agent {

// What the agent's parts share; it outlives all of them.
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
