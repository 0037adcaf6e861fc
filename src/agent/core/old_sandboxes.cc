// SPDX-License-Identifier: Apache-2.0
#include "agent/core/old_sandboxes.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tepui::agent {
namespace {

class Search {
 public:
  explicit Search(containers::Disk& disk) : disk_(disk) {}

  std::vector<containers::Disk::Entry> List(const std::string& path) const {
    auto entries = disk_.List(path);
    if (entries) return std::move(*entries);
    spdlog::warn("Old sandboxes stay where they are: {}", entries.error().message);
    return {};
  }

  // Adds the directory of another agent as a whole, without entries for its parts.
  void AddAgent(const std::string& path, WallTime modified) {
    const size_t before = found_.size();
    modified = std::max(modified, AddFrameworks(path, {}));
    found_.resize(before);
    found_.push_back({path, modified});
  }

  // The functions below return the time of the newest change in their directory.
  WallTime AddFrameworks(const std::string& agent, const LiveRuns& live) {
    WallTime newest{};
    for (const auto& framework : List(agent + "/frameworks")) {
      const auto known = live.find(FrameworkId(framework.name));
      newest =
          std::max(newest, AddFramework(agent + "/frameworks/" + framework.name, framework.modified,
                                        known == live.end() ? nullptr : &known->second));
    }
    return newest;
  }

  using Executors = LiveRuns::mapped_type;

  WallTime AddFramework(const std::string& path, WallTime modified, const Executors* live) {
    const std::string executors = path + "/executors";
    for (const auto& executor : List(executors)) {
      const ContainerId* known = nullptr;
      if (live != nullptr) {
        const auto found = live->find(ExecutorId(executor.name));
        if (found != live->end()) known = &found->second;
      }
      modified = std::max(modified,
                          AddExecutor(executors + "/" + executor.name, executor.modified, known));
    }
    if (live == nullptr) found_.push_back({path, modified});
    return modified;
  }

  WallTime AddExecutor(const std::string& path, WallTime modified, const ContainerId* live) {
    const std::string runs = path + "/runs";
    for (const auto& run : List(runs)) {
      modified = std::max(modified, run.modified);
      if (live != nullptr && live->value() == run.name) continue;
      found_.push_back({runs + "/" + run.name, run.modified});
    }
    if (live == nullptr) found_.push_back({path, modified});
    return modified;
  }

  std::vector<OldSandbox> Take() {
    std::ranges::stable_sort(found_, {}, &OldSandbox::modified);
    return std::move(found_);
  }

 private:
  containers::Disk& disk_;
  std::vector<OldSandbox> found_;
};

}  // namespace

std::vector<OldSandbox> FindOldSandboxes(containers::Disk& disk, const std::string& work_dir,
                                         const AgentId& agent, const LiveRuns& live) {
  Search search(disk);
  const std::string agents = work_dir + "/slaves";
  for (const auto& entry : search.List(agents)) {
    const std::string path = agents + "/" + entry.name;
    if (entry.name == agent.value()) {
      search.AddFrameworks(path, live);
    } else {
      search.AddAgent(path, entry.modified);
    }
  }
  return search.Take();
}

}  // namespace tepui::agent
