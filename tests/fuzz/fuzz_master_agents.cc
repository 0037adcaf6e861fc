// SPDX-License-Identifier: Apache-2.0
// A master among agents that lie: they subscribe with any totals and tasks, report any state, and
// come and go. One framework takes what they offer. After each step the master's records must
// agree.
#include <gtest/gtest.h>

#include <vector>

#include "fuzzed_data.h"
#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

constexpr size_t kMostSteps = 200;
constexpr size_t kMostAgents = 12;

class Attack {
 public:
  explicit Attack(fuzz::FuzzedData data) : data_(data), framework_(h_.Subscribe()) {}

  void Run() {
    for (size_t step = 0; step < kMostSteps && !data_.empty(); ++step) {
      Step();
      fuzz::Expect(h_.master->CheckInvariants());
    }
  }

 private:
  void Step() {
    switch (data_.Below(8)) {
      case 0:
        return Join();
      case 1:
        return Rejoin();
      case 2:
        return Say();
      case 3:
        return Pass();
      case 4:
        return Launch();
      case 5:
        return Leave();
      case 6:
        return Report();
      default:
        return Return();
    }
  }

  void Join() {
    if (nodes_.size() == kMostAgents) return;
    Node node;
    node.subscribe = MasterHarness::Machine("cpus:4", "h", 6000 + static_cast<int>(nodes_.size()));
    if (data_.Flag()) {
      // An agent of an earlier master.
      node.subscribe.mutable_info()->mutable_id()->set_value("old-S" +
                                                             std::to_string(data_.Below(4)));
    }
    Change(&node.subscribe);
    Subscribe(&node);
    if (!node.id.empty()) nodes_.push_back(std::move(node));
  }

  void Rejoin() {
    if (nodes_.empty()) return;
    Node& node = AnyNode();
    Change(&node.subscribe);
    Subscribe(&node);
  }

  // The harness ends the process if the master did not answer; it refuses what it likes.
  void Subscribe(Node* node) { (void)h_.Rejoin(node); }

  void Change(link::Call::Subscribe* subscribe) {
    if (data_.Flag()) {
      subscribe->mutable_info()->clear_resources();
      fuzz::AddResources(data_, subscribe->mutable_info()->mutable_resources());
    }
    if (data_.Below(4) == 0) fuzz::AddResources(data_, subscribe->mutable_checkpointed_resources());
    if (data_.Below(4) == 0) subscribe->clear_tasks();
    if (subscribe->info().id().value().empty()) return;
    if (subscribe->frameworks().empty()) *subscribe->add_frameworks() = framework_.info;
    for (size_t left = data_.Below(4); left != 0; --left) AddTask(subscribe);
    if (data_.Below(4) == 0) AddExecutor(subscribe);
  }

  void AddTask(link::Call::Subscribe* subscribe) {
    v1::Task& task = *subscribe->add_tasks();
    task.set_name("t");
    task.mutable_task_id()->set_value(AnyTask());
    task.mutable_framework_id()->set_value(framework_.id);
    *task.mutable_agent_id() = subscribe->info().id();
    task.set_state(AnyState());
    fuzz::AddResources(data_, task.mutable_resources());
  }

  void AddExecutor(link::Call::Subscribe* subscribe) {
    link::Call::Executor& executor = *subscribe->add_executors();
    executor.mutable_framework_id()->set_value(framework_.id);
    executor.mutable_info()->mutable_executor_id()->set_value("e" + std::to_string(data_.Below(3)));
    fuzz::AddResources(data_, executor.mutable_info()->mutable_resources());
  }

  void Say() {
    if (nodes_.empty()) return;
    constexpr std::array kCalls = {link::Call::PONG, link::Call::UNREGISTER,
                                   link::Call::EXECUTOR_EXITED, link::Call::OPERATION_UPDATE,
                                   link::Call::EXECUTOR_MESSAGE};
    link::Call call;
    call.set_type(data_.Pick(kCalls));
    if (call.type() == link::Call::EXECUTOR_EXITED) {
      auto& exited = *call.mutable_executor_exited();
      exited.mutable_framework_id()->set_value(framework_.id);
      exited.mutable_executor_id()->set_value("e" + std::to_string(data_.Below(3)));
    }
    (void)h_.Say(AnyNode(), std::move(call));
  }

  void Report() {
    if (nodes_.empty()) return;
    h_.Report(AnyNode(), framework_, AnyTask(), AnyState());
  }

  void Pass() {
    constexpr std::array kSeconds = {0, 1, 5, 60, 700};
    h_.clock.Advance(std::chrono::seconds(data_.Pick(kSeconds)));
  }

  void Launch() {
    const std::vector<v1::Offer> offers = h_.Offers(framework_);
    for (const v1::Offer& offer : offers) {
      v1::TaskInfo task;
      task.set_name("t");
      task.mutable_task_id()->set_value(AnyTask());
      *task.mutable_agent_id() = offer.agent_id();
      task.mutable_command()->set_value("true");
      for (const v1::Resource& resource : offer.resources()) {
        if (data_.Flag()) *task.add_resources() = resource;
      }
      (void)h_.Make(framework_,
                    MasterHarness::AcceptCall({offer}, {MasterHarness::LaunchOf({task})},
                                              fuzz::AnyNumber(data_)));
    }
  }

  void Leave() {
    if (!nodes_.empty()) h_.Leave(AnyNode());
  }

  void Return() { (void)h_.Resubscribe(&framework_); }

  Node& AnyNode() { return nodes_[data_.Below(nodes_.size())]; }
  std::string AnyTask() { return "t" + std::to_string(data_.Below(6)); }
  v1::TaskState AnyState() {
    return data_.Pick(std::array{v1::TASK_STAGING, v1::TASK_RUNNING, v1::TASK_FINISHED,
                                 v1::TASK_LOST, v1::TASK_UNREACHABLE});
  }

  fuzz::FuzzedData data_;
  MasterHarness h_;
  Scheduler framework_;
  std::vector<Node> nodes_;
};

}  // namespace
}  // namespace tepui::master

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tepui::master::Attack(tepui::fuzz::FuzzedData(data, size)).Run();
  return 0;
}
