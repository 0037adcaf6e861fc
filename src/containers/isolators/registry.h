// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "container/isolator.h"
#include "containers/isolators/capabilities_isolator.h"
#include "containers/isolators/cgroups.h"

namespace tepui::containers {

// What the agent's flags define for isolation (reference 7.3).
struct IsolationOptions {
  std::string isolation = "posix/cpu,posix/mem";
  std::string cgroups_hierarchy = "/sys/fs/cgroup";
  std::string cgroups_root = "mesos";
  bool cgroups_enable_cfs = false;  // Set a hard limit on cpus even if only a request is given.
  bool cgroups_limit_swap = false;  // v1: memory and swap together.
  uint64_t pids_max = 0;  // With cgroups/pids: processes and threads per container; 0: no limit.
  CapabilityOptions capabilities = {};
};

// What isolators are made from.
struct IsolatorParts {
  const IsolationOptions& options;
  std::shared_ptr<Cgroups> cgroups;  // Null if no chosen isolator has a controller.
};

// An isolator that this agent has. It is made only if it is chosen.
struct IsolatorKind {
  std::string_view name;  // As --isolation names it.
  std::string_view help;  // What it does: begins with a verb, without a full stop.
  // It is chosen whatever --isolation says; to name it there changes nothing.
  bool always_on = false;
  std::string_view controller = {};  // The cgroup controller (its v1 name) that it writes to.
  // Null: the name says how containers are anyway, and needs no code.
  Result<std::unique_ptr<Isolator>> (*make)(const IsolatorParts&) = nullptr;
};

// All isolators, in the order in which containers are prepared. This is the only list of them: the
// flag's help, its error sentences and docs/isolators.md are made from it or compared with it.
std::span<const IsolatorKind> IsolatorKinds();

// A name that stands for several isolators.
struct IsolatorAlias {
  std::string_view name;
  std::vector<std::string_view> names;
};
std::span<const IsolatorAlias> IsolatorAliases();

// Returns the isolators that `isolation`, the value of --isolation, chooses: those that it names,
// and those that are always on; in the order of IsolatorKinds, each once. Adds a sentence to
// `problems` for each name that is not known.
std::vector<const IsolatorKind*> ChooseIsolators(std::string_view isolation,
                                                 std::vector<std::string>* problems);

// Returns the help text of --isolation.
std::string IsolationHelp();

}  // namespace tepui::containers
