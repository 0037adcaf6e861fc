// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "sim/nodes/observer.h"

namespace tepui::sim {

// For tests: records what masters and agents' machines do as sentences and drops the rest.
class RecordingObserver : public Observer {
 public:
  void OnSchedulerCall(const std::string&, const mesos::v1::scheduler::Call&) override {}
  void OnSchedulerEvent(const std::string&, const mesos::v1::scheduler::Event&) override {}
  void OnMasterSends(const std::string& host, const std::string& framework,
                     const mesos::v1::scheduler::Event& event) override {
    sent.push_back(fmt::format("{} to {}: {}", host, framework,
                               mesos::v1::scheduler::Event::Type_Name(event.type())));
  }
  void OnMasterSends(const std::string& host, const std::string& agent,
                     const link::Event& event) override {
    sent.push_back(fmt::format("{} to {}: {}", host, agent, link::Event::Type_Name(event.type())));
  }
  void OnPublished(const std::string&, const master::Changes&) override {}
  void OnMasterChecked(const std::string&, const Status&) override {}
  void OnCommitted(uint64_t epoch, const std::string& op, const std::string& agent) override {
    committed.push_back(fmt::format("{} {} {}", epoch, op, agent));
  }
  void OnLeading(const std::string& host, uint64_t epoch) override {
    lives.push_back(fmt::format("{} leads {}", host, epoch));
  }
  void OnAgentChecked(const std::string&, const Status&) override {}
  void OnOperatorCall(const std::string&, const mesos::v1::master::Call&) override {}
  void OnOperatorAnswer(const std::string& host, const mesos::v1::master::Call& call,
                        unsigned status) override {
    answered.push_back(
        fmt::format("{} {} {}", host, mesos::v1::master::Call::Type_Name(call.type()), status));
  }
  void OnAgentSends(const std::string&, const link::Call&) override {}
  void OnAgentEvent(const std::string&, const link::Event&) override {}
  void OnSaved(const std::string&, const std::string&, const std::optional<std::string>&) override {
  }
  void OnContainerStarted(const std::string&, const std::string&, const std::string& task,
                          const Resources& resources) override {
    programs.push_back(fmt::format("{} starts with {}", task, resources.ToString()));
  }
  void OnContainerEnded(const std::string&, const std::string&, const std::string& task) override {
    programs.push_back(task + " ends");
  }
  void OnExecutorTask(const std::string&, const std::string& task, bool started) override {
    programs.push_back(fmt::format("{} {} in its executor", task, started ? "starts" : "ends"));
  }
  void OnStarted(const std::string& host) override { lives.push_back(host + " starts"); }
  void OnEnded(const std::string& host, const std::string& why) override {
    lives.push_back(fmt::format("{} ends: {}", host, why));
  }

  std::vector<std::string> sent;
  std::vector<std::string> committed;
  std::vector<std::string> answered;  // Calls of operators.
  std::vector<std::string> programs;  // Starts and ends of containers and of executors' tasks.
  std::vector<std::string> lives;     // Starts and ends of processes, and new leaders.
};

}  // namespace tepui::sim
