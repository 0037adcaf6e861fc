// SPDX-License-Identifier: Apache-2.0
// Reports that a correct agent never sends, or only at an unlucky moment. The master must survive
// them and lose no tasks or resources.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// An agent of an earlier master that ran a task of a framework of that master.
struct AgentReports : ::testing::Test {
  AgentReports() {
    node.subscribe = MasterHarness::Machine();
    node.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
    scheduler.info.mutable_id()->set_value("old-0000");
    scheduler.id = "old-0000";
  }

  void Bring(const std::string& id, v1::TaskState state) {
    v1::Task& task = *node.subscribe.add_tasks();
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_framework_id()->set_value(scheduler.id);
    task.mutable_agent_id()->set_value("old-S0");
    task.set_state(state);
    Resources resources = Parse("cpus:1;mem:128");
    resources.Allocate("r");
    resources.ToProto(task.mutable_resources());
  }

  double OfferedCpus(const Scheduler& to) {
    Resources sum;
    for (const v1::Offer& offer : h.Offers(to)) sum += Parse(offer.resources());
    sum.Unallocate();
    return sum.Scalar(ResourceNames::Cpus()).ToDouble();
  }

  MasterHarness h;
  Node node;
  Scheduler scheduler{.info = MasterHarness::Info(), .id = {}, .stream = 0, .stream_uuid = {}};
};

// A framework may leave all of its roles while it runs what it launched in them (reference 1.2).
TEST_F(AgentReports, FrameworksWithoutRolesKeepTheirTasks) {
  scheduler.info.clear_roles();
  *node.subscribe.add_frameworks() = scheduler.info;
  Bring("t", v1::TASK_RUNNING);
  link::Call::Executor& executor = *node.subscribe.add_executors();
  executor.mutable_framework_id()->set_value(scheduler.id);
  executor.mutable_info()->mutable_executor_id()->set_value("e");
  Parse("cpus:0.5").ToProto(executor.mutable_info()->mutable_resources());
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  const Scheduler other = h.Subscribe();
  EXPECT_EQ(OfferedCpus(other), 2.5);
}

TEST_F(AgentReports, FrameworksWithImpossibleRolesAreRefused) {
  scheduler.info.set_roles(0, "a/./b");
  *node.subscribe.add_frameworks() = scheduler.info;
  Bring("t", v1::TASK_RUNNING);
  const Status status = h.Rejoin(&node);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("a/./b"));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
}

// The allocator could never take back resources that it gets already allocated.
TEST_F(AgentReports, ATotalThatIsAllocatedIsRefused) {
  node.subscribe.mutable_info()->mutable_resources(0)->mutable_allocation_info()->set_role("r");
  const Status status = h.Rejoin(&node);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("is allocated to role 'r'"));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
}

// An ERROR event ends an agent and all it runs. So a master that was started without its domain
// must not send it, or the cluster loses its tasks.
TEST_F(AgentReports, AnAgentThatComesBackToAMasterOfWrongFlagsIsNotEnded) {
  node.subscribe.mutable_info()
      ->mutable_domain()
      ->mutable_fault_domain()
      ->mutable_region()
      ->set_name("r");
  node.subscribe.mutable_info()->mutable_domain()->mutable_fault_domain()->mutable_zone()->set_name(
      "z");
  const Status status = h.Rejoin(&node);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kForbidden);
  EXPECT_THAT(h.Take(node), IsEmpty());

  node.subscribe.mutable_info()->clear_id();
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Take(node, link::Event::ERROR), SizeIs(1));
}

TEST_F(AgentReports, AnIdThatIsJustBeingGivenCannotBeClaimed) {
  h.registrar.held = true;
  Node first;
  first.subscribe = MasterHarness::Machine();
  EXPECT_FALSE(h.Rejoin(&first));
  EXPECT_THAT(h.registrar.asked, ElementsAre("put m-S0"));

  node.subscribe = MasterHarness::Machine("cpus:1", "other", 5052);
  node.subscribe.mutable_info()->mutable_id()->set_value("m-S0");
  const Status claimed = h.Rejoin(&node);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().code, Code::kUnavailable);
  h.registrar.Release();
  EXPECT_EQ(h.Read().agents().at(AgentId("m-S0"))->info.hostname(), "h");
}

// Only the master makes a task unreachable. A task whose executor reports that state still runs and
// holds its resources.
TEST_F(AgentReports, AnExecutorThatReportsUnreachableReleasesNoResources) {
  const Node agent = h.Join();
  const Scheduler owner = h.Subscribe();
  h.Launch(owner, {MasterHarness::Task(agent, "t")});
  EXPECT_EQ(OfferedCpus(owner), 3);
  h.Report(agent, owner, "t", v1::TASK_UNREACHABLE);
  EXPECT_EQ(OfferedCpus(owner), 0);
  h.Report(agent, owner, "t", v1::TASK_FINISHED, 'v');
  EXPECT_EQ(OfferedCpus(owner), 1);
}

// Reference 2.6: a PARTITION_AWARE framework gets DROPPED, also if the agent does not know it.
TEST_F(AgentReports, OperationsThatNeverReachedTheAgentAreReconciledWithTheFramework) {
  Node agent = h.Join();
  const Scheduler owner = h.Subscribe();
  h.Launch(owner, {MasterHarness::Task(agent, "t")});
  h.Leave(agent);
  ASSERT_TRUE(h.Rejoin(&agent));
  const std::vector<link::Event> events = h.Take(agent, link::Event::RECONCILE_TASKS);
  ASSERT_THAT(events, SizeIs(1));
  const link::Event::ReconcileTasks& reconcile = events[0].reconcile_tasks();
  ASSERT_THAT(reconcile.task_ids(), SizeIs(1));
  EXPECT_EQ(reconcile.task_ids(0).value(), "t");
  EXPECT_EQ(reconcile.framework_info().capabilities_size(), owner.info.capabilities_size());
}

// Reference 2.4: the status of an operation is sent until its framework acknowledges it.
TEST_F(AgentReports, OperationsFindTheirFrameworkWhenItComes) {
  v1::Operation& operation = *node.subscribe.add_operations();
  operation.mutable_framework_id()->set_value(
      scheduler.id);  // Not listed: the framework runs nothing here.
  operation.mutable_uuid()->set_value(std::string(16, 'o'));
  operation.mutable_info()->set_type(v1::Offer::Operation::RESERVE);
  operation.mutable_info()->mutable_id()->set_value("op");
  operation.mutable_latest_status()->set_state(v1::OPERATION_FINISHED);
  operation.mutable_latest_status()->mutable_uuid()->set_value(std::string(16, 'a'));
  ASSERT_TRUE(h.Rejoin(&node));
  ASSERT_TRUE(h.Resubscribe(&scheduler));

  link::Call call;
  call.set_type(link::Call::OPERATION_UPDATE);
  call.mutable_operation_update()->mutable_framework_id()->set_value(scheduler.id);
  call.mutable_operation_update()->set_operation_uuid(std::string(16, 'o'));
  *call.mutable_operation_update()->mutable_status() = operation.latest_status();
  ASSERT_TRUE(h.Say(node, call));
  const std::vector<Event> events = h.Take(scheduler, Event::UPDATE_OPERATION_STATUS);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].update_operation_status().status().operation_id().value(), "op");

  Call acknowledge;
  acknowledge.set_type(Call::ACKNOWLEDGE_OPERATION_STATUS);
  auto& body = *acknowledge.mutable_acknowledge_operation_status();
  body.mutable_agent_id()->set_value(node.id);
  body.mutable_operation_id()->set_value("op");
  body.set_uuid(std::string(16, 'a'));
  ASSERT_TRUE(h.Make(scheduler, acknowledge));
  EXPECT_THAT(h.Take(node, link::Event::OPERATION_ACKNOWLEDGEMENT), SizeIs(1));
}

// --- Amounts near the limits, of which every single one is valid.

link::Call::Subscribe MachineWith(int times, const std::string& amount, int port) {
  link::Call::Subscribe subscribe = MasterHarness::Machine("mem:100", "h", port);
  const v1::Resource one = [&] {
    google::protobuf::RepeatedPtrField<v1::Resource> list;
    Parse(amount).ToProto(&list);
    return list.at(0);
  }();
  for (int i = 0; i < times; ++i) *subscribe.mutable_info()->add_resources() = one;
  return subscribe;
}

TEST_F(AgentReports, AnAgentWithMoreThanCanBeCountedIsRefused) {
  scheduler = h.Subscribe();
  for (int port : {6000, 6001}) {
    Node fake;
    fake.subscribe = MachineWith(9300, "cpus:1e12", port);
    h.Rejoin(&fake);
    const std::vector<link::Event> events = h.Take(fake, link::Event::ERROR);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].message(),
              "The amounts of 'cpus' add up to more than 1000000000000, which is refused");
  }
  h.Join();
  EXPECT_EQ(OfferedCpus(scheduler), 4);
}

TEST_F(AgentReports, ManyAgentsWithTheMostLeaveTheMasterServing) {
  scheduler = h.Subscribe();
  std::vector<Node> fakes;
  for (int i = 0; i < 100; ++i) fakes.push_back(h.Join(MachineWith(1, "cpus:1e12", 6000 + i)));
  EXPECT_EQ(h.Metric("cpus_total"), 1e14);
  EXPECT_THAT(h.Offers(scheduler), SizeIs(100));
  for (const Node& fake : fakes) {
    h.Say(fake, link::Call::UNREGISTER);
    h.clock.Settle();
  }
  EXPECT_EQ(h.Metric("cpus_total"), 0);
  h.Join();
  EXPECT_EQ(OfferedCpus(scheduler), 4);
}

// The tasks that an agent brings add up to at most the largest amount; the rest is not counted.
TEST_F(AgentReports, ReportedTasksAreBoundedTogether) {
  *node.subscribe.add_frameworks() = scheduler.info;
  for (int i = 0; i < 3; ++i) {
    Bring("t" + std::to_string(i), v1::TASK_RUNNING);
    v1::Task& task = *node.subscribe.mutable_tasks()->rbegin();
    task.mutable_resources(0)->mutable_scalar()->set_value(4e11);
  }
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(8e11));

  // Those of a later subscription count with those that the master knows.
  node.subscribe.mutable_tasks()->DeleteSubrange(1, 2);
  Bring("t3", v1::TASK_RUNNING);
  node.subscribe.mutable_tasks(1)->mutable_resources(0)->mutable_scalar()->set_value(9e11);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(8e11));
}

// --- Names of resources, of which a process can number only so many.

TEST_F(AgentReports, NewNamesWaitWhileTooManyAreInUse) {
  std::vector<ResourceName> held;
  while (Result<ResourceName> name = ResourceName::Of("held-" + std::to_string(held.size())))
    held.push_back(std::move(*name));

  Node honest;
  honest.subscribe = MasterHarness::Machine("cpus:4", "h", 6000);
  v1::Resource& resource = *honest.subscribe.mutable_info()->add_resources();
  resource.set_name("honest");
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(1);
  const Status refused = h.Rejoin(&honest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("'honest:1'"));
  EXPECT_THAT(h.Take(honest), IsEmpty()) << "an ERROR would end the agent";
  EXPECT_FALSE(h.Join(MasterHarness::Machine("cpus:4", "h", 6001)).id.empty());

  held.clear();
  EXPECT_TRUE(h.Rejoin(&honest));
  EXPECT_FALSE(honest.id.empty());
}

TEST_F(AgentReports, NamesOfGoneAgentsAreForgotten) {
  for (int round = 0; round < 20; ++round) {
    std::string resources = "cpus:1";
    for (int i = 0; i < 127; ++i) resources += fmt::format(";name-{}-{}:1", round, i);
    const Node fake = h.Join(MasterHarness::Machine(resources, "h", 6000));
    ASSERT_FALSE(fake.id.empty());
    h.Read();
    h.Say(fake, link::Call::UNREGISTER);
    h.Read();
  }
  EXPECT_LT(ResourceName::Of("next")->index(), 300);
}

}  // namespace
}  // namespace tepui::master
