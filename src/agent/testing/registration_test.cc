// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Reference 5.1, 7.3.
class RegistrationTest : public AgentTest {};

TEST_F(RegistrationTest, SubscribesAfterARandomWait) {
  StartAgent();
  EXPECT_TRUE(links.subscriptions.empty());
  agent->OnMasterDetected();
  EXPECT_TRUE(links.subscriptions.empty()) << "not all agents at once";
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 1u);
  const link::Call::Subscribe& subscribe = links.subscriptions[0];
  EXPECT_FALSE(subscribe.info().has_id());
  EXPECT_EQ(subscribe.info().hostname(), "host");
  EXPECT_EQ(subscribe.version(), "1.11.0");
  EXPECT_EQ(subscribe.resource_version_uuid().size(), 16u);
  EXPECT_EQ(subscribe.address().port(), 5051);
  EXPECT_GT(subscribe.capabilities_size(), 0);
}

TEST_F(RegistrationTest, BacksOffUpToAMinute) {
  StartAgent();
  agent->OnMasterDetected();
  Duration ceiling = seconds(1);
  Duration longest{};
  for (size_t attempt = 1; attempt <= 12; ++attempt) {
    const MonotonicTime start = clock.Now();
    while (links.subscriptions.size() < attempt) {
      ASSERT_LE(clock.Now() - start, ceiling) << "attempt " << attempt;
      clock.Advance(std::chrono::milliseconds(10));
    }
    longest = std::max(longest, clock.Now() - start);
    ceiling = std::min<Duration>(ceiling * 2, minutes(1));
    agent->OnMasterDisconnected("refused");
  }
  EXPECT_GT(longest, seconds(5)) << "the waits grow";
}

TEST_F(RegistrationTest, GivesUpASilentLink) {
  StartAgent();
  agent->OnMasterDetected();
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 1u);
  clock.Advance(minutes(1));
  EXPECT_GE(links.disconnects, 1);
  EXPECT_GE(links.subscriptions.size(), 2u);
}

TEST_F(RegistrationTest, ComesBackWithAllItHas) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Run(CustomTask("t2"));
  agent->OnMasterDisconnected("reset");
  EXPECT_EQ(Metric("slave/registered"), 0);
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 2u);
  const link::Call::Subscribe& subscribe = links.subscriptions[1];
  EXPECT_EQ(subscribe.info().id().value(), kAgent);
  ASSERT_EQ(subscribe.frameworks_size(), 1);
  ASSERT_EQ(subscribe.executors_size(), 2);
  ASSERT_EQ(subscribe.tasks_size(), 2);
  std::map<std::string, v1::Task> tasks;
  for (const v1::Task& task : subscribe.tasks()) tasks[task.name()] = task;
  EXPECT_EQ(tasks["t1"].state(), v1::TASK_RUNNING);
  EXPECT_EQ(tasks["t1"].status_update_state(), v1::TASK_STARTING) << "not acknowledged yet";
  EXPECT_FALSE(tasks["t1"].has_executor_id()) << "a command task";
  EXPECT_EQ(tasks["t2"].state(), v1::TASK_STAGING);
  EXPECT_EQ(tasks["t2"].executor_id().value(), "e1");
  for (const auto& executor : subscribe.executors()) {
    EXPECT_EQ(executor.command_executor(), executor.info().executor_id().value() == "t1");
  }
}

// A new leader does not know that the framework was removed, and would wait for it and its tasks.
TEST_F(RegistrationTest, ARemovedFrameworkIsNotToldOfAgain) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  ShutdownFramework();
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 2u);
  EXPECT_EQ(links.subscriptions[1].frameworks_size(), 0);
  EXPECT_EQ(links.subscriptions[1].executors_size(), 0);
  EXPECT_EQ(links.subscriptions[1].tasks_size(), 0);
}

// The subscription lists the executor as running, and no status reports its end.
TEST_F(RegistrationTest, AnExecutorThatEndsWhileTheAgentSubscribesIsTold) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions[1].executors_size(), 1);
  containerizer.End(Exited(0));
  EXPECT_TRUE(links.Of(link::Call::EXECUTOR_EXITED).empty()) << "nobody would hear it";
  Subscribed();
  const auto exits = links.Of(link::Call::EXECUTOR_EXITED);
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(exits[0].executor_exited().executor_id().value(), "e1");
}

TEST_F(RegistrationTest, AnExecutorThatEndedBeforeTheAgentSubscribesIsNotListed) {
  Register();
  Run(CustomTask("t1"));
  containerizer.Start();
  agent->OnMasterDisconnected("reset");
  containerizer.End(Exited(0));
  clock.Advance(seconds(1));
  EXPECT_EQ(links.subscriptions[1].executors_size(), 0);
  Subscribed();
  EXPECT_TRUE(links.Of(link::Call::EXECUTOR_EXITED).empty());
}

TEST_F(RegistrationTest, StatusesWaitForTheMaster) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_STARTING));
  agent->OnMasterLost();
  clock.Advance(minutes(5));
  EXPECT_TRUE(Sent().empty());
  Register();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

TEST_F(RegistrationTest, AnswersPings) {
  Register();
  Ping();
  EXPECT_EQ(links.Of(link::Call::PONG).size(), 1u);
  EXPECT_EQ(links.disconnects, 0);
}

TEST_F(RegistrationTest, LeavesAMasterThatDoesNotPing) {
  Register();
  clock.Advance(seconds(74));
  Ping();
  clock.Advance(seconds(75) - Duration(1));
  EXPECT_EQ(links.disconnects, 0);
  clock.Advance(Duration(1));
  EXPECT_EQ(links.disconnects, 1);
  clock.Advance(seconds(1));
  EXPECT_EQ(links.subscriptions.size(), 2u);
}

TEST_F(RegistrationTest, SubscribesAgainIfTheMasterMissesIt) {
  Register();
  Ping(false);
  EXPECT_EQ(links.disconnects, 1);
  clock.Advance(seconds(1));
  EXPECT_EQ(links.subscriptions.size(), 2u);
}

TEST_F(RegistrationTest, AChangeOfLeaderEndsTheOldLink) {
  Register();
  agent->OnMasterDetected();
  EXPECT_EQ(links.disconnects, 1);
  Run(Task("t1"));
  EXPECT_TRUE(containerizer.order.empty()) << "of the old leader";
}

TEST_F(RegistrationTest, ExitsIfRefused) {
  Register();
  link::Event event;
  event.set_type(link::Event::ERROR);
  event.set_message("not welcome");
  agent->OnMasterEvent(event);
  clock.Settle();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_THAT(exits[0].error().message, HasSubstr("not welcome"));
}

TEST_F(RegistrationTest, ExitsIfTakenForAnother) {
  Register();
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(1));
  link::Event event;
  event.set_type(link::Event::SUBSCRIBED);
  event.mutable_subscribed()->mutable_agent_id()->set_value("M-S1");
  event.mutable_subscribed()->mutable_master_info()->set_id("M");
  event.mutable_subscribed()->set_total_ping_timeout_seconds(75);
  agent->OnMasterEvent(event);
  clock.Settle();
  EXPECT_EQ(exits.size(), 1u);
}

TEST_F(RegistrationTest, ShutdownKillsAllThenExits) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  link::Event event;
  event.set_type(link::Event::SHUTDOWN);
  event.set_message("marked gone");
  agent->OnMasterEvent(event);
  EXPECT_TRUE(exits.empty());
  EXPECT_EQ(containerizer.Last().signals.size(), 1u);
  containerizer.End(Killed(15));
  clock.Settle();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_THAT(exits[0].error().message, HasSubstr("marked gone"));
  clock.Advance(minutes(5));
  EXPECT_EQ(exits.size(), 1u);
}

TEST_F(RegistrationTest, AnAgentToldToLeaveUnregisters) {
  Register();
  agent->Shutdown(true, "SIGUSR1");
  clock.Settle();
  EXPECT_EQ(links.Of(link::Call::UNREGISTER).size(), 1u);
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_TRUE(exits[0]);
  clock.Advance(minutes(5));
  EXPECT_EQ(links.subscriptions.size(), 1u);
}

// On UNREGISTER the master reports to frameworks that their tasks are gone, so the agent must not
// send it while tasks run.
TEST_F(RegistrationTest, AnAgentUnregistersWhenItsTasksHaveEnded) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  agent->Shutdown(true, "SIGUSR1");
  EXPECT_TRUE(links.Of(link::Call::UNREGISTER).empty());
  EXPECT_TRUE(exits.empty());
  containerizer.End(Killed(15));
  clock.Settle();
  EXPECT_EQ(links.Of(link::Call::UNREGISTER).size(), 1u);
  EXPECT_EQ(exits.size(), 1u);
}

TEST_F(RegistrationTest, ItsPatienceWithContainersEnds) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  agent->Shutdown(false, "SIGTERM");
  clock.Advance(minutes(1));
  EXPECT_TRUE(exits.empty());
  clock.Advance(seconds(5));
  EXPECT_EQ(exits.size(), 1u);
}

}  // namespace
}  // namespace tepui::agent
