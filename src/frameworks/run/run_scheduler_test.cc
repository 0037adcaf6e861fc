// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/run_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_clock.h"

namespace tepui::frameworks {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class RunSchedulerTest : public ::testing::Test {
 protected:
  static RunPlan PlanOf(std::vector<std::string> ids) {
    RunPlan plan;
    plan.master = "m:5050";
    plan.framework.set_user("u");
    plan.framework.set_name("n");
    plan.framework.add_roles("*");
    for (const std::string& id : ids) {
      v1::TaskInfo& task = plan.tasks.emplace_back();
      task.set_name(id);
      task.mutable_task_id()->set_value(id);
      task.mutable_agent_id()->set_value("");
      Resources::Parse("cpus:1;mem:128")->ToProto(task.mutable_resources());
    }
    return plan;
  }

  static RunPlan GroupPlan() {
    RunPlan plan = PlanOf({"a", "b"});
    plan.group_executor.emplace();
    plan.group_executor->set_type(v1::ExecutorInfo::DEFAULT);
    plan.group_executor->mutable_executor_id()->set_value("default-executor");
    Resources::Parse("cpus:0.1;mem:32")->ToProto(plan.group_executor->mutable_resources());
    return plan;
  }

  void Start(RunPlan plan) {
    core_ = std::make_unique<RunScheduler>(
        std::move(plan), clock_,
        RunScheduler::Effects{
            .send = [this](const Call& call) { calls_.push_back(call); },
            .tell = [this](const std::string& line) { lines_.push_back(line); },
            .follow = [this](std::vector<TaskOutput> outputs) { outputs_ = std::move(outputs); },
            .finish =
                [this](int code, std::optional<Call> teardown) {
                  code_ = code;
                  teardown_ = std::move(teardown);
                }});
    core_->Start();
  }

  void Subscribe() {
    core_->OnConnected();
    Event event;
    event.set_type(Event::SUBSCRIBED);
    event.mutable_subscribed()->mutable_framework_id()->set_value("F");
    core_->OnEvent(event);
    calls_.clear();
  }

  void Offer(const std::string& resources) {
    Event event;
    event.set_type(Event::OFFERS);
    v1::Offer* offer = event.mutable_offers()->add_offers();
    offer->mutable_id()->set_value("O");
    offer->mutable_framework_id()->set_value("F");
    offer->mutable_agent_id()->set_value("S");
    offer->set_hostname("host");
    offer->mutable_url()->set_scheme("http");
    offer->mutable_url()->mutable_address()->set_ip("10.0.0.7");
    offer->mutable_url()->mutable_address()->set_port(5055);
    Resources::Parse(resources)->ToProto(offer->mutable_resources());
    for (auto& resource : *offer->mutable_resources())
      resource.mutable_allocation_info()->set_role("*");
    core_->OnEvent(event);
  }

  void Update(const std::string& task, v1::TaskState state, const std::string& message = "") {
    Event event;
    event.set_type(Event::UPDATE);
    v1::TaskStatus* status = event.mutable_update()->mutable_status();
    status->mutable_task_id()->set_value(task);
    status->mutable_agent_id()->set_value("S");
    status->set_state(state);
    status->set_uuid("0123456789abcdef");
    if (!message.empty()) status->set_message(message);
    core_->OnEvent(event);
  }

  std::vector<Call::Type> Sent() const {
    std::vector<Call::Type> types;
    for (const Call& call : calls_) types.push_back(call.type());
    return types;
  }

  VirtualClock clock_;
  std::vector<Call> calls_;
  std::vector<std::string> lines_;
  std::vector<TaskOutput> outputs_;
  std::optional<int> code_;
  std::optional<Call> teardown_;
  std::unique_ptr<RunScheduler> core_;
};

TEST_F(RunSchedulerTest, SubscribesUntilItIs) {
  Start(PlanOf({"t"}));
  core_->OnConnected();
  clock_.Advance(1s);
  EXPECT_THAT(Sent(), ElementsAre(Call::SUBSCRIBE, Call::SUBSCRIBE));
  EXPECT_EQ(calls_[0].subscribe().framework_info().user(), "u");
  EXPECT_TRUE(calls_[0].IsInitialized());
  Subscribe();
  clock_.Advance(10s);
  EXPECT_THAT(calls_, IsEmpty());
  EXPECT_THAT(lines_, Contains("Subscribed with ID F"));
}

TEST_F(RunSchedulerTest, LaunchesOnTheFirstOfferThatFits) {
  Start(PlanOf({"t"}));
  Subscribe();
  Offer("cpus:1;mem:64");
  EXPECT_THAT(Sent(), ElementsAre(Call::DECLINE));
  Offer("cpus:4;mem:4096");
  EXPECT_THAT(Sent(), ElementsAre(Call::DECLINE, Call::ACCEPT, Call::SUPPRESS));
  const auto& accept = calls_[1].accept();
  EXPECT_TRUE(calls_[1].IsInitialized());
  EXPECT_EQ(accept.offer_ids(0).value(), "O");
  const v1::TaskInfo& task = accept.operations(0).launch().task_infos(0);
  EXPECT_EQ(task.agent_id().value(), "S");
  EXPECT_EQ(task.resources(0).allocation_info().role(), "*");
  EXPECT_THAT(lines_, Contains("Submitted task 't' to agent 'S'"));
  ASSERT_THAT(outputs_, SizeIs(1));
  EXPECT_EQ(ToString(outputs_[0].agent), "10.0.0.7:5055");
  EXPECT_EQ(outputs_[0].directory, "/frameworks/F/executors/t/runs/latest");
  // One launch is enough.
  Offer("cpus:4;mem:4096");
  EXPECT_EQ(calls_.back().type(), Call::DECLINE);
}

TEST_F(RunSchedulerTest, LaunchesATaskGroup) {
  Start(GroupPlan());
  Subscribe();
  // Without room for the executor it does not fit.
  Offer("cpus:2;mem:256");
  EXPECT_THAT(Sent(), ElementsAre(Call::DECLINE));
  calls_.clear();
  Offer("cpus:4;mem:4096");
  ASSERT_THAT(Sent(), ElementsAre(Call::ACCEPT, Call::SUPPRESS));
  const auto& launch = calls_[0].accept().operations(0).launch_group();
  EXPECT_TRUE(calls_[0].IsInitialized());
  EXPECT_EQ(launch.executor().framework_id().value(), "F");
  EXPECT_EQ(launch.task_group().tasks_size(), 2);
  ASSERT_THAT(outputs_, SizeIs(2));
  EXPECT_EQ(outputs_[1].directory, "/frameworks/F/executors/default-executor/runs/latest/tasks/b");

  Update("a", v1::TASK_FINISHED);
  EXPECT_FALSE(code_);
  Update("b", v1::TASK_FAILED, "Command exited with status 4");
  EXPECT_EQ(code_, 4);
}

TEST_F(RunSchedulerTest, AcknowledgesAndPrintsStatusesAndEndsWithTheTask) {
  Start(PlanOf({"t"}));
  Subscribe();
  Offer("cpus:4;mem:4096");
  calls_.clear();
  Update("t", v1::TASK_RUNNING);
  Update("t", v1::TASK_FINISHED, "done");
  EXPECT_THAT(Sent(), ElementsAre(Call::ACKNOWLEDGE, Call::ACKNOWLEDGE));
  EXPECT_EQ(calls_[0].acknowledge().uuid(), "0123456789abcdef");
  EXPECT_THAT(lines_, Contains("Received status update TASK_RUNNING for task 't'"));
  EXPECT_THAT(lines_, Contains(AllOf(HasSubstr("TASK_FINISHED"), HasSubstr("message: 'done'"))));
  EXPECT_EQ(code_, 0);
  ASSERT_TRUE(teardown_);
  EXPECT_EQ(teardown_->type(), Call::TEARDOWN);
  EXPECT_EQ(teardown_->framework_id().value(), "F");
}

TEST_F(RunSchedulerTest, AnInterruptKillsTheTask) {
  Start(PlanOf({"t"}));
  Subscribe();
  Offer("cpus:4;mem:4096");
  Update("t", v1::TASK_RUNNING);
  calls_.clear();
  core_->OnInterrupt();
  ASSERT_THAT(Sent(), ElementsAre(Call::KILL));
  EXPECT_EQ(calls_[0].kill().task_id().value(), "t");
  EXPECT_FALSE(code_);
  Update("t", v1::TASK_KILLING);
  Update("t", v1::TASK_KILLED);
  EXPECT_EQ(code_, 130);
}

TEST_F(RunSchedulerTest, ASecondInterruptLeavesAtOnce) {
  Start(PlanOf({"t"}));
  Subscribe();
  Offer("cpus:4;mem:4096");
  core_->OnInterrupt();
  core_->OnInterrupt();
  EXPECT_EQ(code_, 130);
  EXPECT_TRUE(teardown_);
}

TEST_F(RunSchedulerTest, AnInterruptBeforeTheLaunchLeavesAtOnce) {
  Start(PlanOf({"t"}));
  core_->OnInterrupt();
  EXPECT_EQ(code_, 130);
  EXPECT_FALSE(teardown_);
}

TEST_F(RunSchedulerTest, KillAfter) {
  RunPlan plan = PlanOf({"t"});
  plan.kill_after = 10s;
  Start(std::move(plan));
  Subscribe();
  Offer("cpus:4;mem:4096");
  Update("t", v1::TASK_STARTING);
  clock_.Advance(1min);
  Update("t", v1::TASK_RUNNING);
  calls_.clear();
  clock_.Advance(9s);
  EXPECT_THAT(calls_, IsEmpty());
  clock_.Advance(1s);
  EXPECT_THAT(Sent(), ElementsAre(Call::KILL));
}

TEST_F(RunSchedulerTest, PrintsWhyItWaits) {
  Start(PlanOf({"t"}));
  clock_.Advance(5s);
  EXPECT_THAT(lines_.back(), HasSubstr("The master at m:5050 has not answered yet"));
  Subscribe();
  clock_.Advance(60s);
  EXPECT_THAT(lines_.back(), HasSubstr("No offer has arrived yet"));
  Offer("cpus:0.5;mem:4096");
  Offer("cpus:0.25;mem:32");
  clock_.Advance(60s);
  EXPECT_THAT(
      lines_.back(),
      HasSubstr("the task needs cpus:1; mem:128; the largest offer had cpus:0.5; mem:4096"));
}

TEST_F(RunSchedulerTest, ALostConnectionIsPickedUpAgain) {
  Start(PlanOf({"t"}));
  Subscribe();
  Offer("cpus:4;mem:4096");
  core_->OnDisconnected();
  EXPECT_THAT(lines_.back(), HasSubstr("Lost the connection"));
  calls_.clear();
  core_->OnConnected();
  ASSERT_THAT(Sent(), ElementsAre(Call::SUBSCRIBE));
  EXPECT_EQ(calls_[0].framework_id().value(), "F");
  EXPECT_EQ(calls_[0].subscribe().framework_info().id().value(), "F");
  Event event;
  event.set_type(Event::SUBSCRIBED);
  event.mutable_subscribed()->mutable_framework_id()->set_value("F");
  core_->OnEvent(event);
  ASSERT_THAT(Sent(), ElementsAre(Call::SUBSCRIBE, Call::RECONCILE));
  EXPECT_EQ(calls_[1].reconcile().tasks(0).task_id().value(), "t");
}

TEST_F(RunSchedulerTest, AnErrorEventEndsIt) {
  Start(PlanOf({"t"}));
  Subscribe();
  Event event;
  event.set_type(Event::ERROR);
  event.mutable_error()->set_message("not you");
  core_->OnEvent(event);
  EXPECT_THAT(lines_.back(), "not you");
  EXPECT_EQ(code_, 1);
}

TEST(ExitCodeOfTest, TheCommandsOwnIfTheMessageTellsIt) {
  const auto code = [](v1::TaskState state, const std::string& message) {
    v1::TaskStatus status;
    status.set_state(state);
    status.set_message(message);
    return ExitCodeOf(status);
  };
  EXPECT_EQ(code(v1::TASK_FINISHED, "Command exited with status 0"), 0);
  EXPECT_EQ(code(v1::TASK_FAILED, "Command exited with status 3"), 3);
  EXPECT_EQ(code(v1::TASK_FAILED, "Command terminated with signal Killed"), 1);
  EXPECT_EQ(code(v1::TASK_FAILED, "Command exited with status 0"), 1);
  EXPECT_EQ(code(v1::TASK_FAILED, "exited with status 99999999999999"), 1);
  EXPECT_EQ(code(v1::TASK_ERROR, ""), 1);
}

}  // namespace
}  // namespace tepui::frameworks
