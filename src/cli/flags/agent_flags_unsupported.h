// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/flags.h"

namespace tepui::cli {

// Declares the agent flags of Mesos (reference 7.3) whose features are not implemented yet.
void DeclareUnsupportedAgentFlags(FlagTable* table);

}  // namespace tepui::cli
