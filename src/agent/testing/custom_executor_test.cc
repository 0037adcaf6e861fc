// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "agent/testing/agent_fixture.h"
#include "security/executor_token.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Type = ExecutorEvent::Type;

// Reference 1.3, 5.2.
class CustomExecutorTest : public AgentTest {
 protected:
  // Runs an executor e1 with task t1, subscribed on stream 1.
  void RunSubscribed() {
    Register();
    Run(CustomTask("t1"));
    containerizer.Start();
    ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
  }
  std::string EnvironmentOf(const std::string& name) {
    for (const auto& [key, value] : containerizer.Last().spec.environment) {
      if (key == name) return value;
    }
    return "(unset)";
  }
};

TEST_F(CustomExecutorTest, FindsItsEnvironment) {
  framework.set_checkpoint(true);
  Register();
  Run(CustomTask("t1"));
  const containers::LaunchSpec& spec = containerizer.Last().spec;
  EXPECT_EQ(spec.command.value(), "./executor");
  EXPECT_EQ(spec.sandbox, "/w/slaves/M-S0/frameworks/F1/executors/e1/runs/" + spec.id.value());
  EXPECT_EQ(spec.resources.Scalar(ResourceNames::Cpus()).milli(), 1500) << "its own and its tasks'";
  EXPECT_EQ(EnvironmentOf("MESOS_FRAMEWORK_ID"), "F1");
  EXPECT_EQ(EnvironmentOf("MESOS_EXECUTOR_ID"), "e1");
  EXPECT_EQ(EnvironmentOf("MESOS_SLAVE_PID"), "slave(1)@10.0.0.1:5051");
  EXPECT_EQ(EnvironmentOf("MESOS_AGENT_ENDPOINT"), "10.0.0.1:5051");
  EXPECT_EQ(EnvironmentOf("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"), "5secs");
  EXPECT_EQ(EnvironmentOf("MESOS_RECOVERY_TIMEOUT"), "15mins");
  EXPECT_EQ(EnvironmentOf("MESOS_SUBSCRIPTION_BACKOFF_MAX"), "2secs");
  EXPECT_EQ(EnvironmentOf("MESOS_CHECKPOINT"), "1");
  EXPECT_EQ(EnvironmentOf("LIBPROCESS_PORT"), "0");
}

TEST_F(CustomExecutorTest, WithoutCheckpointingDoesNotWaitForAgents) {
  Register();
  Run(CustomTask("t1"));
  EXPECT_EQ(EnvironmentOf("MESOS_CHECKPOINT"), "0");
  EXPECT_EQ(EnvironmentOf("MESOS_RECOVERY_TIMEOUT"), "(unset)");
}

TEST_F(CustomExecutorTest, SubscribesAndRunsItsTask) {
  RunSubscribed();
  ASSERT_THAT(links.EventTypes(1),
              ElementsAre(Type::Event_Type_SUBSCRIBED, Type::Event_Type_LAUNCH));
  const auto& subscribed = links.events[1][0].subscribed();
  EXPECT_EQ(subscribed.executor_info().executor_id().value(), "e1");
  EXPECT_EQ(subscribed.framework_info().id().value(), "F1");
  EXPECT_EQ(subscribed.agent_info().id().value(), kAgent);
  EXPECT_EQ(subscribed.container_id().value(), containerizer.order[0].value());
  EXPECT_EQ(links.events[1][1].launch().task().task_id().value(), "t1");

  const ExecutorCall running = Update("t1", v1::TASK_RUNNING);
  EXPECT_TRUE(Call(running));
  const auto& acknowledged = links.events[1].back();
  ASSERT_EQ(acknowledged.type(), ExecutorEvent::ACKNOWLEDGED);
  EXPECT_EQ(acknowledged.acknowledged().uuid(), running.update().status().uuid());
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_RUNNING));
  EXPECT_EQ(statuses[0].uuid(), running.update().status().uuid());
  EXPECT_EQ(statuses[0].executor_id().value(), "e1");
  EXPECT_EQ(statuses[0].container_status().executor_pid(), 100u);

  EXPECT_TRUE(Call(Update("t1", v1::TASK_FINISHED)));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FINISHED));
  EXPECT_EQ(containerizer.changes.back().resources.Scalar(ResourceNames::Cpus()).milli(), 500);
  EXPECT_EQ(agent->Snapshot()->frameworks.size(), 1u) << "the executor is still there";
  containerizer.End(Exited(0));
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(CustomExecutorTest, GetsTaskGroupsWhole) {
  Register();
  const v1::ExecutorInfo executor = ExecutorOf("e1", v1::ExecutorInfo::CUSTOM);
  RunGroup(executor, {Task("a"), Task("b")});
  containerizer.Start();
  ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
  ASSERT_THAT(links.EventTypes(1),
              ElementsAre(Type::Event_Type_SUBSCRIBED, Type::Event_Type_LAUNCH_GROUP));
  EXPECT_EQ(links.events[1][1].launch_group().task_group().tasks_size(), 2);
}

// The tasks of a group do not name their executor. A new master knows them only from the agent.
TEST_F(CustomExecutorTest, TasksOfItsGroupsAreReportedWithItsUser) {
  Register();
  v1::ExecutorInfo executor = ExecutorOf("e1", v1::ExecutorInfo::CUSTOM);
  executor.mutable_command()->set_user("bob");
  RunGroup(executor, {Task("a")});
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.back().tasks_size(), 1);
  EXPECT_EQ(links.subscriptions.back().tasks(0).user(), "bob");
  EXPECT_EQ(links.subscriptions.back().tasks(0).executor_id().value(), "e1");
}

TEST_F(CustomExecutorTest, RunsMoreTasksWithMoreResources) {
  RunSubscribed();
  v1::TaskInfo second = CustomTask("t2");
  (*second.mutable_limits())["mem"].set_value(100);
  Run(second, false);
  EXPECT_EQ(links.events[1].back().launch().task().task_id().value(), "t2");
  EXPECT_EQ(containerizer.changes.back().resources.Scalar(ResourceNames::Cpus()).milli(), 2500);
  // 100 is the limit, 64 the request of the task without a limit, 32 the request of the executor.
  EXPECT_THAT(containerizer.changes.back().limits,
              ElementsAre(std::pair<std::string, double>("mem", 196)));
  EXPECT_EQ(containerizer.order.size(), 1u);
}

TEST_F(CustomExecutorTest, MustRegisterInTime) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  Pass(minutes(1) - Duration(1));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(Duration(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(SIGKILL));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT);
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_AGENT);
}

TEST_F(CustomExecutorTest, ThatCannotStartFailsItsTasks) {
  Register();
  Run(CustomTask("t1"));
  containerizer.FailLaunch({Code::kNotFound, "No such file: ./executor"});
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_THAT(statuses[0].message(), HasSubstr("No such file: ./executor"));
  ASSERT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED)[0].executor_exited().status(), -1);
  clock.Advance(minutes(2));
  EXPECT_FALSE(containerizer.Last().destroyed);
}

TEST_F(CustomExecutorTest, ItsEndFailsItsTasks) {
  RunSubscribed();
  Call(Update("t1", v1::TASK_RUNNING));
  Drain();
  containerizer.End(Exited(3));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
  ASSERT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED)[0].executor_exited().status(), Exited(3));
  EXPECT_TRUE(links.closed.contains(1));
}

TEST_F(CustomExecutorTest, APreemptedContainerLeavesItsTasksGone) {
  AddCapability(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  RunSubscribed();
  containers::Termination termination;
  termination.reason = v1::TaskStatus::REASON_CONTAINER_PREEMPTED;
  containerizer.End(containerizer.order[0], std::move(termination));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_GONE));
}

TEST_F(CustomExecutorTest, ReceivesTheKillsOfItsTasks) {
  RunSubscribed();
  Kill("t1", seconds(7));
  const ExecutorEvent& event = links.events[1].back();
  ASSERT_EQ(event.type(), ExecutorEvent::KILL);
  EXPECT_EQ(event.kill().task_id().value(), "t1");
  EXPECT_EQ(event.kill().kill_policy().grace_period().nanoseconds(), 7'000'000'000);
  EXPECT_TRUE(containerizer.Last().signals.empty());
}

TEST_F(CustomExecutorTest, ATaskKilledBeforeItSubscribesIsNeverDelivered) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  Kill("t1");
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
  EXPECT_THAT(links.EventTypes(1),
              ElementsAre(Type::Event_Type_SUBSCRIBED, Type::Event_Type_SHUTDOWN));
}

TEST_F(CustomExecutorTest, AGroupKilledBeforeDeliveryIsKilledWhole) {
  Register();
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::CUSTOM), {Task("a"), Task("b")});
  Kill("b");
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED, v1::TASK_KILLED));
}

TEST_F(CustomExecutorTest, ShutsDownWithGrace) {
  RunSubscribed();
  ShutdownExecutor("e1");
  EXPECT_EQ(links.events[1].back().type(), ExecutorEvent::SHUTDOWN);
  clock.Advance(seconds(5) - Duration(1));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(Duration(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
  // The executor may still report on its tasks.
  EXPECT_TRUE(Call(Update("t1", v1::TASK_KILLED)));
  containerizer.End(Killed(SIGKILL));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED));
}

TEST_F(CustomExecutorTest, HasItsOwnShutdownGrace) {
  Register();
  v1::TaskInfo task = CustomTask("t1");
  task.mutable_executor()->mutable_shutdown_grace_period()->set_nanoseconds(
      Duration(seconds(20)).count());
  Run(task);
  containerizer.Start();
  Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE));
  ShutdownExecutor("e1");
  clock.Advance(seconds(19));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(seconds(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
}

TEST_F(CustomExecutorTest, ExchangesMessages) {
  RunSubscribed();
  link::Event event;
  event.set_type(link::Event::FRAMEWORK_MESSAGE);
  event.mutable_framework_message()->mutable_framework_id()->set_value(kFramework);
  event.mutable_framework_message()->mutable_executor_id()->set_value("e1");
  event.mutable_framework_message()->set_data("hello");
  agent->OnMasterEvent(event);
  EXPECT_EQ(links.events[1].back().message().data(), "hello");
  event.mutable_framework_message()->mutable_executor_id()->set_value("nobody");
  agent->OnMasterEvent(event);
  EXPECT_EQ(Metric("slave/valid_framework_messages"), 1);
  EXPECT_EQ(Metric("slave/invalid_framework_messages"), 1);

  ExecutorCall call = MakeCall(ExecutorCall::MESSAGE);
  call.mutable_message()->set_data("hi");
  EXPECT_TRUE(Call(call));
  const auto messages = links.Of(link::Call::EXECUTOR_MESSAGE);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].executor_message().data(), "hi");
}

TEST_F(CustomExecutorTest, HeartbeatsEveryHalfHour) {
  RunSubscribed();
  Pass(minutes(30) - Duration(1));
  EXPECT_EQ(links.events[1].back().type(), ExecutorEvent::LAUNCH);
  clock.Advance(Duration(1));
  EXPECT_EQ(links.events[1].back().type(), ExecutorEvent::HEARTBEAT);
}

// Reference 1.3.
TEST_F(CustomExecutorTest, CallsAreValidated) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  EXPECT_EQ(Call(Update("t1", v1::TASK_RUNNING)).error().code, Code::kForbidden)
      << "not subscribed";
  ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));

  ExecutorCall call = Update("t1", v1::TASK_RUNNING);
  call.mutable_update()->mutable_status()->set_uuid("short");
  EXPECT_EQ(Call(call).error().code, Code::kInvalid);
  call.mutable_update()->mutable_status()->set_uuid(std::string(16, '\0'));
  EXPECT_EQ(Call(call).error().code, Code::kInvalid) << "no RFC 4122 version";
  call = Update("t1", v1::TASK_RUNNING);
  call.mutable_update()->mutable_status()->set_source(v1::TaskStatus::SOURCE_MASTER);
  EXPECT_EQ(Call(call).error().code, Code::kInvalid);
  call.mutable_update()->mutable_status()->clear_source();
  EXPECT_EQ(Call(call).error().code, Code::kInvalid);
  EXPECT_EQ(Call(Update("t1", v1::TASK_STAGING)).error().code, Code::kInvalid);
  call = Update("t1", v1::TASK_RUNNING);
  call.mutable_update()->mutable_status()->mutable_executor_id()->set_value("e2");
  EXPECT_EQ(Call(call).error().code, Code::kInvalid);
  EXPECT_EQ(Call(Update("t1", v1::TASK_RUNNING, "nobody")).error().code, Code::kInvalid);
  call = Update("t1", v1::TASK_RUNNING);
  call.mutable_framework_id()->set_value("nobody");
  EXPECT_EQ(Call(call).error().code, Code::kInvalid);
  EXPECT_EQ(Call(MakeCall(ExecutorCall::MESSAGE)).error().code, Code::kInvalid) << "no message";
  EXPECT_EQ(Call(MakeCall(ExecutorCall::UNKNOWN)).error().code, Code::kUnimplemented);
  EXPECT_TRUE(Call(MakeCall(ExecutorCall::HEARTBEAT, "nobody")));
  EXPECT_TRUE(Drain().empty());
}

TEST_F(CustomExecutorTest, AStatusOfAnUnknownTaskIsAcceptedAndDropped) {
  RunSubscribed();
  const ExecutorCall call = Update("unknown", v1::TASK_RUNNING);
  EXPECT_TRUE(Call(call));
  EXPECT_EQ(links.events[1].back().acknowledged().uuid(), call.update().status().uuid());
  EXPECT_TRUE(Drain().empty());
  EXPECT_EQ(Metric("slave/invalid_status_updates"), 1);
}

TEST_F(CustomExecutorTest, ShowsItsToken) {
  options.jwt_secret = "secret";
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  const auto caller =
      security::VerifyToken(EnvironmentOf("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"), "secret");
  ASSERT_TRUE(caller) << caller.error().message;
  const Status without = Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE));
  EXPECT_EQ(without.error().code, Code::kForbidden);
  EXPECT_THAT(without.error().message, HasSubstr("must send the token"));
  EXPECT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE), *caller));
  EXPECT_EQ(Call(Update("t1", v1::TASK_RUNNING)).error().code, Code::kForbidden);
  EXPECT_TRUE(Call(Update("t1", v1::TASK_RUNNING), *caller));
  // The token belongs to another executor.
  Run(CustomTask("t2", "e2"));
  const Status other = Subscribe(2, MakeCall(ExecutorCall::SUBSCRIBE, "e2"), *caller);
  EXPECT_EQ(other.error().code, Code::kForbidden);
  EXPECT_THAT(other.error().message, HasSubstr("was issued to another executor than 'e2'"));
}

TEST_F(CustomExecutorTest, ComesBackOnANewStream) {
  RunSubscribed();
  const ExecutorCall running = Update("t1", v1::TASK_RUNNING);
  Call(running);
  Drain();
  ExecutorCall again = MakeCall(ExecutorCall::SUBSCRIBE);
  *again.mutable_subscribe()->add_unacknowledged_updates() = running.update();
  *again.mutable_subscribe()->add_unacknowledged_updates() =
      Update("t1", v1::TASK_FINISHED).update();
  ASSERT_TRUE(Subscribe(2, again));
  EXPECT_TRUE(links.closed.contains(1));
  EXPECT_THAT(links.EventTypes(2),
              ElementsAre(Type::Event_Type_SUBSCRIBED, Type::Event_Type_ACKNOWLEDGED,
                          Type::Event_Type_ACKNOWLEDGED));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FINISHED)) << "RUNNING is known";
  agent->OnStreamClosed(1);  // The report comes late, since stream 2 has replaced it.
  Pass(minutes(16));
  EXPECT_FALSE(containerizer.Last().destroyed);
}

TEST_F(CustomExecutorTest, TasksThatItNeverReceivedAreDropped) {
  AddCapability(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  RunSubscribed();
  Run(CustomTask("t2"), false);
  ExecutorCall again = MakeCall(ExecutorCall::SUBSCRIBE);
  *again.mutable_subscribe()->add_unacknowledged_tasks() = CustomTask("t1");
  ASSERT_TRUE(Subscribe(2, again));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_DROPPED));
  EXPECT_EQ(statuses[0].task_id().value(), "t2");
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_RESTARTED);
}

TEST_F(CustomExecutorTest, OrdersWaitWhileItIsAway) {
  RunSubscribed();
  Call(Update("t1", v1::TASK_RUNNING));
  agent->OnStreamClosed(1);
  Run(CustomTask("t2"), false);
  Kill("t1");
  ASSERT_TRUE(Subscribe(2, MakeCall(ExecutorCall::SUBSCRIBE)));
  EXPECT_THAT(links.EventTypes(2), ElementsAre(Type::Event_Type_SUBSCRIBED, Type::Event_Type_KILL,
                                               Type::Event_Type_LAUNCH));
}

TEST_F(CustomExecutorTest, ThatDoesNotComeBackIsDestroyed) {
  RunSubscribed();
  Call(Update("t1", v1::TASK_RUNNING));
  Drain();
  agent->OnStreamClosed(1);
  Pass(options.recovery_timeout);
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(SIGKILL));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
}

TEST_F(CustomExecutorTest, ReceivesShutdownWhenItSubscribesWhileEnding) {
  RunSubscribed();
  ShutdownExecutor("e1");
  EXPECT_TRUE(Subscribe(2, MakeCall(ExecutorCall::SUBSCRIBE)));
  EXPECT_THAT(links.EventTypes(2), ElementsAre(Type::Event_Type_SHUTDOWN));
  EXPECT_TRUE(links.closed.contains(2));
}

// What the master believed about the executor must hold (reference 5.2).
TEST_F(CustomExecutorTest, TasksForAnExecutorThatIsNotThereAreDropped) {
  Register();
  Run(CustomTask("t1"), false);
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_LOST));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
  EXPECT_TRUE(containerizer.order.empty());
}

TEST_F(CustomExecutorTest, TasksForANewExecutorDoNotJoinAnOldOne) {
  RunSubscribed();
  Run(CustomTask("t2"), true);
  const auto statuses = Drain();
  ASSERT_EQ(States(statuses, "t2"), std::vector{v1::TASK_LOST});
  EXPECT_EQ(links.events[1].back().type(), ExecutorEvent::SHUTDOWN);
}

TEST_F(CustomExecutorTest, CallsForTheAgentsOwnExecutorsAreRefused) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  EXPECT_EQ(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE, "t1")).error().code, Code::kInvalid);
  EXPECT_EQ(Call(Update("t1", v1::TASK_FINISHED, "t1")).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace tepui::agent
