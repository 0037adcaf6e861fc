#pragma once

#include "base/flags.h"

namespace tepui::cli {

// The agent flags of Mesos (reference 7.3) whose features are not there yet.
void DeclareUnsupportedAgentFlags(FlagTable* table);

}  // namespace tepui::cli
