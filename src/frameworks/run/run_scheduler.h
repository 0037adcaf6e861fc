// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/timer.h"
#include "frameworks/run/run_plan.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"

namespace tepui::frameworks {

// Where the output of a launched task can be read.
struct TaskOutput {
  std::string task_id;
  Endpoint agent;
  std::string directory;  // Virtual path of its sandbox (reference 1.9).
};

// The framework of `tepui run`: uses the first offer that fits, launches its task or task group,
// acknowledges and prints what happens, and ends with the task. Pure and single-threaded.
class RunScheduler {
 public:
  struct Effects {
    std::function<void(const mesos::v1::scheduler::Call&)> send;
    // Prints a line for the user.
    std::function<void(const std::string&)> tell;
    // The tasks are launched: shows their output as it comes.
    std::function<void(std::vector<TaskOutput>)> follow;
    // Shows the rest of the output, if any, then ends with this exit code. Runs once. `teardown` is
    // the call to send before leaving the cluster; absent if the framework was never subscribed.
    std::function<void(int code, std::optional<mesos::v1::scheduler::Call> teardown)> finish;
  };

  RunScheduler(RunPlan plan, Clock& clock, Effects effects);
  RunScheduler(const RunScheduler&) = delete;
  RunScheduler& operator=(const RunScheduler&) = delete;

  void Start();

  // --- Called by the scheduler library.
  void OnConnected();
  void OnDisconnected();
  void OnEvent(const mesos::v1::scheduler::Event& event);

  // Ctrl-C: kills what runs and waits for it; ends at once the second time, or if nothing runs.
  void OnInterrupt();

 private:
  using Call = mesos::v1::scheduler::Call;

  Call MakeCall(Call::Type type) const;
  void Subscribe();
  void OnSubscribed(const mesos::v1::scheduler::Event::Subscribed& subscribed);
  void OnOffer(const v1::Offer& offer);
  bool Launch(const v1::Offer& offer);
  void Accept(const v1::Offer& offer, std::vector<v1::TaskInfo> tasks,
              std::optional<v1::ExecutorInfo> executor);
  std::vector<TaskOutput> Outputs(const v1::Offer& offer) const;
  void Decline(const v1::Offer& offer);
  void OnStatus(const v1::TaskStatus& status);
  void PrintStatus(const v1::TaskStatus& status) const;
  void Acknowledge(const v1::TaskStatus& status);
  void KillAll();
  void Reconcile();
  void PrintWhyItWaits();
  void Finish(int code);

  const RunPlan plan_;
  const Effects effects_;
  Resources wanted_;  // Resources of all tasks and the group's executor.

  std::string framework_id_;
  bool connected_ = false;
  bool subscribed_ = false;
  bool launched_ = false;
  bool interrupted_ = false;
  bool kill_planned_ = false;  // kill_timer_ was set.
  bool finished_ = false;
  std::string agent_id_;
  std::map<std::string, int> exit_codes_;  // Exit codes of tasks that ended.
  std::optional<Resources> largest_offer_;
  Timer subscribe_timer_;
  Timer waiting_timer_;
  Timer kill_timer_;  // Set once, when the first task runs.
};

// A terminal status as an exit code: 0 if finished, otherwise the command's own if the message
// contains it, else 1.
int ExitCodeOf(const v1::TaskStatus& status);

}  // namespace tepui::frameworks
