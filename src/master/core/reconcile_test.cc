// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Call ReconcileOf(const std::vector<std::pair<std::string, std::string>>& tasks) {
  Call call;
  call.set_type(Call::RECONCILE);
  call.mutable_reconcile();
  for (const auto& [task, agent] : tasks) {
    auto& asked = *call.mutable_reconcile()->add_tasks();
    asked.mutable_task_id()->set_value(task);
    if (!agent.empty()) asked.mutable_agent_id()->set_value(agent);
  }
  return call;
}

class Reconcile : public ::testing::TestWithParam<bool> {
 protected:
  static RecoveredRegistry Registry() {
    RecoveredRegistry registry;
    registry.agents.push_back(MasterHarness::Machine().info());
    registry.agents.back().mutable_id()->set_value("old-S0");
    registry.unreachable.emplace_back(AgentId("old-S1"), WallTime(std::chrono::seconds(100)));
    registry.gone.emplace_back(AgentId("old-S2"), WallTime{});
    return registry;
  }
  v1::FrameworkInfo Info() const {
    return GetParam() ? MasterHarness::Info()
                      : MasterHarness::InfoWithout(Capability::PARTITION_AWARE);
  }
  v1::TaskState Or(v1::TaskState state) const { return GetParam() ? state : v1::TASK_LOST; }
};
INSTANTIATE_TEST_SUITE_P(PartitionAware, Reconcile, ::testing::Bool());

// The decision table of reference 2.7, row by row.
TEST_P(Reconcile, AnswersWhatIsKnownOfEachTask) {
  MasterHarness h(MasterHarness::DefaultOptions(), Registry());
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe(Info());
  h.Launch(scheduler, {MasterHarness::Task(node, "known")});
  h.Report(node, scheduler, "known", v1::TASK_RUNNING);
  h.Take(scheduler);
  const auto ask = [&](const std::string& task, const std::string& agent) {
    h.Make(scheduler, ReconcileOf({{task, agent}}));
    const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
    EXPECT_LE(statuses.size(), 1u);
    for (const v1::TaskStatus& status : statuses) {
      EXPECT_EQ(status.reason(), v1::TaskStatus::REASON_RECONCILIATION);
      EXPECT_EQ(status.source(), v1::TaskStatus::SOURCE_MASTER);
      EXPECT_FALSE(status.has_uuid() || status.has_data() || status.has_labels());
    }
    return statuses.empty() ? std::optional<v1::TaskStatus>() : statuses[0];
  };
  EXPECT_EQ(ask("known", "")->state(), v1::TASK_RUNNING);
  EXPECT_EQ(ask("known", "old-S0")->state(), v1::TASK_RUNNING);  // The named agent is ignored.
  EXPECT_EQ(ask("known", "")->agent_id().value(), node.id);
  EXPECT_FALSE(ask("x", "old-S0"));  // It may run there.
  EXPECT_FALSE(ask("x", ""));        // It may run on an agent that is not back yet.
  EXPECT_EQ(ask("x", node.id)->state(), Or(v1::TASK_GONE));
  EXPECT_EQ(ask("x", "old-S1")->state(), Or(v1::TASK_UNREACHABLE));
  EXPECT_EQ(ask("x", "old-S1")->unreachable_time().nanoseconds(), 100'000'000'000);
  EXPECT_EQ(ask("x", "old-S2")->state(), Or(v1::TASK_GONE_BY_OPERATOR));
  EXPECT_EQ(ask("x", "old-S3")->state(), Or(v1::TASK_UNKNOWN));
  EXPECT_EQ(ask("x", "old-S3")->agent_id().value(), "old-S3");

  // Once the master waits for no agent, a task without an agent is unknown.
  h.PassTime(std::chrono::minutes(11), {&node});
  h.Take(scheduler);
  EXPECT_EQ(ask("x", "")->state(), Or(v1::TASK_UNKNOWN));
  EXPECT_FALSE(ask("x", "")->has_agent_id());
  EXPECT_EQ(ask("x", "old-S0")->state(), Or(v1::TASK_UNREACHABLE));
}

// This holds even if the call names no agent. A KILL is answered like a reconciliation, and UNKNOWN
// would mean that the task never ran.
TEST(Reconciliation, ALostTaskIsUnreachableForEveryFramework) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.PassTime(std::chrono::minutes(2), {});
  h.TakeStatuses(scheduler);
  Call kill;
  kill.set_type(Call::KILL);
  kill.mutable_kill()->mutable_task_id()->set_value("t");
  for (const Call& call : {ReconcileOf({{"t", ""}}), kill}) {
    h.Make(scheduler, call);
    const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
    ASSERT_THAT(statuses, SizeIs(1));
    EXPECT_EQ(statuses[0].state(), v1::TASK_UNREACHABLE);
    EXPECT_EQ(statuses[0].agent_id().value(), node.id);
    EXPECT_TRUE(statuses[0].has_unreachable_time());
  }
}

TEST(Reconciliation, WithoutTasksReportsAll) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler, ReconcileOf({}));
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  h.Launch(scheduler, {MasterHarness::Task(node, "a"), MasterHarness::Task(node, "b")});
  const Scheduler other = h.Subscribe();
  h.Make(scheduler, ReconcileOf({}));
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(2));
  h.Make(other, ReconcileOf({}));
  EXPECT_THAT(h.TakeStatuses(other), IsEmpty());
}

// The answer is the last state sent to the framework, though the agent is ahead (reference 2.7).
TEST(Reconciliation, ReportsTheStateOfTheLastStatusSent) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'a', v1::TASK_FINISHED);
  h.Take(scheduler);
  h.Make(scheduler, ReconcileOf({{"t", ""}}));
  EXPECT_EQ(h.TakeStatuses(scheduler).at(0).state(), v1::TASK_RUNNING);
}

// The statuses wait at the agent until the framework is back, and are sent in order.
TEST(Reconciliation, DoesNotReportTheEndBeforeEarlierStatuses) {
  MasterHarness h;
  const Node node = h.Join();
  Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Leave(scheduler);
  h.Report(node, scheduler, "t", v1::TASK_STARTING, 'a', v1::TASK_FINISHED);
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  h.Make(scheduler, ReconcileOf({{"t", ""}}));
  EXPECT_EQ(h.TakeStatuses(scheduler).at(0).state(), v1::TASK_STAGING);
}

TEST(Reconciliation, CarriesHealthAndContainer) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::ExecutorTask(node, "t", "e")});
  link::Call call;
  call.set_type(link::Call::STATUS_UPDATE);
  call.mutable_status_update()->mutable_framework_id()->set_value(scheduler.id);
  v1::TaskStatus& status = *call.mutable_status_update()->mutable_status();
  status.mutable_task_id()->set_value("t");
  status.set_state(v1::TASK_RUNNING);
  status.set_uuid(std::string(16, 'a'));
  status.set_healthy(true);
  status.mutable_container_status()->mutable_container_id()->set_value("c");
  h.Say(node, call);
  h.Take(scheduler);
  h.Make(scheduler, ReconcileOf({{"t", ""}}));
  const v1::TaskStatus answer = h.TakeStatuses(scheduler).at(0);
  EXPECT_TRUE(answer.healthy());
  EXPECT_EQ(answer.container_status().container_id().value(), "c");
  EXPECT_EQ(answer.executor_id().value(), "e");
}

TEST(Reconciliation, OfManyUnknownTasksAnswersEach) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  std::vector<std::pair<std::string, std::string>> tasks;
  for (int i = 0; i < 100'000; ++i) tasks.emplace_back("t" + std::to_string(i), "");
  h.Make(scheduler, ReconcileOf(tasks));
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(100'000));
}

// Reference 2.4 has the answers about operations.
TEST_P(Reconcile, AnswersWhatIsKnownOfEachOperation) {
  MasterHarness h(MasterHarness::DefaultOptions(), Registry());
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe(Info());
  const auto ask = [&](const std::string& agent) {
    Call call;
    call.set_type(Call::RECONCILE_OPERATIONS);
    auto& asked = *call.mutable_reconcile_operations()->add_operations();
    asked.mutable_operation_id()->set_value("o");
    if (!agent.empty()) asked.mutable_agent_id()->set_value(agent);
    h.Make(scheduler, call);
    const std::vector<Event> events = h.Take(scheduler, Event::UPDATE_OPERATION_STATUS);
    return events.at(0).update_operation_status().status().state();
  };
  EXPECT_EQ(ask(""), v1::OPERATION_UNKNOWN);
  EXPECT_EQ(ask(node.id), v1::OPERATION_UNKNOWN);
  EXPECT_EQ(ask("old-S0"), v1::OPERATION_RECOVERING);
  EXPECT_EQ(ask("old-S1"), v1::OPERATION_UNREACHABLE);
  EXPECT_EQ(ask("old-S2"), v1::OPERATION_GONE_BY_OPERATOR);
  EXPECT_EQ(ask("old-S3"), v1::OPERATION_UNKNOWN);
}

}  // namespace
}  // namespace tepui::master
