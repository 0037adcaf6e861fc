#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/executors/executor.h"
#include "agent/services/services.h"
#include "agent/services/state.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// What has ended, for people to look at: the last executors of each framework, and the last
// frameworks that have nothing here any more. Of frameworks with `checkpoint` it is saved as far as
// it is not large, and outlasts the agent's restart; not so the completed tasks of an executor that
// has not ended, and a task whose last acknowledgement was the last thing to be saved.
class History {
 public:
  explicit History(const Services& services);

  // What was saved, of the agent with this id. `lives` tells of a framework whether it has
  // something here.
  void Restore(const std::vector<Saved::Completed>& saved, const AgentId& agent,
               const std::function<bool(const FrameworkId&)>& lives);

  // Takes it up; its records in the checkpoint go.
  void OnExecutorEnded(const Executor& executor);
  void OnFrameworkEnded(const v1::FrameworkInfo& info);
  // One that may have been here before has something here again.
  void OnFrameworkBack(const FrameworkId& framework);

  // The oldest first.
  std::vector<ExecutorState> ExecutorsOf(const FrameworkId& framework) const;
  std::vector<FrameworkState> CompletedFrameworks() const;
  // Completed frameworks with their tasks, the newest that fit into a bounded part of `subscribe`.
  void Describe(link::Call::Subscribe& subscribe) const;

 private:
  struct Entry {
    ExecutorState executor;
    uint64_t record = 0;  // Its number in the checkpoint; 0: it has none.
  };
  struct Past {
    v1::FrameworkInfo info;
    std::deque<Entry> executors;
  };

  // Drops all but the newest; returns the numbers of the records of those that go.
  static std::vector<uint64_t> Keep(size_t newest, Past& past);
  size_t MaxExecutors() const;
  void AddEnded(const FrameworkId& framework);

  const Services& services_;
  std::unordered_map<FrameworkId, Past> past_;
  std::deque<FrameworkId> ended_;  // Those that have nothing here any more, the oldest first.
};

}  // namespace tepui::agent
