// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;

class CommandTaskTest : public AgentTest {};

std::string EnvironmentOf(const containers::LaunchSpec& spec, const std::string& name) {
  for (const auto& [key, value] : spec.environment) {
    if (key == name) return value;
  }
  return "(unset)";
}

// A scheduler receives these statuses of a command task (reference 2.6).
TEST_F(CommandTaskTest, RunsToItsEnd) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  containerizer.End(Exited(0));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  for (const v1::TaskStatus& status : statuses) {
    EXPECT_EQ(status.source(), v1::TaskStatus::SOURCE_EXECUTOR);
    EXPECT_EQ(status.executor_id().value(), "t1");
    EXPECT_EQ(status.agent_id().value(), kAgent);
    EXPECT_EQ(status.uuid().size(), 16u);
    EXPECT_GT(status.timestamp(), 1.5e9);
    EXPECT_FALSE(status.has_reason());
    EXPECT_EQ(status.container_status().container_id().value(), containerizer.order[0].value());
    EXPECT_EQ(status.container_status().network_infos(0).ip_addresses(0).ip_address(), "10.0.0.1");
  }
  EXPECT_EQ(statuses[1].container_status().executor_pid(), 100u);
  EXPECT_EQ(statuses[2].message(), "Command exited with status 0");
  // A master knows no executor of a command task.
  EXPECT_TRUE(links.Of(link::Call::EXECUTOR_EXITED).empty());
}

TEST_F(CommandTaskTest, TellsHowTheCommandEnded) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  containerizer.End(Exited(1));
  Run(Task("t2"));
  containerizer.Start();
  containerizer.End(Killed(SIGKILL));
  const auto statuses = Drain();
  ASSERT_EQ(statuses.size(), 6u);
  EXPECT_EQ(statuses[4].state(), v1::TASK_FAILED);
  EXPECT_EQ(statuses[5].state(), v1::TASK_FAILED);
  std::set<std::string> messages{statuses[4].message(), statuses[5].message()};
  EXPECT_THAT(messages,
              ElementsAre("Command exited with status 1", "Command terminated with signal Killed"));
}

// Reference 5.1, 7.5.
TEST_F(CommandTaskTest, HasSandboxEnvironmentAndResources) {
  options.executor_environment = {{"PATH", "/bin"}, {"COLOR", "red"}};
  options.jwt_secret = "secret";
  framework.set_checkpoint(true);
  Register();
  v1::TaskInfo task = Task("t1");
  auto* variable = task.mutable_command()->mutable_environment()->add_variables();
  variable->set_name("COLOR");
  variable->set_value("blue");
  (*task.mutable_limits())["mem"].set_value(128);
  Run(task);
  const containers::LaunchSpec& spec = containerizer.Last().spec;
  const std::string runs = "/w/slaves/M-S0/frameworks/F1/executors/t1/runs/";
  EXPECT_EQ(spec.sandbox, runs + spec.id.value());
  EXPECT_TRUE(disk.directories.contains(spec.sandbox));
  EXPECT_EQ(disk.links[runs + "latest"], spec.sandbox);
  EXPECT_EQ(spec.user, "alice");
  EXPECT_EQ(spec.command.value(), "true");
  EXPECT_EQ(spec.resources.Scalar(ResourceNames::Cpus()).milli(), 1000);
  EXPECT_THAT(spec.limits, ElementsAre(std::pair<std::string, double>("mem", 128)));
  EXPECT_EQ(EnvironmentOf(spec, "PATH"), "/bin");
  EXPECT_EQ(EnvironmentOf(spec, "COLOR"), "blue");
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_SANDBOX"), spec.sandbox);
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_DIRECTORY"), spec.sandbox);
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_FRAMEWORK_ID"), "F1");
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_EXECUTOR_ID"), "t1");
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_SLAVE_ID"), kAgent);
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_AGENT_ENDPOINT"), "10.0.0.1:5051");
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_ALLOCATION_ROLE"), "web");
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_CHECKPOINT"), "1");
  // A task is not an executor, and must not be able to authenticate as one.
  EXPECT_EQ(EnvironmentOf(spec, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"), "(unset)");
}

TEST_F(CommandTaskTest, UserOfTheCommandWins) {
  Register();
  v1::TaskInfo task = Task("t1");
  task.mutable_command()->set_user("bob");
  Run(task);
  EXPECT_EQ(containerizer.Last().spec.user, "bob");
}

TEST_F(CommandTaskTest, NoUserWithoutSwitchUser) {
  options.switch_user = false;
  Register();
  Run(Task("t1"));
  EXPECT_EQ(containerizer.Last().spec.user, std::nullopt);
}

TEST_F(CommandTaskTest, SecretsByReferenceCannotBeResolved) {
  Register();
  v1::TaskInfo task = Task("t1");
  auto* variable = task.mutable_command()->mutable_environment()->add_variables();
  variable->set_name("KEY");
  variable->set_type(v1::Environment::Variable::SECRET);
  variable->mutable_secret()->mutable_reference()->set_name("vault/key");
  Run(task);
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(statuses[0].message(), testing::HasSubstr("vault/key"));
  EXPECT_TRUE(containerizer.order.empty());
}

// The status is FAILED with reason CONTAINER_LAUNCH_FAILED (reference 2.6), and none comes before.
TEST_F(CommandTaskTest, FailsIfItCannotStart) {
  Register();
  Run(Task("t1"));
  EXPECT_TRUE(Drain().empty()) << "it does not run yet";
  containerizer.FailLaunch({Code::kNotFound, "No such file: http://x/y"});
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_AGENT);
  EXPECT_THAT(statuses[0].message(), testing::HasSubstr("No such file: http://x/y"));
  EXPECT_EQ(Metric("slave/container_launch_errors"), 1);
  EXPECT_EQ(agent->Snapshot()->frameworks.size(), 0u);
}

TEST_F(CommandTaskTest, FailsWithoutSandbox) {
  Register();
  disk.error = Error{Code::kInvalid, "No such user 'alice'"};
  Run(Task("t1"));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_THAT(statuses[0].message(), testing::HasSubstr("No such user 'alice'"));
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(CommandTaskTest, TellsOfExceededMemory) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Drain();
  containers::Termination termination;
  termination.status = Killed(SIGKILL);
  termination.reason = v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY;
  termination.message = "Memory limit exceeded: used 70MB of 64MB";
  termination.limited = *Resources::Parse("mem:70");
  containerizer.End(containerizer.order[0], std::move(termination));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(statuses[0].message(), "Memory limit exceeded: used 70MB of 64MB");
  EXPECT_EQ(statuses[0].limitation().resources(0).scalar().value(), 70);
}

TEST_F(CommandTaskTest, FailsIfNobodyKnowsHowItEnded) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  containers::Termination termination;
  termination.message = "The task's shim ended before the task; how the task ended is unknown";
  containerizer.End(containerizer.order[0], std::move(termination));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FAILED));
  EXPECT_EQ(statuses[2].reason(), v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
  EXPECT_EQ(statuses[2].message(),
            "Command terminated with unknown status: The task's shim ended before the task; how "
            "the task ended is unknown");
}

// A kill sends SIGTERM, and SIGKILL after three seconds (reference 2.5, "kill policy").
TEST_F(CommandTaskTest, IsKilledWithGrace) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Drain();
  Kill("t1");
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  clock.Advance(seconds(3) - Duration(1));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(Duration(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(SIGKILL));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_EQ(statuses[0].message(), "Command terminated with signal Killed");
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_EXECUTOR);
}

TEST_F(CommandTaskTest, ThatEndsInItsGraceIsNotDestroyed) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Kill("t1");
  containerizer.End(Exited(0));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_KILLED));
  clock.Advance(seconds(10));
  EXPECT_FALSE(containerizer.Last().destroyed);
}

TEST_F(CommandTaskTest, GraceComesFromTheKillThenTheTask) {
  Register();
  v1::TaskInfo task = Task("t1");
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
      Duration(seconds(20)).count());
  Run(task);
  containerizer.Start();
  Kill("t1");
  clock.Advance(seconds(19));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(seconds(1));
  EXPECT_TRUE(containerizer.Last().destroyed);

  task.mutable_task_id()->set_value("t2");
  Run(task);
  containerizer.Start();
  Kill("t2", seconds(1));
  clock.Advance(seconds(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
}

TEST_F(CommandTaskTest, RepeatedKillsMayOnlyShortenTheGrace) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Kill("t1", seconds(20));
  clock.Advance(seconds(4));
  Kill("t1", seconds(60));
  Kill("t1", seconds(10));
  clock.Advance(seconds(5));
  EXPECT_FALSE(containerizer.Last().destroyed);
  clock.Advance(seconds(1));
  EXPECT_TRUE(containerizer.Last().destroyed) << "ten seconds after the first kill";
  EXPECT_EQ(containerizer.Last().signals.size(), 1u);

  Run(Task("t2"));
  containerizer.Start();
  Kill("t2", seconds(20));
  clock.Advance(seconds(8));
  Kill("t2", seconds(5));
  clock.Settle();
  EXPECT_TRUE(containerizer.Last().destroyed) << "its time was over";
}

TEST_F(CommandTaskTest, TellsOfKillingIfTheFrameworkKnowsIt) {
  AddCapability(v1::FrameworkInfo::Capability::TASK_KILLING_STATE);
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Kill("t1");
  Kill("t1");
  containerizer.End(Killed(SIGTERM));
  EXPECT_THAT(States(Drain()),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_KILLING, v1::TASK_KILLED));
}

// The status is KILLED with reason TASK_KILLED_DURING_LAUNCH (reference 2.6).
TEST_F(CommandTaskTest, IsKilledWhileItIsFetched) {
  Register();
  v1::TaskInfo task = Task("t1");
  task.mutable_command()->add_uris()->set_value("http://x/y");
  Run(task);
  Kill("t1");
  EXPECT_TRUE(containerizer.Last().destroyed);
  EXPECT_TRUE(Drain().empty()) << "it has not ended yet";
  containerizer.FailLaunch({Code::kUnavailable, "aborted"});
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

// The end of a task is not reported while its program runs.
TEST_F(CommandTaskTest, ThatStartsThoughKilledIsDestroyed) {
  Register();
  Run(Task("t1"));
  Kill("t1");
  containerizer.Last().destroyed = false;  // The kill came before the container existed.
  containerizer.Start();
  EXPECT_TRUE(containerizer.Last().destroyed);
  EXPECT_TRUE(Drain().empty());
  containerizer.End(Killed(SIGKILL));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED));
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(CommandTaskTest, KillOfAnUnknownTaskIsAnswered) {
  AddCapability(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Drain();
  Kill("other");
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_DROPPED));
  EXPECT_EQ(statuses[0].task_id().value(), "other");
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_AGENT);
}

// Reference 2.5.
TEST_F(CommandTaskTest, RunsNoLongerThanItsMaximum) {
  AddCapability(v1::FrameworkInfo::Capability::TASK_KILLING_STATE);
  Register();
  v1::TaskInfo task = Task("t1");
  task.mutable_max_completion_time()->set_nanoseconds(Duration(seconds(30)).count());
  Run(task);
  containerizer.Start();
  Drain();
  clock.Advance(seconds(30));
  EXPECT_TRUE(containerizer.Last().destroyed) << "without grace";
  containerizer.End(Killed(SIGKILL));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
}

TEST_F(CommandTaskTest, LinksPersistentVolumes) {
  Register();
  v1::TaskInfo task = Task("t1");
  v1::Resource* volume = task.add_resources();
  volume->set_name("disk");
  volume->set_type(v1::Value::SCALAR);
  volume->mutable_scalar()->set_value(10);
  auto* reservation = volume->add_reservations();
  reservation->set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation->set_role("web");
  volume->mutable_disk()->mutable_persistence()->set_id("v1");
  volume->mutable_disk()->mutable_volume()->set_container_path("data");
  volume->mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);

  // The agent does not know the resources, so the reason is RESOURCES_UNKNOWN (reference 2.6).
  Run(task);
  auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_LOST));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_RESOURCES_UNKNOWN);

  for (const auto type : {v1::Offer::Operation::RESERVE, v1::Offer::Operation::CREATE}) {
    link::Event event;
    event.set_type(link::Event::APPLY_OPERATION);
    event.mutable_apply_operation()->set_operation_uuid(std::to_string(type));
    v1::Offer::Operation* operation = event.mutable_apply_operation()->mutable_info();
    operation->set_type(type);
    if (type == v1::Offer::Operation::RESERVE) {
      *operation->mutable_reserve()->add_resources() = *volume;
      operation->mutable_reserve()->mutable_resources(0)->clear_disk();
    } else {
      *operation->mutable_create()->add_volumes() = *volume;
    }
    agent->OnMasterEvent(event);
  }
  Run(task);
  clock.Settle();
  const std::string path = "/w/volumes/roles/web/v1";
  EXPECT_EQ(disk.directories[path], "alice");
  EXPECT_EQ(disk.links[containerizer.Last().spec.sandbox + "/data"], path);
}

TEST_F(CommandTaskTest, ShutdownOfItsExecutorKillsIt) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Drain();
  ShutdownExecutor("t1");
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  clock.Advance(options.executor_shutdown_grace_period);
  EXPECT_TRUE(containerizer.Last().destroyed);
  containerizer.End(Killed(SIGKILL));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED));
}

TEST_F(CommandTaskTest, ARepeatedLaunchIsIgnored) {
  Register();
  Run(Task("t1"));
  Run(Task("t1"));
  EXPECT_EQ(containerizer.order.size(), 1u);
  containerizer.Start();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

}  // namespace
}  // namespace tepui::agent
