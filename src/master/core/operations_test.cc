// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Operation = v1::Offer::Operation;

// "cpus(r):1" reserved to `role` by an operation.
v1::Resource Reserved(const std::string& name, double amount, const std::string& role = "r") {
  v1::Resource resource;
  resource.set_name(name);
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(amount);
  auto& reservation = *resource.add_reservations();
  reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation.set_role(role);
  return resource;
}

v1::Resource Volume(double size, const std::string& id, bool shared = false) {
  v1::Resource volume = Reserved("disk", size);
  volume.mutable_disk()->mutable_persistence()->set_id(id);
  volume.mutable_disk()->mutable_volume()->set_container_path("data");
  volume.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  if (shared) volume.mutable_shared();
  return volume;
}

Operation WithId(Operation operation, const std::string& id) {
  if (!id.empty()) operation.mutable_id()->set_value(id);
  return operation;
}
Operation Reserve(const v1::Resource& resource, const std::string& id = "") {
  Operation operation;
  operation.set_type(Operation::RESERVE);
  *operation.mutable_reserve()->add_resources() = resource;
  return WithId(operation, id);
}
Operation Unreserve(const v1::Resource& resource, const std::string& id = "") {
  Operation operation;
  operation.set_type(Operation::UNRESERVE);
  *operation.mutable_unreserve()->add_resources() = resource;
  return WithId(operation, id);
}
Operation Create(const v1::Resource& volume, const std::string& id = "") {
  Operation operation;
  operation.set_type(Operation::CREATE);
  *operation.mutable_create()->add_volumes() = volume;
  return WithId(operation, id);
}
Operation Destroy(const v1::Resource& volume, const std::string& id = "") {
  Operation operation;
  operation.set_type(Operation::DESTROY);
  *operation.mutable_destroy()->add_volumes() = volume;
  return WithId(operation, id);
}

struct OperationTest : ::testing::Test {
  explicit OperationTest(v1::FrameworkInfo info = MasterHarness::Info())
      : node(h.Join()), scheduler(h.Subscribe(std::move(info))) {}

  void Accept(std::vector<Operation> operations) {
    h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler), std::move(operations)));
  }
  std::vector<link::Event> Applied() { return h.Take(node, link::Event::APPLY_OPERATION); }
  // Sends the agent's status for an operation that it was sent.
  void Outcome(const link::Event& applied, v1::OperationState state, char uuid = 0) {
    link::Call call;
    call.set_type(link::Call::OPERATION_UPDATE);
    auto& update = *call.mutable_operation_update();
    update.mutable_framework_id()->set_value(scheduler.id);
    update.set_operation_uuid(applied.apply_operation().operation_uuid());
    update.mutable_status()->set_state(state);
    if (uuid != 0) update.mutable_status()->mutable_uuid()->set_value(std::string(16, uuid));
    h.Say(node, call);
  }
  std::vector<v1::OperationStatus> Statuses() {
    std::vector<v1::OperationStatus> statuses;
    for (const Event& event : h.Take(scheduler, Event::UPDATE_OPERATION_STATUS)) {
      statuses.push_back(event.update_operation_status().status());
    }
    return statuses;
  }
  void AcknowledgeOperation(const std::string& id, char uuid, const std::string& agent) {
    Call call;
    call.set_type(Call::ACKNOWLEDGE_OPERATION_STATUS);
    auto& acknowledge = *call.mutable_acknowledge_operation_status();
    acknowledge.mutable_operation_id()->set_value(id);
    acknowledge.mutable_agent_id()->set_value(agent);
    acknowledge.set_uuid(std::string(16, uuid));
    h.Make(scheduler, call);
  }
  Resources Total() { return h.Read(node).total; }

  MasterHarness h;
  Node node;
  Scheduler scheduler;
};

// Reference 2.4: one ACCEPT can reserve, create and launch on the result.
TEST_F(OperationTest, FollowOneAnotherOnWhatTheyMake) {
  v1::TaskInfo task = MasterHarness::Task(node, "t");
  *task.add_resources() = Volume(64, "v");
  Accept({Reserve(Reserved("disk", 64)), Create(Volume(64, "v")), MasterHarness::LaunchOf({task})});
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  const std::vector<link::Event> events = h.Take(node);
  std::vector<link::Event::Type> types;
  for (const link::Event& event : events) types.push_back(event.type());
  EXPECT_THAT(types, testing::ElementsAre(link::Event::SUBSCRIBED, link::Event::APPLY_OPERATION,
                                          link::Event::APPLY_OPERATION, link::Event::RUN_TASK));
  // The agent keeps its resources without allocation info.
  EXPECT_FALSE(events[1].apply_operation().info().reserve().resources(0).has_allocation_info());
  EXPECT_EQ(events[1].apply_operation().operation_uuid().size(), 16u);
  EXPECT_EQ(events[1].apply_operation().resource_version_uuid(), "0123456789abcdef");
  const Resources total = Total();
  EXPECT_EQ(total.PersistentVolumes().Scalar(ResourceNames::Disk()), Amount::FromDouble(64));
  EXPECT_EQ(total.Unreserved().Scalar(ResourceNames::Disk()), Amount::FromDouble(960));
  EXPECT_EQ(h.Read(node).used.PersistentVolumes().size(), 1u);
}

TEST_F(OperationTest, ShowInTheNextOffer) {
  Accept({Reserve(Reserved("cpus", 1))});
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  const Resources offered = Parse(offers[0].resources());
  EXPECT_EQ(offered.Reserved().Scalar(ResourceNames::Cpus()), Amount::FromDouble(1));
  EXPECT_EQ(offered.Scalar(ResourceNames::Cpus()), Amount::FromDouble(4));
  h.Make(scheduler, MasterHarness::AcceptCall(offers, {Unreserve(Reserved("cpus", 1))}));
  EXPECT_TRUE(Total().Reserved().empty());
}

// Reference 2.4: with an id the framework gets the outcome and acknowledges it.
TEST_F(OperationTest, WithAnIdReportTheirOutcome) {
  Accept({Reserve(Reserved("cpus", 1), "op")});
  const std::vector<link::Event> applied = Applied();
  ASSERT_THAT(applied, SizeIs(1));
  EXPECT_EQ(h.Metric("operations/reserve/pending"), 1);

  Call ask;
  ask.set_type(Call::RECONCILE_OPERATIONS);
  ask.mutable_reconcile_operations()->add_operations()->mutable_operation_id()->set_value("op");
  h.Make(scheduler, ask);
  EXPECT_EQ(Statuses().at(0).state(), v1::OPERATION_PENDING);

  Outcome(applied[0], v1::OPERATION_FINISHED, 'a');
  const std::vector<v1::OperationStatus> statuses = Statuses();
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::OPERATION_FINISHED);
  EXPECT_EQ(statuses[0].operation_id().value(), "op");
  EXPECT_EQ(statuses[0].agent_id().value(), node.id);
  EXPECT_EQ(h.Metric("operations/reserve/finished"), 1);
  EXPECT_EQ(h.Metric("operations/reserve/pending"), 0);
  EXPECT_EQ(h.Metric("operations/total"), 1);

  // Implicit reconciliation sends the status without asking for an acknowledgement.
  ask.clear_reconcile_operations();
  ask.mutable_reconcile_operations();
  h.Make(scheduler, ask);
  const std::vector<v1::OperationStatus> known = Statuses();
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_FALSE(known[0].has_uuid());

  AcknowledgeOperation("op", 'b', node.id);
  AcknowledgeOperation("nop", 'a', node.id);
  AcknowledgeOperation("op", 'a', "m-S9");
  EXPECT_EQ(h.Metric("invalid_operation_status_update_acknowledgements"), 3);
  AcknowledgeOperation("op", 'a', node.id);
  const std::vector<link::Event> acknowledged =
      h.Take(node, link::Event::OPERATION_ACKNOWLEDGEMENT);
  ASSERT_THAT(acknowledged, SizeIs(1));
  EXPECT_EQ(acknowledged[0].operation_acknowledgement().operation_uuid(),
            applied[0].apply_operation().operation_uuid());
  EXPECT_EQ(acknowledged[0].operation_acknowledgement().status_uuid(), std::string(16, 'a'));
  h.Make(scheduler, ask);
  EXPECT_THAT(Statuses(), IsEmpty());
}

TEST_F(OperationTest, AnIdIsUsedByOneOperationAtATime) {
  Accept({Reserve(Reserved("cpus", 1), "op"), Reserve(Reserved("cpus", 1), "op")});
  const std::vector<v1::OperationStatus> statuses = Statuses();
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::OPERATION_ERROR);
  EXPECT_THAT(Applied(), SizeIs(1));
}

TEST_F(OperationTest, WithoutIdEndSilently) {
  Accept({Reserve(Reserved("cpus", 1))});
  const std::vector<link::Event> applied = Applied();
  Outcome(applied.at(0), v1::OPERATION_FINISHED);
  EXPECT_THAT(Statuses(), IsEmpty());
  EXPECT_EQ(h.Metric("operations/reserve/finished"), 1);
  EXPECT_EQ(h.Metric("valid_operation_status_updates"), 1);
  Outcome(applied[0], v1::OPERATION_FINISHED);  // Forgotten by now.
  EXPECT_EQ(h.Metric("invalid_operation_status_updates"), 1);
}

TEST_F(OperationTest, ThatAreInvalidAreErrorsAndTheRestGoesOn) {
  Accept({Reserve(Reserved("cpus", 100), "big"), Reserve(Reserved("cpus", 1, "other"), "foreign"),
          Destroy(Volume(1, "none"), "none"), Reserve(Reserved("cpus", 1), "good")});
  const std::vector<v1::OperationStatus> statuses = Statuses();
  ASSERT_THAT(statuses, SizeIs(3));
  for (const v1::OperationStatus& status : statuses) {
    EXPECT_EQ(status.state(), v1::OPERATION_ERROR);
    EXPECT_THAT(status.message(), HasSubstr(node.id));
  }
  EXPECT_THAT(Applied(), SizeIs(1));
  EXPECT_EQ(Total().Reserved().Scalar(ResourceNames::Cpus()), Amount::FromDouble(1));
}

// An operation that the agent could not perform is undone: its total is as before, and offers that
// show the result are rescinded.
TEST_F(OperationTest, ThatFailAreReverted) {
  const Resources before = Total();
  Accept({Reserve(Reserved("cpus", 1), "op")});
  ASSERT_THAT(h.Offers(scheduler), SizeIs(1));
  Outcome(Applied().at(0), v1::OPERATION_FAILED, 'a');
  const std::vector<Event> events = h.Take(scheduler);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].type(), Event::RESCIND);
  EXPECT_EQ(events[1].update_operation_status().status().state(), v1::OPERATION_FAILED);
  EXPECT_EQ(Total(), before);
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_TRUE(Parse(offers[0].resources()).Reserved().empty());
}

TEST_F(OperationTest, OfRemovedFrameworksAreAcknowledgedByTheMaster) {
  Accept({Reserve(Reserved("cpus", 1), "op")});
  const std::vector<link::Event> applied = Applied();
  h.Make(scheduler, Call::TEARDOWN);
  h.Take(node);
  Outcome(applied.at(0), v1::OPERATION_FINISHED, 'a');
  EXPECT_THAT(h.Take(node, link::Event::OPERATION_ACKNOWLEDGEMENT), SizeIs(1));
}

TEST_F(OperationTest, OfLostAgentsAreUnreachable) {
  Accept({Reserve(Reserved("cpus", 1), "op")});
  h.clock.Advance(std::chrono::seconds(80));
  const std::vector<v1::OperationStatus> statuses = Statuses();
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::OPERATION_UNREACHABLE);
  EXPECT_EQ(h.Metric("operations/reserve/unreachable"), 1);
  EXPECT_EQ(h.Metric("operations/reserve/pending"), 0);
}

TEST_F(OperationTest, ThatNeverReachedTheAgentAreReconciled) {
  Accept({Reserve(Reserved("cpus", 1), "op")});
  const std::vector<link::Event> lost = Applied();
  h.Leave(node);
  ASSERT_TRUE(h.Rejoin(&node));  // It reserved nothing: its total is that of its flags.
  const std::vector<link::Event> asked = h.Take(node, link::Event::RECONCILE_OPERATIONS);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].reconcile_operations().operation_uuids(0),
            lost.at(0).apply_operation().operation_uuid());
  EXPECT_TRUE(Total().Reserved().empty());
  Outcome(lost[0], v1::OPERATION_DROPPED);
  EXPECT_EQ(Statuses().at(0).state(), v1::OPERATION_DROPPED);
  EXPECT_EQ(Total().Scalar(ResourceNames::Cpus()), Amount::FromDouble(4));
}

TEST_F(OperationTest, AgentsThatComeBackKeepWhatWasReserved) {
  Accept({Reserve(Reserved("disk", 64)), Create(Volume(64, "v"))});
  const Resources total = Total();
  h.Leave(node);
  *node.subscribe.add_checkpointed_resources() = Volume(64, "v");
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(Total(), total);
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_EQ(Parse(offers[0].resources()).PersistentVolumes().size(), 1u);
}

TEST_F(OperationTest, VolumesGrowAndShrink) {
  Accept({Reserve(Reserved("disk", 100)), Create(Volume(64, "v"))});
  Operation grow;
  grow.set_type(Operation::GROW_VOLUME);
  *grow.mutable_grow_volume()->mutable_volume() = Volume(64, "v");
  *grow.mutable_grow_volume()->mutable_addition() = Reserved("disk", 36);
  // The grown volume cannot be used in the same ACCEPT.
  v1::TaskInfo task = MasterHarness::Task(node, "t");
  *task.add_resources() = Volume(100, "v");
  Accept({grow, MasterHarness::LaunchOf({task})});
  ASSERT_THAT(h.TakeStatuses(scheduler), SizeIs(1));
  EXPECT_EQ(Total().PersistentVolumes().Scalar(ResourceNames::Disk()), Amount::FromDouble(100));

  Operation shrink;
  shrink.set_type(Operation::SHRINK_VOLUME);
  *shrink.mutable_shrink_volume()->mutable_volume() = Volume(100, "v");
  shrink.mutable_shrink_volume()->mutable_subtract()->set_value(80);
  Accept({shrink});
  EXPECT_EQ(Total().PersistentVolumes().Scalar(ResourceNames::Disk()), Amount::FromDouble(20));
  EXPECT_EQ(Total().Scalar(ResourceNames::Disk()), Amount::FromDouble(1024));
}

TEST_F(OperationTest, VolumesInUseAreNotDestroyed) {
  v1::TaskInfo task = MasterHarness::Task(node, "t");
  *task.add_resources() = Volume(64, "v");
  Accept({Reserve(Reserved("disk", 64)), Create(Volume(64, "v")), MasterHarness::LaunchOf({task}),
          Destroy(Volume(64, "v"), "op")});
  EXPECT_EQ(Statuses().at(0).state(), v1::OPERATION_ERROR);
  EXPECT_EQ(Total().PersistentVolumes().size(), 1u);
}

TEST_F(OperationTest, ReservationsMoveToAnotherRole) {
  v1::FrameworkInfo info = scheduler.info;
  info.add_roles("s");
  Call update;
  update.set_type(Call::UPDATE_FRAMEWORK);
  *update.mutable_update_framework()->mutable_framework_info() = info;
  ASSERT_TRUE(h.Make(scheduler, update));
  Accept({Reserve(Reserved("cpus", 1))});
  Operation move = Reserve(Reserved("cpus", 1, "r/sub"));
  *move.mutable_reserve()->add_source() = Reserved("cpus", 1);
  const size_t before = Total().Reserved().size();
  EXPECT_EQ(before, 1u);
  h.Make(scheduler, MasterHarness::AcceptCall(h.Offers(scheduler), {move}));
  // The validation tests check whether this is allowed; either way nothing is lost.
  EXPECT_EQ(Total().Scalar(ResourceNames::Cpus()), Amount::FromDouble(4));
}

struct SharedVolumeTest : OperationTest {
  static v1::FrameworkInfo SharingInfo() {
    v1::FrameworkInfo info = MasterHarness::Info();
    info.add_capabilities()->set_type(Capability::SHARED_RESOURCES);
    return info;
  }
  SharedVolumeTest() : OperationTest(SharingInfo()) {}
};

// Reference 2.11: uses of a shared persistent volume are counted; any number of tasks may use it.
TEST_F(SharedVolumeTest, ServeManyTasksAtOnce) {
  v1::TaskInfo a = MasterHarness::Task(node, "a");
  v1::TaskInfo b = MasterHarness::Task(node, "b");
  *a.add_resources() = Volume(64, "v", true);
  *b.add_resources() = Volume(64, "v", true);
  Accept({Reserve(Reserved("disk", 64)), Create(Volume(64, "v", true)),
          MasterHarness::LaunchOf({a, b})});
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(2));
  h.Report(node, scheduler, "a", v1::TASK_FINISHED);
  EXPECT_EQ(h.Read(node).used.Shared().size(), 1u);
  h.Report(node, scheduler, "b", v1::TASK_FINISHED);
  EXPECT_TRUE(h.Read(node).used.empty());
}

TEST(Operations, OnAgentsWithoutFeedback) {
  MasterHarness h;
  link::Call::Subscribe machine = MasterHarness::Machine();
  machine.clear_capabilities();
  for (const auto type :
       {v1::AgentInfo::Capability::MULTI_ROLE, v1::AgentInfo::Capability::HIERARCHICAL_ROLE,
        v1::AgentInfo::Capability::RESERVATION_REFINEMENT}) {
    machine.add_capabilities()->set_type(type);
  }
  const Node node = h.Join(machine);
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler,
         MasterHarness::AcceptCall(h.Offers(scheduler), {Reserve(Reserved("cpus", 1)),
                                                         Reserve(Reserved("cpus", 1), "op")}));
  const std::vector<Event> events = h.Take(scheduler, Event::UPDATE_OPERATION_STATUS);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].update_operation_status().status().operation_id().value(), "op");
  EXPECT_EQ(events[0].update_operation_status().status().state(), v1::OPERATION_ERROR);
  EXPECT_THAT(h.Take(node, link::Event::APPLY_OPERATION), SizeIs(1));
  EXPECT_EQ(h.Metric("operations/reserve/finished"), 1);
}

}  // namespace
}  // namespace tepui::master
