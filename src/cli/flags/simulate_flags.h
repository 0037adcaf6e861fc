// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/flags.h"
#include "capacity/simulation.h"
#include "cli/flags/master_flags.h"

namespace tepui::cli {

struct SimulateFlags {
  capacity::Settings settings;  // Flags that are plain values are bound to it.
  std::string format = "table";
  std::optional<std::string> plot;
  AllocationFlags allocation;
};

void DeclareSimulateFlags(FlagTable* table, SimulateFlags* flags);

struct SimulatePlan {
  std::string workload_path;
  capacity::Settings settings;
  bool json = false;
  std::optional<std::string> plot_path;
  bool plot_html = false;  // The plot is SVG if false.
};

// `arguments` are the words that are not flags. Every further problem is added to `problems`.
SimulatePlan ToSimulatePlan(const SimulateFlags& flags, const std::vector<std::string>& arguments,
                            std::vector<std::string>* problems);

// The allocation flags, as shown in a report.
std::vector<std::pair<std::string, std::string>> PolicyOf(const FlagTable& table);

}  // namespace tepui::cli
