// SPDX-License-Identifier: Apache-2.0
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

// What has ended on this agent, for people to look at: the last executors of each framework, and
// the last frameworks that have nothing here any more. For frameworks with `checkpoint` it is saved
// as far as it is not large, and survives the agent's restart. Two things are lost in a restart:
// the completed tasks of an executor that has not ended, and a task whose last acknowledgement was
// the last change that was saved.
class History {
 public:
  explicit History(const Services& services);

  // Restores what was saved by the agent with this id. `lives` returns true for a framework that
  // has something here.
  void Restore(const std::vector<Saved::Completed>& saved, const AgentId& agent,
               const std::function<bool(const FrameworkId&)>& lives);

  // Adds the executor, and removes its other records from the checkpoint.
  void OnExecutorEnded(const Executor& executor);
  void OnFrameworkEnded(const v1::FrameworkInfo& info);
  // The framework has something here again, if it has been here before.
  void OnFrameworkBack(const FrameworkId& framework);

  // Returns both oldest first.
  std::vector<ExecutorState> ExecutorsOf(const FrameworkId& framework) const;
  std::vector<FrameworkState> CompletedFrameworks() const;
  // Adds completed frameworks with their tasks to `subscribe`: the newest that fit into a bounded
  // part of it.
  void Describe(link::Call::Subscribe& subscribe) const;

 private:
  struct Entry {
    ExecutorState executor;
    uint64_t record = 0;  // The number of its record in the checkpoint; 0: it has none.
  };
  struct Past {
    v1::FrameworkInfo info;
    std::deque<Entry> executors;
  };

  // Drops all but the `newest` last; returns the numbers of the records that are dropped.
  static std::vector<uint64_t> Keep(size_t newest, Past& past);
  size_t MaxExecutors() const;
  void AddEnded(const FrameworkId& framework);

  const Services& services_;
  std::unordered_map<FrameworkId, Past> past_;
  std::deque<FrameworkId> ended_;  // Frameworks that have nothing here any more, oldest first.
};

}  // namespace tepui::agent
