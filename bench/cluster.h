// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "tepui/link.pb.h"

namespace tepui::bench {

namespace v1 = ::mesos::v1;

// A synthetic cluster with the numbers of Mesos' own benchmarks (reference 12.1): agents of cpus:20
// and mem:10240, tasks of cpus:0.1 and mem:5 with 10 labels.
struct ClusterShape {
  int agents = 1000;
  // Each runs on every agent; tasks are divided among them.
  int frameworks = 5;
  int tasks_per_agent = 10;
  // Completed tasks of history_frameworks other frameworks, which no longer run anything.
  int completed_per_agent = 0;
  int history_frameworks = 5;
  int labels = 10;
  // Includes the statuses and command executors that an agent of Tepui reports; Mesos' benchmark
  // has none.
  bool detailed = false;
};

v1::FrameworkInfo FrameworkOf(int framework);         // Has an id.
v1::FrameworkInfo HistoryFrameworkOf(int framework);  // Has an id.
v1::Task TaskOf(const ClusterShape& shape, const v1::FrameworkInfo& framework,
                const std::string& agent_id, const std::string& task_id, v1::TaskState state);
v1::TaskInfo TaskInfoOf(const std::string& agent_id, const std::string& task_id, double cpus,
                        int labels);
void SetScalar(const std::string& name, double value, v1::Resource* resource);

// The SUBSCRIBE of a new agent that runs nothing: agent `index` has a hostname and address of its
// own.
link::Call::Subscribe NewAgent(const std::string& index, double cpus, double mem);

// The calls with which the agents of such a cluster come back. They differ only in their number,
// which has the same width in all of them, so the bytes are made once and the number is written
// into a copy.
class Subscriptions {
 public:
  explicit Subscriptions(const ClusterShape& shape);

  // The body of the agent's POST: link.Calls with one SUBSCRIBE.
  void Write(int agent, std::string* out) const;
  size_t bytes() const { return template_.size(); }

 private:
  std::string template_;
  std::vector<size_t> places_;  // Offsets at which the number is written.
};

}  // namespace tepui::bench
