// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TaskTest : ::testing::Test {
  TaskTest() : node(h.Join()), scheduler(h.Subscribe()) {
    h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  }

  v1::TaskState State() { return h.Read(scheduler).active.begin()->second->state(); }

  MasterHarness h;
  Node node;
  Scheduler scheduler;
};

// Reference 2.7: agent -> master -> framework -> ACKNOWLEDGE -> agent.
TEST_F(TaskTest, StatusesTravelToTheFrameworkAndAcknowledgementsBack) {
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'a');
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_RUNNING);
  EXPECT_EQ(statuses[0].uuid(), std::string(16, 'a'));
  EXPECT_EQ(statuses[0].agent_id().value(), node.id);
  EXPECT_EQ(statuses[0].data(), "data");
  EXPECT_EQ(State(), v1::TASK_RUNNING);
  EXPECT_FALSE(h.Read(scheduler).active.begin()->second->statuses(0).has_data());
  EXPECT_EQ(h.Metric("tasks_staging"), 0);
  EXPECT_EQ(h.Metric("tasks_running"), 1);

  h.Take(node);
  ASSERT_TRUE(h.AcknowledgeStatus(scheduler, node, "t", 'a'));
  const std::vector<link::Event> events = h.Take(node, link::Event::STATUS_ACKNOWLEDGEMENT);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].status_acknowledgement().uuid(), std::string(16, 'a'));
  EXPECT_EQ(events[0].status_acknowledgement().task_id().value(), "t");
  EXPECT_EQ(events[0].status_acknowledgement().framework_id().value(), scheduler.id);
  EXPECT_EQ(h.Metric("valid_status_updates"), 1);
  EXPECT_EQ(h.Metric("valid_status_update_acknowledgements"), 1);
}

// Reference 2.7: resources are free at the terminal state, the task is completed once it is
// acknowledged.
TEST_F(TaskTest, TerminalTasksStayUntilAcknowledged) {
  h.Report(node, scheduler, "t", v1::TASK_FINISHED, 'a');
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_EQ(State(), v1::TASK_FINISHED);
  h.AcknowledgeStatus(scheduler, node, "t", 'b');  // Not the uuid of the last status.
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  h.AcknowledgeStatus(scheduler, node, "t", 'a');
  EXPECT_THAT(h.Read(scheduler).active, IsEmpty());
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
  EXPECT_EQ(h.Metric("tasks_finished"), 1);
  EXPECT_EQ(h.Metric("tasks_staging"), 0);
  // The id is free again.
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
}

// Reference 2.7: latest_state runs ahead while earlier statuses wait.
TEST_F(TaskTest, ResourcesAreFreeAtATerminalLatestState) {
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'a', v1::TASK_FAILED);
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_EQ(State(), v1::TASK_FAILED);
  EXPECT_EQ(h.Metric("tasks_failed"), 1);
  ASSERT_EQ(h.TakeStatuses(scheduler).at(0).state(), v1::TASK_RUNNING);
  h.AcknowledgeStatus(scheduler, node, "t", 'a');  // Acknowledges RUNNING only.
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  h.Report(node, scheduler, "t", v1::TASK_FAILED, 'b');
  h.AcknowledgeStatus(scheduler, node, "t", 'b');
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
  EXPECT_EQ(h.Metric("tasks_failed"), 1);
}

TEST_F(TaskTest, RetriedStatusesAreForwardedAgainAndRecordedOnce) {
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'a');
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'a');
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(2));
  EXPECT_EQ(h.Read(scheduler).active.begin()->second->statuses_size(), 1);
}

TEST_F(TaskTest, NothingRevivesATerminalTask) {
  h.Report(node, scheduler, "t", v1::TASK_KILLED, 'a');
  h.Report(node, scheduler, "t", v1::TASK_RUNNING, 'b');
  EXPECT_EQ(State(), v1::TASK_KILLED);
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_EQ(h.Metric("tasks_killed"), 1);
  EXPECT_EQ(h.Metric("tasks_running"), 0);
}

TEST_F(TaskTest, AFlappingExecutorDoesNotFillTheMemory) {
  for (int i = 0; i < 200; ++i) {
    h.Report(node, scheduler, "t", i % 2 == 0 ? v1::TASK_RUNNING : v1::TASK_STARTING);
  }
  EXPECT_LE(h.Read(scheduler).active.begin()->second->statuses_size(), 64);
}

TEST_F(TaskTest, StatusesForADisconnectedFrameworkAreNotAcknowledgeable) {
  h.Leave(scheduler);
  h.Report(node, scheduler, "t", v1::TASK_FINISHED, 'a');
  EXPECT_TRUE(h.Read(node).used.empty());
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  h.Take(node);
  h.AcknowledgeStatus(scheduler, node, "t", 'a');  // It was never sent this uuid.
  EXPECT_THAT(h.Take(node, link::Event::STATUS_ACKNOWLEDGEMENT), IsEmpty());
  EXPECT_EQ(h.Metric("invalid_status_update_acknowledgements"), 1);
  h.Report(node, scheduler, "t", v1::TASK_FINISHED, 'a');  // The agent retries.
  h.AcknowledgeStatus(scheduler, node, "t", 'a');
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
}

TEST_F(TaskTest, StatusesOfUnknownTasksAreForTheFrameworkToAcknowledge) {
  h.Take(scheduler);
  h.Report(node, scheduler, "other", v1::TASK_FINISHED, 'a');
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(1));
  h.Take(node);
  h.AcknowledgeStatus(scheduler, node, "other", 'a');
  EXPECT_THAT(h.Take(node, link::Event::STATUS_ACKNOWLEDGEMENT), SizeIs(1));
  EXPECT_EQ(h.Metric("invalid_status_updates"), 1);
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
}

TEST_F(TaskTest, StatusesWithoutUuidAreInvalid) {
  h.Take(scheduler);
  link::Call call;
  call.set_type(link::Call::STATUS_UPDATE);
  call.mutable_status_update()->mutable_framework_id()->set_value(scheduler.id);
  call.mutable_status_update()->mutable_status()->mutable_task_id()->set_value("t");
  call.mutable_status_update()->mutable_status()->set_state(v1::TASK_FINISHED);
  EXPECT_TRUE(h.Say(node, call));
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  EXPECT_EQ(State(), v1::TASK_STAGING);
  EXPECT_EQ(h.Metric("invalid_status_updates"), 1);
}

// A status from another agent does not change the task.
TEST_F(TaskTest, AgentsSpeakForTheirOwnTasksOnly) {
  const Node other = h.Join(MasterHarness::Machine("cpus:1;mem:100", "i", 5052));
  h.Report(other, scheduler, "t", v1::TASK_FAILED, 'a');
  EXPECT_EQ(State(), v1::TASK_STAGING);
  h.AcknowledgeStatus(scheduler, other, "t", 'a');
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
}

TEST_F(TaskTest, StatusesOfCompletedFrameworksShutThemDownAgain) {
  h.Make(scheduler, Call::TEARDOWN);
  h.Take(node);
  h.Report(node, scheduler, "t", v1::TASK_RUNNING);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
}

TEST_F(TaskTest, AcknowledgementsForAgentsThatAreAwayAreInvalid) {
  h.Report(node, scheduler, "t", v1::TASK_FINISHED, 'a');
  h.Leave(node);
  h.AcknowledgeStatus(scheduler, node, "t", 'a');
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  Node nowhere = node;
  nowhere.id = "m-S9";
  h.AcknowledgeStatus(scheduler, nowhere, "t", 'a');
  EXPECT_EQ(h.Metric("invalid_status_update_acknowledgements"), 2);
}

Call KillOf(const std::string& task, const std::string& agent = "") {
  Call call;
  call.set_type(Call::KILL);
  call.mutable_kill()->mutable_task_id()->set_value(task);
  if (!agent.empty()) call.mutable_kill()->mutable_agent_id()->set_value(agent);
  return call;
}

TEST_F(TaskTest, KillsGoToTheAgent) {
  Call call = KillOf("t", node.id);
  call.mutable_kill()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(7);
  ASSERT_TRUE(h.Make(scheduler, call));
  const std::vector<link::Event> events = h.Take(node, link::Event::KILL_TASK);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kill_task().task_id().value(), "t");
  EXPECT_EQ(events[0].kill_task().kill_policy().grace_period().nanoseconds(), 7);
}

TEST_F(TaskTest, KillsOnTheWrongAgentAreDropped) {
  h.Make(scheduler, KillOf("t", "m-S9"));
  EXPECT_THAT(h.Take(node, link::Event::KILL_TASK), IsEmpty());
  EXPECT_EQ(h.Metric("dropped_messages"), 1);
}

TEST_F(TaskTest, KillsOfUnknownTasksAnswerWhatIsKnown) {
  h.Take(scheduler);
  h.Make(scheduler, KillOf("nothing"));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_UNKNOWN);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_RECONCILIATION);
}

TEST_F(TaskTest, KillsAreRepeatedToAnAgentThatComesBackWithTheTask) {
  h.Leave(node);
  h.Make(scheduler, KillOf("t"));
  v1::Task task = *h.Read(scheduler).active.begin()->second;
  task.set_state(v1::TASK_RUNNING);
  *node.subscribe.add_tasks() = task;
  *node.subscribe.add_frameworks() = scheduler.info;
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Take(node, link::Event::KILL_TASK), SizeIs(1));
}

// Reference 2.7: 1000 completed tasks are kept for each framework; here 2.
TEST(Tasks, CompletedOnesAreBounded) {
  Options options = MasterHarness::DefaultOptions();
  options.max_completed_tasks_per_framework = 2;
  MasterHarness h(options);
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  for (const char* id : {"a", "b", "c", "a"}) {
    h.Launch(scheduler, {MasterHarness::Task(node, id)});
    h.Report(node, scheduler, id, v1::TASK_FINISHED);
    h.AcknowledgeStatus(scheduler, node, id);
  }
  std::vector<std::string> ids;
  for (const auto& [number, task] : h.Read(scheduler).completed)
    ids.push_back(task->task_id().value());
  EXPECT_THAT(ids, ElementsAre("c", "a"));
  EXPECT_THAT(h.Read(scheduler).index, SizeIs(2));
}

// A record that readers got stays the same, whatever happens to the task later.
TEST(Tasks, PublishedRecordsNeverChange) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  const std::shared_ptr<const v1::Task> seen = h.Read(scheduler).active.begin()->second;
  h.Report(node, scheduler, "t", v1::TASK_RUNNING);
  EXPECT_EQ(seen->state(), v1::TASK_STAGING);
  EXPECT_EQ(h.Read(scheduler).active.begin()->second->state(), v1::TASK_RUNNING);
}

}  // namespace
}  // namespace tepui::master
