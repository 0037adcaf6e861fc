// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "agent/core/gc.h"
#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;

class LifecycleTest : public AgentTest {
 protected:
  void Finish(const std::string& task) {
    Run(Task(task));
    containerizer.Start();
    containerizer.End(Exited(0));
  }
};

TEST_F(LifecycleTest, ATaskStaysUntilItsLastStatusIsAcknowledged) {
  Register();
  Finish("t1");
  auto state = agent->Snapshot();
  ASSERT_EQ(state->frameworks.size(), 1u);
  EXPECT_EQ(state->frameworks[0].executors[0].terminated.size(), 1u);
  EXPECT_TRUE(state->frameworks[0].executors[0].command_executor);
  Drain();
  state = agent->Snapshot();
  EXPECT_TRUE(state->frameworks.empty());
  ASSERT_EQ(state->completed_frameworks.size(), 1u);
  const auto& executor = state->completed_frameworks[0].completed_executors.at(0);
  ASSERT_EQ(executor.completed.size(), 1u);
  EXPECT_EQ(executor.completed[0].state(), v1::TASK_FINISHED);
  EXPECT_EQ(executor.completed[0].statuses_size(), 3);
}

TEST_F(LifecycleTest, CompletedTasksOfAnExecutorAreBounded) {
  Register();
  Run(CustomTask("t0"));
  containerizer.Start();
  Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE));
  for (int i = 0; i < 210; ++i) {
    if (i > 0) Run(CustomTask("t" + std::to_string(i)), false);
    Call(Update("t" + std::to_string(i), v1::TASK_FINISHED));
    Drain();
  }
  EXPECT_EQ(agent->Snapshot()->frameworks[0].executors[0].completed.size(), 200u);
}

TEST_F(LifecycleTest, ShutdownOfAFrameworkIsSilent) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Run(CustomTask("t2"));
  containerizer.Start();
  Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE));
  Sent();
  ShutdownFramework();
  EXPECT_THAT(containerizer.Last(1).signals, ElementsAre(SIGTERM));
  EXPECT_EQ(links.events[1].back().type(), ExecutorEvent::SHUTDOWN);
  containerizer.End(containerizer.order[0], Killed(SIGTERM));
  containerizer.End(containerizer.order[1], Exited(0));
  clock.Advance(minutes(1));
  EXPECT_TRUE(Sent().empty()) << "nobody acknowledges";
  const auto state = agent->Snapshot();
  EXPECT_TRUE(state->frameworks.empty());
  EXPECT_EQ(state->completed_frameworks[0].completed_executors.size(), 2u);
}

// The master that shut the framework down does not launch its tasks any more. So this launch is
// from a master that has the framework and accounts for the task.
TEST_F(LifecycleTest, LaunchesOfAFrameworkThatIsShutDownAreDropped) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  ShutdownFramework();
  Sent();
  Run(Task("t2"));
  EXPECT_EQ(containerizer.order.size(), 1u);
  EXPECT_THAT(States(Sent(), "t2"), ElementsAre(v1::TASK_LOST));
  containerizer.End(Killed(SIGTERM));
  clock.Advance(seconds(10));
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_LOST)) << "told until it is acknowledged";
}

TEST_F(LifecycleTest, ShutdownOfAFrameworkForgetsWhatWaits) {
  Register();
  Finish("t1");
  ShutdownFramework();
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
  Sent();
  clock.Advance(minutes(1));
  EXPECT_TRUE(Sent().empty());
}

TEST_F(LifecycleTest, DroppedTasksAreToldUntilAcknowledged) {
  Register();
  Run(CustomTask("t1"), false);
  EXPECT_EQ(Sent().size(), 1u);
  clock.Advance(seconds(10));
  EXPECT_EQ(Sent().size(), 1u) << "though the framework has nothing here";
}

// The agent answers LOST or DROPPED (reference 2.6).
TEST_F(LifecycleTest, ReconcilesWhatItDoesNotKnow) {
  Register();
  Run(Task("t1"));
  Drain();
  link::Event event;
  event.set_type(link::Event::RECONCILE_TASKS);
  auto* reconcile = event.mutable_reconcile_tasks();
  reconcile->mutable_framework_id()->set_value(kFramework);
  reconcile->add_task_ids()->set_value("t1");
  reconcile->add_task_ids()->set_value("t2");
  agent->OnMasterEvent(event);
  auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_LOST));
  EXPECT_EQ(statuses[0].task_id().value(), "t2");
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_RECONCILIATION);

  AddCapability(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  framework.mutable_id()->set_value("F2");
  *reconcile->mutable_framework_info() = framework;
  reconcile->mutable_framework_id()->set_value("F2");
  agent->OnMasterEvent(event);
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_DROPPED, v1::TASK_DROPPED));
}

TEST_F(LifecycleTest, AnOutdatedViewOfTheResourcesDropsTheTask) {
  Register();
  link::Event event;
  event.set_type(link::Event::RUN_TASK);
  *event.mutable_run_task()->mutable_framework_info() = framework;
  *event.mutable_run_task()->mutable_task() = Task("t1");
  event.mutable_run_task()->set_launch_executor(true);
  event.mutable_run_task()->set_resource_version_uuid(std::string(16, 'x'));
  agent->OnMasterEvent(event);
  auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_LOST));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_INVALID_OFFERS);
  event.mutable_run_task()->set_resource_version_uuid(
      links.subscriptions[0].resource_version_uuid());
  agent->OnMasterEvent(event);
  containerizer.Start();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

TEST_F(LifecycleTest, AnUpdatedFrameworkIsTheOneThatCounts) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  AddCapability(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  link::Event event;
  event.set_type(link::Event::UPDATE_FRAMEWORK);
  *event.mutable_update_framework() = framework;
  Sent();
  agent->OnMasterEvent(event);
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_STARTING)) << "again, for a new scheduler";
  Kill("other");
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_DROPPED));
}

// Reference 5.6.
class GcTest : public LifecycleTest {
 protected:
  std::string ExecutorDirectory() const { return "/w/slaves/M-S0/frameworks/F1/executors/t1"; }
  void FinishOne() {
    Finish("t1");
    Drain();
  }
};

TEST_F(GcTest, SandboxesGoAtTheAllowedAge) {
  Register();
  FinishOne();
  const std::string sandbox = containerizer.Last().spec.sandbox;
  EXPECT_EQ(Metric("gc/path_removals_pending"), 3);
  // The allowed age is 0.9 of a week on an empty disk.
  const Duration age = std::chrono::duration_cast<Duration>(options.gc_delay * 0.9);
  Pass(age - minutes(2));
  EXPECT_TRUE(disk.removed.empty());
  Pass(minutes(3));
  EXPECT_THAT(disk.removed, testing::UnorderedElementsAre(sandbox, ExecutorDirectory(),
                                                          "/w/slaves/M-S0/frameworks/F1"));
  EXPECT_EQ(Metric("gc/path_removals_succeeded"), 3);
  EXPECT_EQ(Metric("gc/path_removals_pending"), 0);
}

TEST_F(GcTest, AFullDiskCleansAtOnce) {
  Register();
  FinishOne();
  disk.used = 0.95;
  clock.Advance(options.disk_watch_interval);
  EXPECT_TRUE(disk.Removed(ExecutorDirectory()));
  EXPECT_EQ(Metric("slave/executor_directory_max_allowed_age_secs"), 0);
}

TEST_F(GcTest, HalfADiskIsKeptForLess) {
  disk.used = 0.5;
  Register();
  FinishOne();
  const auto age = std::chrono::duration_cast<Duration>(options.gc_delay * 0.4);
  EXPECT_NEAR(Metric("slave/executor_directory_max_allowed_age_secs"),
              std::chrono::duration<double>(age).count(), 1);
}

TEST_F(GcTest, WhatIsUsedAgainStays) {
  Register();
  FinishOne();
  const std::string first = containerizer.Last().spec.sandbox;
  Run(Task("t1"));
  disk.used = 1;
  clock.Advance(options.disk_watch_interval);
  EXPECT_FALSE(disk.Removed(ExecutorDirectory()));
  EXPECT_FALSE(disk.Removed("/w/slaves/M-S0/frameworks/F1"));
  EXPECT_TRUE(disk.Removed(first)) << "the former run is not used again";
}

TEST(GcBoundTest, TheOldestGoEarlyWhenThereAreTooMany) {
  Options options;
  VirtualClock clock;
  SeededRandom random{1};
  FakeLinks links;
  FakeContainerizer containerizer;
  FakeProber prober;
  FakeDisk disk;
  storage::MemoryStore store([&](auto work) { clock.After(Duration::zero(), std::move(work)); });
  Checkpoint checkpoint(clock, store, [](const Error&) {});
  const Services services{options, clock, random, links, containerizer, prober, disk, checkpoint};
  SandboxGc gc(services);
  for (int i = 0; i < 100'005; ++i) gc.Schedule("/p" + std::to_string(i));
  EXPECT_EQ(gc.scheduled(), 100'000u);
  EXPECT_THAT(disk.removed, ElementsAre("/p0", "/p1", "/p2", "/p3", "/p4"));
}

TEST_F(LifecycleTest, CountsAndMeasures) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Run(Task("t2"));
  Finish("t3");
  EXPECT_EQ(Metric("slave/registered"), 1);
  EXPECT_EQ(Metric("slave/tasks_running"), 1);
  EXPECT_EQ(Metric("slave/tasks_staging"), 1);
  EXPECT_EQ(Metric("slave/tasks_finished"), 1);
  EXPECT_EQ(Metric("slave/executors_running"), 1);
  EXPECT_EQ(Metric("slave/executors_registering"), 1);
  EXPECT_EQ(Metric("slave/executors_terminated"), 1);
  EXPECT_EQ(Metric("slave/frameworks_active"), 1);
  EXPECT_EQ(Metric("slave/cpus_total"), 8);
  EXPECT_EQ(Metric("slave/cpus_used"), 2);
  EXPECT_EQ(Metric("slave/cpus_percent"), 0.25);
  EXPECT_EQ(Metric("slave/valid_status_updates"), 5);
}

// Tasks come and go beside many that stay.
TEST_F(LifecycleTest, ManyTasksPass) {
  Register();
  for (int i = 0; i < 2000; ++i) {
    Run(Task("long" + std::to_string(i)));
    containerizer.Start();
  }
  Drain();
  for (int i = 0; i < 2000; ++i) {
    Finish("t" + std::to_string(i));
    EXPECT_EQ(Drain().size(), 3u);
    containerizer.containers.erase(containerizer.order.back());
    containerizer.order.pop_back();
    if (i % 100 == 0) clock.Settle();
  }
  EXPECT_EQ(Metric("slave/tasks_finished"), 2000);
  EXPECT_EQ(Metric("slave/tasks_running"), 2000);
}

}  // namespace
}  // namespace tepui::agent
