// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// What an agent recovers after a restart (reference 5.1).
class RecoveryTest : public CheckpointedTest {
 protected:
  // Registers the agent and runs a command task whose statuses are acknowledged.
  void RunTask(const std::string& id = "t1") {
    if (!agent) Register();
    Run(Task(id));
    containerizer.Start();
    ASSERT_THAT(States(Take()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
  }
  // Ends the task and acknowledges that; the acknowledgement is not saved yet.
  void EndAndAcknowledge() {
    containerizer.End(Exited(0));
    clock.Settle();
    const auto statuses = Sent();
    ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FINISHED));
    Acknowledge(statuses[0]);
  }
  void EndMeanwhile(const ContainerId& container, int wait_status) {
    containerizer.ended[container].status = wait_status;
  }
  const link::Call::Subscribe& Subscription() const { return links.subscriptions.back(); }
  // Returns the saved keys without the history.
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys = SavedKeys();
    std::erase_if(keys, [](const std::string& key) { return key.starts_with("completed/"); });
    return keys;
  }
  std::string Why() const {
    return exits.empty() || exits.back() ? "" : exits.back().error().message;
  }
  ContainerId container() const { return containerizer.order.back(); }
};

TEST_F(RecoveryTest, TheEdgeLearnsTheIdBeforeAMasterIsFound) {
  Register();
  EXPECT_THAT(links.identities, ElementsAre(AgentId(kAgent)));
  links.identities.clear();
  Restart();
  EXPECT_THAT(links.identities, ElementsAre(AgentId(kAgent)));
  Register();
  EXPECT_EQ(links.identities.size(), 1u);
}

TEST_F(RecoveryTest, ATaskGoesOn) {
  RunTask();
  RestartAndRegister();
  ASSERT_THAT(containerizer.claims, SizeIs(1));
  EXPECT_EQ(containerizer.claims[0].launch.id, container());
  EXPECT_EQ(containerizer.claims[0].launched.pid, 100);
  EXPECT_TRUE(containerizer.claims[0].launch.outlives_agent);
  EXPECT_EQ(Subscription().info().id().value(), kAgent);
  ASSERT_EQ(Subscription().tasks_size(), 1);
  EXPECT_EQ(Subscription().tasks(0).state(), v1::TASK_RUNNING);
  EXPECT_EQ(Subscription().executors_size(), 1);
  EXPECT_THAT(Take(), IsEmpty()) << "all was acknowledged before";

  containerizer.End(Exited(0));
  EXPECT_THAT(containerizer.forgotten, IsEmpty()) << "its end is not saved yet";
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_FINISHED));
  EXPECT_THAT(containerizer.forgotten, Contains(container()));
  EXPECT_THAT(Keys(), ElementsAre("agent")) << "nothing is left of it";
}

TEST_F(RecoveryTest, NothingIsToldBeforeItIsSaved) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  EXPECT_THAT(Sent(), IsEmpty());
  clock.Settle();
  const auto starting = Sent();
  ASSERT_THAT(States(starting), ElementsAre(v1::TASK_STARTING));
  Acknowledge(starting[0]);
  EXPECT_THAT(Sent(), IsEmpty()) << "the acknowledgement is not saved yet";
  clock.Settle();
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_RUNNING));
}

TEST_F(RecoveryTest, StatusesThatWaitAreSentAgainInOrder) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  clock.Settle();
  const auto before = Sent();
  ASSERT_THAT(States(before), ElementsAre(v1::TASK_STARTING));
  RestartAndRegister();
  EXPECT_EQ(Subscription().tasks(0).status_update_state(), v1::TASK_STARTING)
      << "its framework has seen no more";
  const auto after = Take();
  ASSERT_THAT(States(after), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
  EXPECT_EQ(after[0].uuid(), before[0].uuid());
  EXPECT_EQ(after[0].timestamp(), before[0].timestamp());
}

TEST_F(RecoveryTest, AnEndInTheAbsenceIsTold) {
  RunTask();
  EndMeanwhile(container(), Exited(3));
  RestartAndRegister();
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].message(), "Command exited with status 3");
  EXPECT_THAT(containerizer.forgotten, Contains(container()));
}

TEST_F(RecoveryTest, AnEndThatWasSavedIsToldOnce) {
  RunTask();
  containerizer.End(Exited(0));
  clock.Settle();
  const auto before = Sent();
  ASSERT_THAT(States(before), ElementsAre(v1::TASK_FINISHED));
  RestartAndRegister();
  EXPECT_THAT(containerizer.claims, IsEmpty());
  EXPECT_EQ(Subscription().tasks(0).status_update_state(), v1::TASK_FINISHED)
      << "its framework has seen that";
  const auto after = Take();
  ASSERT_THAT(States(after), ElementsAre(v1::TASK_FINISHED));
  EXPECT_EQ(after[0].uuid(), before[0].uuid());
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, AnEndThatWasAcknowledgedIsNotToldOfAgain) {
  options.registration_backoff_factor = Duration::zero();
  StartAgent(/*disk_delay=*/std::chrono::seconds(2));
  clock.Advance(std::chrono::seconds(10));
  Register();
  Run(Task("t1"));
  containerizer.Start();
  clock.Advance(std::chrono::seconds(8));
  ASSERT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING));
  containerizer.End(Exited(0));
  clock.Advance(std::chrono::seconds(8));
  ASSERT_THAT(States(Drain()), ElementsAre(v1::TASK_RUNNING));
  clock.Advance(std::chrono::seconds(8));
  ASSERT_THAT(States(Drain()), ElementsAre(v1::TASK_FINISHED));
  links.subscriptions.clear();
  agent->OnMasterDetected();  // The acknowledgement is not saved yet.
  clock.Advance(std::chrono::seconds(5));
  ASSERT_THAT(links.subscriptions, SizeIs(1));
  EXPECT_EQ(Subscription().tasks_size(), 0) << "a new master would wait for its end for ever";
}

// For the master the id is free as soon as it has received the acknowledgement.
TEST_F(RecoveryTest, ATaskMayHaveTheIdOfOneWhoseEndIsBeingSaved) {
  RunTask();
  EndAndAcknowledge();
  Run(Task("t1"));
  clock.Settle();
  containerizer.Start();
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

TEST_F(RecoveryTest, ATaskMayBeKilledBeforeItsIdIsFree) {
  RunTask();
  EndAndAcknowledge();
  Run(Task("t1"));
  Kill("t1");
  clock.Settle();
  containerizer.Start();
  containerizer.End(SIGKILL);
  EXPECT_THAT(States(Take()), Contains(v1::TASK_KILLED));
}

TEST_F(RecoveryTest, AFrameworkMayBeShutDownBeforeAnIdIsFree) {
  RunTask();
  EndAndAcknowledge();
  Run(Task("t1"));
  ShutdownFramework();
  const size_t launched = containerizer.order.size();
  clock.Settle();
  EXPECT_EQ(containerizer.order.size(), launched);
  EXPECT_THAT(agent->Snapshot()->frameworks, IsEmpty());
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, AProgramRunsWhenItsRecordIsSaved) {
  options.registration_backoff_factor = Duration::zero();
  StartAgent(/*disk_delay=*/seconds(2));
  clock.Advance(seconds(10));
  Register();
  clock.Advance(seconds(10));  // The agent's own record is saved.
  Run(Task("t1"));
  EXPECT_TRUE(containerizer.Last().launched) << "it is prepared meanwhile";
  clock.Advance(seconds(1));
  EXPECT_FALSE(containerizer.Last().go);
  clock.Advance(seconds(1));
  EXPECT_TRUE(containerizer.Last().go) << "one write is enough for executor and task";
  EXPECT_THAT(SavedKeys(), SizeIs(4)) << "the agent, a framework, an executor and a task";
}

TEST_F(RecoveryTest, TheProgramsOfAGroupRunWhenTheirRecordsAreSaved) {
  Register();
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::DEFAULT), {Task("t1"), Task("t2")});
  EXPECT_FALSE(containerizer.Last(0).go || containerizer.Last(1).go);
  clock.Settle();
  EXPECT_TRUE(containerizer.Last(0).go && containerizer.Last(1).go);
}

TEST_F(RecoveryTest, WhatEndsWithTheAgentRunsAtOnce) {
  framework.set_checkpoint(false);
  Register();
  Run(Task("t1"));
  containerizer.Start();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

TEST_F(RecoveryTest, ALaunchThatWasInterruptedHasFailed) {
  Register();
  Run(Task("t1"));
  clock.Settle();
  EXPECT_THAT(Sent(), IsEmpty());
  RestartAndRegister();
  ASSERT_THAT(containerizer.claims, SizeIs(1));
  EXPECT_EQ(containerizer.claims[0].launched.pid, 0);
  EXPECT_EQ(containerizer.claims[0].launched.boot_id, options.boot_id);
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_EQ(statuses[0].message(),
            "Failed to launch container: The agent was restarted before it had started the task");
}

// The agent died when the program ran, and before that was saved.
TEST_F(RecoveryTest, AStartThatWasNotSavedIsFound) {
  Register();
  Run(Task("t1"));
  clock.Settle();
  containerizer.Last().launched = nullptr;
  RestartAndRegister();
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
  RestartAndRegister();
  EXPECT_EQ(containerizer.claims[0].launched.pid, 100) << "now it is saved";
  containerizer.End(Exited(0));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_FINISHED));
}

TEST_F(RecoveryTest, AnEndWhoseStartWasNotSavedIsTold) {
  Register();
  Run(Task("t1"));
  clock.Settle();
  EndMeanwhile(container(), Exited(3));
  RestartAndRegister();
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].message(), "Command exited with status 3");
}

TEST_F(RecoveryTest, AKillIsNotForgottenWhenTheStartWasNotSaved) {
  Register();
  Run(Task("t1"));
  clock.Settle();
  Kill("t1");
  clock.Settle();
  containerizer.Last().launched = nullptr;
  containerizer.Last().destroyed = false;
  RestartAndRegister();
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(9));
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_FALSE(statuses[0].has_reason()) << "it ran";
}

TEST_F(RecoveryTest, TasksOfOtherFrameworksEndWithTheAgent) {
  framework.set_checkpoint(false);
  Register();
  Run(Task("t1"));
  containerizer.Start();
  EXPECT_FALSE(containerizer.Last().spec.outlives_agent);
  EXPECT_THAT(Keys(), ElementsAre("agent"));
  RestartAndRegister();
  EXPECT_THAT(containerizer.claims, IsEmpty());
  EXPECT_EQ(Subscription().tasks_size(), 0);
  EXPECT_EQ(Subscription().info().id().value(), kAgent);
}

TEST_F(RecoveryTest, AKillGoesOn) {
  RunTask();
  Kill("t1", seconds(5));
  clock.Settle();
  RestartAndRegister();
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM, SIGTERM));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(seconds(5));
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(9));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLED));
}

// Otherwise an agent that dies in between would report that the task has failed.
TEST_F(RecoveryTest, AKillBeginsWhenItIsSaved) {
  RunTask();
  Kill("t1", seconds(5));
  EXPECT_THAT(containerizer.Last().signals, IsEmpty());
  Kill("t1", seconds(2));
  clock.Settle();
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  clock.Advance(seconds(2));
  EXPECT_TRUE(containerizer.Last().destroyed);
}

TEST_F(RecoveryTest, AKillBeforeItRanIsRemembered) {
  Register();
  Run(Task("t1"));
  Kill("t1");
  clock.Settle();
  EXPECT_THAT(Sent(), IsEmpty());
  RestartAndRegister();
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
}

TEST_F(RecoveryTest, AKillThatCameWhileItStartedGoesOn) {
  Register();
  Run(Task("t1"));
  Kill("t1");
  containerizer.Start();
  Take();
  RestartAndRegister();
  clock.Settle();
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(9));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLED));
}

TEST_F(RecoveryTest, CompletionTimeCountsFromTheStart) {
  Register();
  v1::TaskInfo task = Task("t1");
  task.mutable_max_completion_time()->set_nanoseconds(Duration(seconds(60)).count());
  Run(task);
  containerizer.Start();
  Take();
  clock.Advance(seconds(20));
  RestartAndRegister();  // This takes a second.
  clock.Advance(seconds(38));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(seconds(2));
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(9));
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
}

TEST_F(RecoveryTest, AGroupEndsTogether) {
  Register();
  v1::TaskInfo first = Task("t1");
  v1::TaskInfo second = Task("t2");
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::DEFAULT), {first, second});
  const ContainerId of_first = containerizer.order[0];
  const ContainerId of_second = containerizer.order[1];
  containerizer.Start(of_first, 101);
  containerizer.Start(of_second, 102);
  EXPECT_THAT(Take(), SizeIs(4));
  EndMeanwhile(of_first, Exited(1));
  RestartAndRegister();
  EXPECT_THAT(containerizer.claims, SizeIs(2));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(containerizer.containers[of_second].signals, ElementsAre(SIGTERM));
  containerizer.End(of_second, Killed(15));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLED));
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

// The agent died after it saved that one task failed, and before it saved the kill of the other.
TEST_F(RecoveryTest, AGroupThatWasEndingEnds) {
  Register();
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::DEFAULT), {Task("t1"), Task("t2")});
  const ContainerId of_first = containerizer.order[0];
  const ContainerId of_second = containerizer.order[1];
  containerizer.Start(of_first, 101);
  containerizer.Start(of_second, 102);
  Take();
  containerizer.End(of_first, Exited(1));
  clock.Settle();
  for (auto& [key, record] : saved->records) {
    checkpoint::Task task;
    if (!key.starts_with("tasks/") || !task.ParseFromString(record.value)) continue;
    task.clear_kill();
    record.value = task.SerializeAsString();
  }
  containerizer.containers[of_second].signals.clear();
  RestartAndRegister();
  EXPECT_THAT(containerizer.containers[of_second].signals, ElementsAre(SIGTERM));
}

// A custom executor whose task t1 runs.
class ExecutorRecoveryTest : public RecoveryTest {
 protected:
  void RunExecutor() {
    Register();
    Run(CustomTask("t1"));
    containerizer.Start();
    clock.Settle();
    ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
    EXPECT_THAT(links.EventTypes(1), ElementsAre(ExecutorEvent::SUBSCRIBED))
        << "that it may have the task is not saved yet";
    clock.Settle();
    EXPECT_THAT(links.EventTypes(1), ElementsAre(ExecutorEvent::SUBSCRIBED, ExecutorEvent::LAUNCH));
    running = Update("t1", v1::TASK_RUNNING);
    ASSERT_TRUE(Call(running));
  }
  // Makes the SUBSCRIBE that the executor sends after a restart of the agent.
  ExecutorCall Resubscription() {
    ExecutorCall call = MakeCall(ExecutorCall::SUBSCRIBE);
    *call.mutable_subscribe()->add_unacknowledged_updates() = running.update();
    *call.mutable_subscribe()->add_unacknowledged_tasks() = CustomTask("t1");
    return call;
  }
  ExecutorCall running;
};

TEST_F(ExecutorRecoveryTest, ReconnectsWithItsTasks) {
  RunExecutor();
  EXPECT_THAT(links.EventTypes(1), Not(Contains(ExecutorEvent::ACKNOWLEDGED)))
      << "the status is not saved yet";
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_RUNNING));
  EXPECT_THAT(links.EventTypes(1), Contains(ExecutorEvent::ACKNOWLEDGED));
  RestartAndRegister();
  ASSERT_TRUE(Subscribe(2, Resubscription()));
  clock.Settle();
  EXPECT_THAT(links.EventTypes(2),
              ElementsAre(ExecutorEvent::SUBSCRIBED, ExecutorEvent::ACKNOWLEDGED))
      << "the status that it sends again is known";
  EXPECT_THAT(Take(), IsEmpty());
  clock.Advance(minutes(1));
  EXPECT_FALSE(containerizer.Last().destroyed);
  Run(CustomTask("t2"), /*launch_executor=*/false);
  clock.Settle();
  EXPECT_THAT(links.EventTypes(2), Contains(ExecutorEvent::LAUNCH));
}

TEST_F(ExecutorRecoveryTest, ThatDoesNotReconnectIsDestroyed) {
  RunExecutor();
  Take();
  RestartAndRegister();
  clock.Advance(options.executor_reregistration_timeout);
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(9));
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(ExecutorRecoveryTest, ThatEndedTakesItsTasksAlong) {
  RunExecutor();
  Take();
  EndMeanwhile(container(), Exited(1));
  RestartAndRegister();
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(containerizer.forgotten, Contains(container()));
}

TEST_F(ExecutorRecoveryTest, ThatHadNotSubscribedGetsItsTasks) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  clock.Settle();
  RestartAndRegister();
  clock.Advance(seconds(30));
  EXPECT_FALSE(containerizer.Last().destroyed) << "it has as long as any new executor";
  ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
  clock.Settle();
  EXPECT_THAT(links.EventTypes(1), ElementsAre(ExecutorEvent::SUBSCRIBED, ExecutorEvent::LAUNCH));
}

// The agent does not know whether the executor received the task; an executor that had received it
// would list it.
TEST_F(ExecutorRecoveryTest, ATaskThatItDoesNotKnowIsLost) {
  RunExecutor();
  Take();
  Run(CustomTask("t2"), /*launch_executor=*/false);
  clock.Settle();
  RestartAndRegister();
  ASSERT_TRUE(Subscribe(2, Resubscription()));
  EXPECT_THAT(States(Take(), "t2"), ElementsAre(v1::TASK_LOST));
}

// The agent died while it saved that a group was killed before it was delivered.
TEST_F(ExecutorRecoveryTest, AGroupOfWhichATaskHasEndedIsNotDelivered) {
  Register();
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::CUSTOM), {CustomTask("t1"), CustomTask("t2")});
  containerizer.Start();
  Kill("t1");
  clock.Settle();
  Sent();
  std::erase_if(saved->records, [](const auto& entry) {
    checkpoint::Status status;
    return entry.first.starts_with("statuses/") && status.ParseFromString(entry.second.value) &&
           status.status().task_id().value() == "t2";
  });
  RestartAndRegister();
  ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
  clock.Settle();
  EXPECT_THAT(links.EventTypes(1), Not(Contains(ExecutorEvent::LAUNCH_GROUP)));
  EXPECT_THAT(States(Take(), "t2"), ElementsAre(v1::TASK_LOST));
}

TEST_F(ExecutorRecoveryTest, ThatIsShuttingDownHasItsTime) {
  RunExecutor();
  Take();
  ShutdownExecutor("e1");
  clock.Settle();
  RestartAndRegister();
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(options.executor_shutdown_grace_period);
  EXPECT_TRUE(containerizer.Last().destroyed);
}

TEST_F(ExecutorRecoveryTest, ComesBackToTheNextStartOfAnAgentThatLeaves) {
  RunExecutor();
  Take();
  framework.mutable_id()->set_value("F2");
  framework.set_checkpoint(false);
  Run(Task("slow"));
  containerizer.Start();
  const ContainerId kept = containerizer.order[0];
  agent->OnStreamClosed(1);
  agent->Leave("upgrade");
  const Status refused = Subscribe(2, Resubscription());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(links.EventTypes(2), IsEmpty()) << "it is not told to end";
  clock.Advance(options.recovery_timeout);
  EXPECT_FALSE(containerizer.containers[kept].destroyed);
}

TEST_F(ExecutorRecoveryTest, HasToWaitForTheRecovery) {
  RunExecutor();
  Take();
  Restart(/*disk_delay=*/seconds(1));
  agent->OnMasterDetected();
  const Status refused = Subscribe(2, Resubscription());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  links.subscriptions.clear();
  clock.Advance(seconds(1));
  EXPECT_THAT(links.subscriptions, IsEmpty());
  clock.Advance(seconds(3));
  EXPECT_THAT(links.subscriptions, SizeIs(1)) << "the master is met when all is known";
  EXPECT_EQ(links.subscriptions.back().tasks_size(), 1);
}

// No master would shut the framework down again.
TEST_F(RecoveryTest, ARemovedFrameworkIsNotTakenUp) {
  RunTask();
  ShutdownFramework();
  clock.Settle();
  RestartAndRegister();
  EXPECT_THAT(containerizer.claims, IsEmpty()) << "its container is destroyed";
  EXPECT_EQ(Subscription().tasks_size(), 0);
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, ADifferentAgentDoesNotTakeTheTasks) {
  RunTask();
  const auto records = saved->records.size();
  options.info.set_hostname("other");
  Restart();
  EXPECT_THAT(Why(), HasSubstr("its hostname was 'host' and is 'other'"));
  EXPECT_THAT(Why(), HasSubstr("--recover=cleanup"));
  EXPECT_EQ(saved->records.size(), records) << "nothing was changed";
}

TEST_F(RecoveryTest, MoreResourcesAreFineIfThePolicySaysSo) {
  RunTask();
  AddScalar("gpus", 1, options.info.mutable_resources());
  Restart();
  EXPECT_THAT(Why(), HasSubstr("its resources were"));
  EXPECT_THAT(Why(), HasSubstr("--reconfiguration_policy=additive"));
  options.reconfiguration = Options::Reconfiguration::kAdditive;
  exits.clear();
  RestartAndRegister();
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(Subscription().tasks_size(), 1);
  options.info.mutable_resources()->DeleteSubrange(0, 1);
  Restart();
  EXPECT_THAT(Why(), HasSubstr("its resources were")) << "fewer are not";
}

TEST_F(RecoveryTest, CleanupEndsWhatRuns) {
  RunTask();
  options.recover = Options::Recover::kCleanup;
  options.info.set_hostname("other");
  Restart();
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  EXPECT_THAT(exits, IsEmpty());
  containerizer.End(Killed(15));
  clock.Settle();
  ASSERT_THAT(exits, SizeIs(1));
  EXPECT_TRUE(exits[0]);
  EXPECT_THAT(Keys(), IsEmpty());
  options.recover = Options::Recover::kReconnect;
  RestartAndRegister();
  EXPECT_FALSE(Subscription().info().has_id()) << "it is a new agent";
}

TEST_F(RecoveryTest, AfterARebootTheAgentIsTheSame) {
  RunTask();
  options.boot_id = "b2";
  containerizer.ended[container()].message = "The machine was started anew since the task was";
  RestartAndRegister();
  EXPECT_EQ(Subscription().info().id().value(), kAgent);
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(statuses[0].message(), HasSubstr("The machine was started anew"));
}

TEST_F(RecoveryTest, AfterARebootADifferentAgentIsANewOne) {
  RunTask();
  options.boot_id = "b2";
  options.info.set_hostname("other");
  RestartAndRegister();
  EXPECT_EQ(Why(), "");
  EXPECT_FALSE(Subscription().info().has_id());
  EXPECT_EQ(Subscription().tasks_size(), 0);
  EXPECT_THAT(containerizer.claims, IsEmpty());
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, DamageIsNamedAndContained) {
  RunTask("t1");
  const auto before = saved->records;
  RunTask("t2");
  std::string damaged;
  for (auto& [key, record] : saved->records) {
    if (!key.starts_with("executors/") || before.contains(key)) continue;
    damaged = key;
    record.value.resize(record.value.size() / 2);
  }
  const auto records = saved->records.size();
  Restart();
  EXPECT_THAT(Why(), HasSubstr("The record '" + damaged + "'"));
  EXPECT_THAT(Why(), HasSubstr("--strict=false"));
  EXPECT_EQ(saved->records.size(), records) << "nothing was changed";

  options.strict = false;
  exits.clear();
  RestartAndRegister();
  EXPECT_EQ(Why(), "");
  ASSERT_EQ(Subscription().tasks_size(), 1);
  EXPECT_EQ(Subscription().tasks(0).task_id().value(), "t1");
  EXPECT_THAT(containerizer.claims, SizeIs(1)) << "the other's container is destroyed";
  EXPECT_THAT(saved->records.size(), before.size()) << "with its tasks and statuses";
}

TEST_F(RecoveryTest, ATaskWhoseEndIsLostWithItsRecordIsEnded) {
  RunTask();
  containerizer.End(Exited(0));
  clock.Settle();
  ASSERT_THAT(States(Sent()), ElementsAre(v1::TASK_FINISHED)) << "and nobody acknowledges it";
  std::string last;
  for (const auto& [key, record] : saved->records) {
    if (key.starts_with("statuses/")) last = key;
  }
  saved->records.erase(last);
  RestartAndRegister();
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(statuses[0].message(), HasSubstr("lost with a damaged record"));
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, RecordsOfANewerVersionAreNotTouched) {
  RunTask();
  saved->records["volumes/x"].value = "y";
  Restart();
  EXPECT_THAT(Why(), HasSubstr("'volumes/x' is of no kind that this version knows"));
}

TEST_F(RecoveryTest, AShimOfANewerVersionStopsTheAgent) {
  RunTask();
  containerizer.refused = {{container(), {Code::kInvalid, "it speaks version 9"}}};
  Restart();
  EXPECT_THAT(Why(), HasSubstr("it speaks version 9"));
}

TEST_F(RecoveryTest, WithoutItsStoreTheAgentStops) {
  RunTask();
  storage::MemoryStore other([this](auto work) { clock.After(Duration::zero(), std::move(work)); },
                             saved);
  other.TakeOver([](const Result<uint64_t>&) {});
  containerizer.End(Exited(0));
  clock.Settle();
  EXPECT_THAT(Why(), HasSubstr("The agent cannot write down what it does"));
  EXPECT_THAT(Sent(), IsEmpty()) << "the status is not saved";
  EXPECT_THAT(containerizer.forgotten, IsEmpty()) << "so the next life hears it";
}

TEST_F(RecoveryTest, LeavingKeepsWhatIsCheckpointed) {
  RunTask();
  framework.mutable_id()->set_value("F2");
  framework.set_checkpoint(false);
  Run(Task("t2"));
  containerizer.Start();
  const ContainerId kept = containerizer.order[0];
  agent->Leave("upgrade");
  clock.Settle();
  EXPECT_THAT(exits, IsEmpty()) << "the other task is still ending";
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  containerizer.End(Killed(15));
  clock.Settle();
  ASSERT_THAT(exits, SizeIs(1));
  EXPECT_TRUE(exits[0]);
  EXPECT_THAT(containerizer.containers[kept].signals, IsEmpty());
  EXPECT_THAT(links.Of(link::Call::UNREGISTER), IsEmpty());
  RestartAndRegister();
  EXPECT_EQ(Subscription().tasks_size(), 1);
}

TEST_F(RecoveryTest, ShutdownIsForGood) {
  RunTask();
  agent->Shutdown(true, "SIGUSR1");
  containerizer.End(Killed(15));
  EXPECT_THAT(exits, IsEmpty()) << "the next start must not take this agent up again";
  clock.Settle();
  ASSERT_THAT(exits, SizeIs(1));
  EXPECT_THAT(Keys(), IsEmpty());
}

TEST_F(RecoveryTest, AShutdownThatIsInterruptedIsForGoodToo) {
  RunTask("t1");
  RunTask("t2");
  agent->Shutdown(true, "SIGUSR1");
  containerizer.End(Killed(15));
  clock.Settle();
  EXPECT_THAT(exits, IsEmpty()) << "t1 is still ending";
  RestartAndRegister();
  EXPECT_FALSE(Subscription().info().has_id());
  EXPECT_EQ(Subscription().tasks_size(), 0);
  EXPECT_THAT(containerizer.claims, IsEmpty()) << "what runs is destroyed";
  EXPECT_THAT(Keys(), ElementsAre("agent"));
}

TEST_F(RecoveryTest, AShutdownWaitsForTheRecovery) {
  RunTask();
  Restart(/*disk_delay=*/seconds(1));
  agent->Shutdown(true, "SIGUSR1");
  EXPECT_THAT(exits, IsEmpty());
  clock.Advance(seconds(4));
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  containerizer.End(Killed(15));
  clock.Advance(seconds(3));
  EXPECT_THAT(exits, SizeIs(1));
  EXPECT_THAT(Keys(), IsEmpty());
}

TEST_F(RecoveryTest, OldSandboxesAreCollected) {
  RunTask();
  const std::string root = "/w/slaves/M-S0/frameworks";
  const WallTime now = clock.WallNow();
  disk.listings["/w/slaves"] = {{"M-S0", now}, {"OLD-S1", now - std::chrono::hours(24 * 8)}};
  disk.listings[root] = {{"F1", now}, {"F0", now - std::chrono::hours(24 * 9)}};
  disk.listings[root + "/F1/executors"] = {{"t1", now}, {"t0", now - std::chrono::hours(24 * 8)}};
  disk.listings[root + "/F1/executors/t1/runs"] = {
      {container().value(), now - std::chrono::hours(24 * 30)},
      {"earlier", now - std::chrono::hours(24 * 8)}};
  disk.listings[root + "/F0/executors"] = {{"t9", now - std::chrono::hours(24 * 9)}};
  disk.listings[root + "/F0/executors/t9/runs"] = {{"young", now - std::chrono::hours(24)}};
  RestartAndRegister();
  clock.Advance(seconds(1));
  EXPECT_THAT(disk.removed,
              testing::UnorderedElementsAre("/w/slaves/OLD-S1", root + "/F1/executors/t0",
                                            root + "/F1/executors/t1/runs/earlier"));
  disk.removed.clear();
  clock.Advance(std::chrono::hours(24 * 6 + 1));
  EXPECT_THAT(disk.removed, Contains(root + "/F0"));
  EXPECT_THAT(disk.removed, Not(Contains(root + "/F1/executors/t1")));
}

}  // namespace
}  // namespace tepui::agent
