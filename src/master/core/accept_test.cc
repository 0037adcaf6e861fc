// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Operation = v1::Offer::Operation;

Amount Cpus(double cpus) { return Amount::FromDouble(cpus); }

TEST(Launch, SendsTheTaskAndAccountsForIt) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  const std::vector<link::Event> events = h.Take(node, link::Event::RUN_TASK);
  ASSERT_THAT(events, SizeIs(1));
  const link::Event::RunTask& run = events[0].run_task();
  EXPECT_EQ(run.framework_info().id().value(), scheduler.id);
  EXPECT_EQ(run.task().task_id().value(), "t");
  EXPECT_EQ(run.task().resources(0).allocation_info().role(), "r");
  EXPECT_TRUE(run.launch_executor());
  EXPECT_EQ(run.resource_version_uuid(), "0123456789abcdef");

  const ReadModel::Framework& framework = h.Read(scheduler);
  ASSERT_THAT(framework.active, SizeIs(1));
  EXPECT_EQ(framework.active.begin()->second->state(), v1::TASK_STAGING);
  EXPECT_EQ(framework.record->used.Scalar(ResourceNames::Cpus()), Cpus(1));
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Cpus(1));
  EXPECT_EQ(h.Metric("tasks_staging"), 1);
  EXPECT_EQ(h.Metric("cpus_used"), 1);
  EXPECT_EQ(h.Metric("cpus_total"), 4);
  EXPECT_EQ(h.Metric("cpus_percent"), 0.25);
  // The rest is offered again.
  EXPECT_EQ(
      Parse(h.Read(scheduler).record->offers.at(0)->resources()).Scalar(ResourceNames::Cpus()),
      Cpus(3));
}

// Reference 2.3: the unused remainder is returned with the filter of the ACCEPT.
TEST(Launch, FiltersWhatItDoesNotUse) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler,
         MasterHarness::AcceptCall(
             h.Offers(scheduler), {MasterHarness::LaunchOf({MasterHarness::Task(node, "t")})}, 30));
  h.clock.Advance(std::chrono::seconds(10));
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
}

TEST(Launch, OfMoreThanOfferedIsAnError) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "a", "cpus:3;mem:100"),
                       MasterHarness::Task(node, "b", "cpus:3;mem:100")});
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].task_id().value(), "b");
  EXPECT_EQ(statuses[0].state(), v1::TASK_ERROR);
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_MASTER);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_INVALID);
  EXPECT_FALSE(statuses[0].has_uuid());
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  EXPECT_EQ(h.Metric("tasks_error"), 1);
  EXPECT_EQ(h.Metric("task_error/source_master/reason_task_invalid"), 1);
}

TEST(Launch, OfATaskIdInUseIsAnError) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t"), MasterHarness::Task(node, "t")});
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(1));
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(1));
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
}

// A custom executor's resources count once while it lives (reference 2.5).
TEST(Launch, StartsAnExecutorOnce) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::ExecutorTask(node, "a", "e"),
                       MasterHarness::ExecutorTask(node, "b", "e")});
  const std::vector<link::Event> events = h.Take(node, link::Event::RUN_TASK);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_TRUE(events[0].run_task().launch_executor());
  EXPECT_FALSE(events[1].run_task().launch_executor());
  EXPECT_EQ(events[0].run_task().task().executor().framework_id().value(), scheduler.id);
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Cpus(2.5));
  ASSERT_THAT(h.Read(scheduler).record->executors, SizeIs(1));

  // Both tasks end: the executor stays, and so do its resources.
  h.Report(node, scheduler, "a", v1::TASK_FINISHED);
  h.Report(node, scheduler, "b", v1::TASK_FINISHED);
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Cpus(0.5));

  link::Call call;
  call.set_type(link::Call::EXECUTOR_EXITED);
  call.mutable_executor_exited()->mutable_framework_id()->set_value(scheduler.id);
  call.mutable_executor_exited()->mutable_executor_id()->set_value("e");
  call.mutable_executor_exited()->set_status(256);
  h.Take(scheduler);
  h.Say(node, call);
  const std::vector<Event> failures = h.Take(scheduler, Event::FAILURE);
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].failure().executor_id().value(), "e");
  EXPECT_EQ(failures[0].failure().agent_id().value(), node.id);
  EXPECT_EQ(failures[0].failure().status(), 256);
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_THAT(h.Read(scheduler).record->executors, IsEmpty());
  // A repeated report has no effect.
  h.Say(node, call);
  EXPECT_THAT(h.Take(scheduler, Event::FAILURE), IsEmpty());
}

v1::Offer::Operation GroupOf(const Node& node, const std::vector<std::string>& tasks,
                             const std::string& resources) {
  Operation operation;
  operation.set_type(Operation::LAUNCH_GROUP);
  v1::ExecutorInfo& executor = *operation.mutable_launch_group()->mutable_executor();
  executor.set_type(v1::ExecutorInfo::DEFAULT);
  executor.mutable_executor_id()->set_value("default");
  Resources::Parse("cpus:0.1;mem:32;disk:32")->ToProto(executor.mutable_resources());
  for (const std::string& task : tasks) {
    *operation.mutable_launch_group()->mutable_task_group()->add_tasks() =
        MasterHarness::Task(node, task, resources);
  }
  return operation;
}

// Reference 2.5: a task group arrives whole or not at all.
TEST(LaunchGroup, IsOneEvent) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler),
                                              {GroupOf(node, {"a", "b"}, "cpus:1;mem:32")}));
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  const std::vector<link::Event> events = h.Take(node, link::Event::RUN_TASK_GROUP);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].run_task_group().task_group().tasks_size(), 2);
  EXPECT_EQ(events[0].run_task_group().executor().framework_id().value(), scheduler.id);
  EXPECT_TRUE(events[0].run_task_group().launch_executor());
  const ReadModel::Framework& framework = h.Read(scheduler);
  ASSERT_THAT(framework.active, SizeIs(2));
  EXPECT_EQ(framework.active.begin()->second->executor_id().value(), "default");
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Cpus(2.1));

  h.Make(scheduler,
         MasterHarness::AcceptCall(h.Offers(scheduler), {GroupOf(node, {"c"}, "cpus:1;mem:32")}));
  const std::vector<link::Event> more = h.Take(node, link::Event::RUN_TASK_GROUP);
  ASSERT_THAT(more, SizeIs(1));
  EXPECT_FALSE(more[0].run_task_group().launch_executor());
}

TEST(LaunchGroup, FailsWhole) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler),
                                              {GroupOf(node, {"a", "b"}, "cpus:3;mem:32")}));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(2));
  for (const v1::TaskStatus& status : statuses) {
    EXPECT_EQ(status.state(), v1::TASK_ERROR);
    EXPECT_EQ(status.reason(), v1::TaskStatus::REASON_TASK_GROUP_INVALID);
  }
  EXPECT_THAT(h.Read(scheduler).active, IsEmpty());
  EXPECT_THAT(h.Read(scheduler).record->executors, IsEmpty());
  EXPECT_TRUE(h.Read(node).used.empty());
}

// Reference 2.4: an operation id asks for feedback and is not allowed on launches.
TEST(Launch, WithAnOperationIdIsAnError) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  Operation launch = MasterHarness::LaunchOf({MasterHarness::Task(node, "t")});
  launch.mutable_id()->set_value("o");
  Operation group = GroupOf(node, {"g"}, "cpus:1;mem:32");
  group.mutable_id()->set_value("p");
  h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler), {launch, group}));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(2));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_INVALID);
  EXPECT_EQ(statuses[1].reason(), v1::TaskStatus::REASON_TASK_GROUP_INVALID);
}

class InvalidOffers : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(PartitionAware, InvalidOffers, ::testing::Bool());

// Reference 2.3: an invalid offer rejects the whole ACCEPT; the resources of valid offers are free
// again.
TEST_P(InvalidOffers, RejectEverything) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe(
      GetParam() ? MasterHarness::Info() : MasterHarness::InfoWithout(Capability::PARTITION_AWARE));
  std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  v1::Offer stale = offers[0];
  stale.mutable_id()->set_value("m-O99");
  Operation reserve;
  reserve.set_type(Operation::RESERVE);
  reserve.mutable_id()->set_value("op");
  reserve.mutable_reserve();
  h.Make(scheduler, MasterHarness::AcceptCall(
                        {offers[0], stale},
                        {MasterHarness::LaunchOf({MasterHarness::Task(node, "t")}), reserve}));
  const std::vector<Event> events = h.Take(scheduler);
  ASSERT_THAT(events, SizeIs(2));
  const v1::TaskStatus& status = events[0].update().status();
  EXPECT_EQ(status.state(), GetParam() ? v1::TASK_DROPPED : v1::TASK_LOST);
  EXPECT_EQ(status.reason(), v1::TaskStatus::REASON_INVALID_OFFERS);
  EXPECT_THAT(status.message(), HasSubstr("m-O99"));
  EXPECT_EQ(events[1].update_operation_status().status().state(), v1::OPERATION_DROPPED);
  EXPECT_EQ(events[1].update_operation_status().status().operation_id().value(), "op");
  EXPECT_THAT(h.Take(node, link::Event::RUN_TASK), IsEmpty());
  EXPECT_THAT(h.Offers(scheduler), SizeIs(1));
}

TEST(InvalidOffers, BelongToOthersOrAreListedTwice) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler owner = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(owner);
  ASSERT_THAT(offers, SizeIs(1));
  const Scheduler thief = h.Subscribe();
  const Operation launch = MasterHarness::LaunchOf({MasterHarness::Task(node, "t")});
  h.Make(thief, MasterHarness::AcceptCall(offers, {launch}));
  ASSERT_THAT(h.TakeStatuses(thief), SizeIs(1));
  EXPECT_THAT(h.Read(owner).record->offers, SizeIs(1));
  h.Make(owner, MasterHarness::AcceptCall({offers[0], offers[0]}, {launch}));
  EXPECT_THAT(h.TakeStatuses(owner), SizeIs(1));
  h.Make(owner, MasterHarness::AcceptCall({}, {launch}));
  EXPECT_THAT(h.TakeStatuses(owner), SizeIs(1));
  EXPECT_THAT(h.Read(owner).active, IsEmpty());
}

TEST(Accept, CombinesOffersOfOneAgentOnly) {
  MasterHarness h;
  const Node one = h.Join();
  const Node two = h.Join(MasterHarness::Machine("cpus:4;mem:1024", "i", 5052));
  const Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(2));
  h.Make(scheduler, MasterHarness::AcceptCall(
                        offers, {MasterHarness::LaunchOf({MasterHarness::Task(one, "t")})}));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_INVALID_OFFERS);
}

TEST(Accept, AddsUpOffersOfOneAgent) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "a", "cpus:2;mem:512")});
  std::vector<v1::Offer> offers = h.Offers(scheduler);
  h.Report(node, scheduler, "a", v1::TASK_FINISHED);
  for (v1::Offer& offer : h.Offers(scheduler)) offers.push_back(offer);
  ASSERT_THAT(offers, SizeIs(2));
  h.Make(scheduler, MasterHarness::AcceptCall(offers, {MasterHarness::LaunchOf({MasterHarness::Task(
                                                          node, "b", "cpus:4;mem:1024")})}));
  EXPECT_THAT(h.Take(node, link::Event::RUN_TASK), SizeIs(2));
}

// While the registry writes that the agent is unreachable, nothing new may start on it.
TEST(Accept, DropsTheTasksOnALeavingAgent) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  h.registrar.held = true;
  h.clock.Advance(std::chrono::seconds(80));
  ASSERT_EQ(h.registrar.asked.back(), "unreachable m-S0");
  h.Make(scheduler, MasterHarness::AcceptCall(
                        offers, {MasterHarness::LaunchOf({MasterHarness::Task(node, "t")})}));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_DROPPED);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REMOVED);
}

TEST(Accept, WithoutOperationsDeclines) {
  MasterHarness h;
  h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler), {}, 30));
  EXPECT_THAT(h.Read(scheduler).record->offers, IsEmpty());
  h.clock.Advance(std::chrono::seconds(10));
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
}

TEST(Accept, PerformsTheKnownOperationsBesideUnknownOnes) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  Operation unknown;
  h.Make(scheduler, MasterHarness::AcceptCall(
                        h.Offers(scheduler),
                        {unknown, MasterHarness::LaunchOf({MasterHarness::Task(node, "t")})}));
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  EXPECT_EQ(h.Metric("dropped_messages"), 1);
}

}  // namespace
}  // namespace tepui::master
