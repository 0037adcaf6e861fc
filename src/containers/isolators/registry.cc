// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "containers/isolators/cgroup_isolators.h"
#include "containers/isolators/no_new_privileges_isolator.h"
#include "containers/isolators/posix_isolators.h"
#include "containers/isolators/rlimits_isolator.h"

namespace tepui::containers {
namespace {

using Made = Result<std::unique_ptr<Isolator>>;

// For an isolator that needs nothing.
template <class T>
Made Make(const IsolatorParts&) {
  return std::make_unique<T>();
}

constexpr IsolatorKind kKinds[] = {
    {.name = "filesystem/posix",
     .help = "gives tasks the file system of the machine",
     .always_on = true},
    {.name = "posix/cpu",
     .help = "limits nothing; measures CPU time",
     .make = Make<PosixCpuIsolator>},
    {.name = "posix/mem",
     .help = "limits nothing; measures memory",
     .make = Make<PosixMemoryIsolator>},
    {.name = "posix/rlimits",
     .help = "sets the rlimits that a task asks for",
     .always_on = true,
     .make = Make<RlimitsIsolator>},
    {.name = "cgroups/cpu",
     .help = "shares processors by request, and enforces limits",
     .controller = "cpu",
     .make = [](const IsolatorParts& parts) -> Made {
       return std::make_unique<CgroupCpuIsolator>(parts.cgroups, parts.options.cgroups_enable_cfs);
     }},
    {.name = "cgroups/mem",
     .help = "limits memory",
     .controller = "memory",
     .make = [](const IsolatorParts& parts) -> Made {
       return std::make_unique<CgroupMemoryIsolator>(parts.cgroups,
                                                     parts.options.cgroups_limit_swap);
     }},
    {.name = "cgroups/pids",
     .help = "counts processes and threads, and limits them",
     .controller = "pids",
     .make = [](const IsolatorParts& parts) -> Made {
       return std::make_unique<CgroupPidsIsolator>(parts.cgroups, parts.options.pids_max);
     }},
    {.name = "linux/capabilities",
     .help = "sets the capabilities of tasks",
     .always_on = true,
     .make = [](const IsolatorParts& parts) -> Made {
       return std::make_unique<CapabilitiesIsolator>(parts.options.capabilities);
     }},
    {.name = "linux/nnp",
     .help = "keeps tasks from gaining privileges by setuid programs",
     .make = Make<NoNewPrivilegesIsolator>},
};

// The names between the commas, each alias replaced by what it stands for.
std::set<std::string_view> NamesIn(std::string_view isolation) {
  std::set<std::string_view> names;
  for (const auto part : std::views::split(isolation, ',')) {
    const std::string_view name(part.begin(), part.end());
    const auto alias = std::ranges::find(IsolatorAliases(), name, &IsolatorAlias::name);
    if (alias != IsolatorAliases().end()) {
      names.insert(alias->names.begin(), alias->names.end());
    } else if (!name.empty()) {
      names.insert(name);
    }
  }
  return names;
}

std::vector<std::string_view> KnownNames() {
  std::vector<std::string_view> known;
  for (const IsolatorKind& kind : kKinds) known.push_back(kind.name);
  for (const IsolatorAlias& alias : IsolatorAliases()) known.push_back(alias.name);
  return known;
}

}  // namespace

std::span<const IsolatorKind> IsolatorKinds() { return kKinds; }

std::span<const IsolatorAlias> IsolatorAliases() {
  static const std::vector<IsolatorAlias> kAliases = {
      {"process", {"posix/cpu", "posix/mem"}},
      {"cgroups", {"cgroups/cpu", "cgroups/mem"}},
  };
  return kAliases;
}

std::vector<const IsolatorKind*> ChooseIsolators(std::string_view isolation,
                                                 std::vector<std::string>* problems) {
  std::set<std::string_view> names = NamesIn(isolation);
  std::vector<const IsolatorKind*> chosen;
  for (const IsolatorKind& kind : kKinds) {
    if (names.erase(kind.name) > 0 || kind.always_on) chosen.push_back(&kind);
  }
  for (const std::string_view unknown : names) {
    problems->push_back(fmt::format("--isolation: '{}' is not supported yet; there are {}", unknown,
                                    fmt::join(KnownNames(), ", ")));
  }
  return chosen;
}

std::string IsolationHelp() {
  std::string help = "Isolators for tasks, separated by commas:";
  std::vector<std::string_view> always;
  for (const IsolatorKind& kind : kKinds) {
    if (kind.always_on) {
      always.push_back(kind.name);
    } else {
      help += fmt::format(" {} ({}),", kind.name, kind.help);
    }
  }
  help.back() = ';';
  for (const IsolatorAlias& alias : IsolatorAliases()) {
    help += fmt::format(" {} is short for {};", alias.name, fmt::join(alias.names, ","));
  }
  return help + fmt::format(" {} are always on.", fmt::join(always, ", "));
}

}  // namespace tepui::containers
