#include "agent/old_sandboxes.h"

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

  // Each returns when the newest part of it was changed.
  WallTime AddFramework(const std::string& path, WallTime modified, const Framework* live) {
    const std::string executors = path + "/executors";
    for (const auto& executor : List(executors)) {
      const Executor* known = live == nullptr ? nullptr : live->Find(ExecutorId(executor.name));
      modified = std::max(modified,
                          AddExecutor(executors + "/" + executor.name, executor.modified, known));
    }
    if (live == nullptr) found_.push_back({path, modified});
    return modified;
  }

  WallTime AddExecutor(const std::string& path, WallTime modified, const Executor* live) {
    const std::string runs = path + "/runs";
    for (const auto& run : List(runs)) {
      modified = std::max(modified, run.modified);
      if (live != nullptr && live->container().value() == run.name) continue;
      found_.push_back({runs + "/" + run.name, run.modified});
    }
    if (live == nullptr) found_.push_back({path, modified});
    return modified;
  }

  void AddAgent(const std::string& path, WallTime modified) {
    for (const auto& framework : List(path + "/frameworks")) {
      const std::string executors = path + "/frameworks/" + framework.name + "/executors";
      modified = std::max(modified, framework.modified);
      for (const auto& executor : List(executors)) {
        modified = std::max(modified, executor.modified);
        for (const auto& run : List(executors + "/" + executor.name + "/runs")) {
          modified = std::max(modified, run.modified);
        }
      }
    }
    found_.push_back({path, modified});
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

std::vector<OldSandbox> FindOldSandboxes(
    containers::Disk& disk, const std::string& work_dir, const AgentId& agent,
    const std::unordered_map<FrameworkId, std::unique_ptr<Framework>>& live) {
  Search search(disk);
  const std::string agents = work_dir + "/slaves";
  for (const auto& entry : search.List(agents)) {
    const std::string path = agents + "/" + entry.name;
    if (entry.name != agent.value()) {
      search.AddAgent(path, entry.modified);
      continue;
    }
    for (const auto& framework : search.List(path + "/frameworks")) {
      const auto known = live.find(FrameworkId(framework.name));
      search.AddFramework(path + "/frameworks/" + framework.name, framework.modified,
                          known == live.end() ? nullptr : known->second.get());
    }
  }
  return search.Take();
}

}  // namespace tepui::agent
