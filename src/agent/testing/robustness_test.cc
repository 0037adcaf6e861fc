// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <utility>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;

// Unusual behaviour of the agent's peers, which it must survive.
class RobustnessTest : public AgentTest {
 protected:
  void SetUp() override { Register(); }
};

TEST_F(RobustnessTest, ContainersMayEndBeforeTheirLaunchReturns) {
  containerizer.immediate = Exited(0);
  Run(Task("t1"));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  RunGroup(ExecutorOf("g", v1::ExecutorInfo::DEFAULT), {Task("a"), Task("b")});
  EXPECT_EQ(Drain().size(), 6u);
  containerizer.immediate = Exited(1);
  RunGroup(ExecutorOf("g", v1::ExecutorInfo::DEFAULT), {Task("a"), Task("b")});
  auto statuses = Drain();
  EXPECT_EQ(States(statuses, "a").back(), v1::TASK_FAILED);
  EXPECT_EQ(States(statuses, "b"), std::vector{v1::TASK_KILLED}) << "was never launched";
  Run(CustomTask("c"));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FAILED));
  clock.Settle();
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(RobustnessTest, CallbacksMayOutliveTheAgent) {
  Run(Task("launching"));
  v1::TaskInfo checked = Task("checked");
  checked.mutable_check()->set_type(v1::CheckInfo::COMMAND);
  checked.mutable_check()->mutable_command()->mutable_command()->set_value("true");
  checked.mutable_health_check()->set_type(v1::HealthCheck::HTTP);
  checked.mutable_health_check()->mutable_http()->set_port(80);
  Run(checked);
  containerizer.Start();
  Run(CustomTask("custom"));
  containerizer.Start();
  clock.Advance(seconds(15));
  ASSERT_EQ(containerizer.checks.size(), 1u);
  ASSERT_EQ(prober.http.size(), 1u);
  EndAgent();
  containerizer.Start(containerizer.order[0]);
  containerizer.End(containerizer.order[1], Exited(0));
  containerizer.End(containerizer.order[2], Exited(0));
  containerizer.checks[0].callback(containers::ExecResult{});
  prober.http[0].callback(200);
  EXPECT_FALSE(clock.Step()) << "no timer is left";
}

TEST_F(RobustnessTest, DurationsBeyondAllBoundsDoNotOverflow) {
  v1::TaskInfo task = Task("t1");
  constexpr int64_t kLongest = std::numeric_limits<int64_t>::max();
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(kLongest);
  task.mutable_max_completion_time()->set_nanoseconds(kLongest);
  task.mutable_health_check()->set_type(v1::HealthCheck::TCP);
  task.mutable_health_check()->mutable_tcp()->set_port(80);
  task.mutable_health_check()->set_delay_seconds(1e300);
  task.mutable_health_check()->set_timeout_seconds(std::numeric_limits<double>::infinity());
  Run(task);
  containerizer.Start();
  Drain();
  Pass(minutes(10));
  EXPECT_TRUE(prober.tcp.empty());
  Kill("t1");
  clock.Advance(seconds(60));
  EXPECT_FALSE(containerizer.Last().destroyed);
  EXPECT_EQ(containerizer.Last().signals.size(), 1u);
}

// Each limit is a number; their sum must be one too.
TEST_F(RobustnessTest, LimitsThatCannotBeCountedLimitNothing) {
  const std::pair<std::string, double> unlimited("mem", std::numeric_limits<double>::infinity());
  v1::TaskInfo task = CustomTask("t1");
  (*task.mutable_limits())["mem"].set_value(1e300);
  Run(task);
  EXPECT_THAT(containerizer.Last().spec.limits, ElementsAre(unlimited));
  v1::TaskInfo command = Task("t2");
  (*command.mutable_limits())["mem"].set_value(1e300);
  Run(command);
  EXPECT_THAT(containerizer.Last().spec.limits, ElementsAre(unlimited));
}

TEST_F(RobustnessTest, VolumesCannotLeaveTheSandbox) {
  link::Event event;
  event.set_type(link::Event::APPLY_OPERATION);
  v1::TaskInfo task = Task("t1");
  v1::Resource* volume = task.add_resources();
  volume->set_name("disk");
  volume->set_type(v1::Value::SCALAR);
  volume->mutable_scalar()->set_value(10);
  auto* reservation = volume->add_reservations();
  reservation->set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation->set_role("web");
  *event.mutable_apply_operation()->mutable_info()->mutable_reserve()->add_resources() = *volume;
  event.mutable_apply_operation()->mutable_info()->set_type(v1::Offer::Operation::RESERVE);
  event.mutable_apply_operation()->set_operation_uuid("u1");
  agent->OnMasterEvent(event);
  volume->mutable_disk()->mutable_persistence()->set_id("v1");
  volume->mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  volume->mutable_disk()->mutable_volume()->set_container_path("../../../etc");
  *event.mutable_apply_operation()->mutable_info()->mutable_create()->add_volumes() = *volume;
  event.mutable_apply_operation()->mutable_info()->set_type(v1::Offer::Operation::CREATE);
  event.mutable_apply_operation()->set_operation_uuid("u2");
  agent->OnMasterEvent(event);
  clock.Settle();
  const auto links_before = disk.links.size();
  Run(task);
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FAILED));
  EXPECT_TRUE(containerizer.order.empty());
  EXPECT_EQ(disk.links.size(), links_before + 1) << "only `latest`";
}

// A master may deliver any event twice, late, or for something that does not exist.
TEST_F(RobustnessTest, StrayEventsDoNoHarm) {
  Run(Task("t1"));
  containerizer.Start();
  auto statuses = Sent();
  Acknowledge(statuses[0]);
  Acknowledge(statuses[0]);
  v1::TaskStatus stray = statuses[0];
  stray.mutable_task_id()->set_value("nobody");
  Acknowledge(stray);
  ShutdownExecutor("nobody");
  agent->OnStreamClosed(99);
  agent->OnMasterDisconnected("a");
  agent->OnMasterDisconnected("b");
  clock.Advance(seconds(1));
  Subscribed();
  Subscribed();
  link::Event unknown;
  agent->OnMasterEvent(unknown);
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_RUNNING, v1::TASK_RUNNING));
  EXPECT_TRUE(exits.empty());
}

}  // namespace
}  // namespace tepui::agent
