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
using testing::Pair;
using testing::StartsWith;
using Operation = v1::Offer::Operation;

// Reference 2.4.
class OperationsTest : public AgentTest {
 protected:
  static constexpr char kVolume[] = "/w/volumes/roles/web/v1";

  static v1::Resource Reserved(double disk_mb) {
    v1::Resource resource;
    resource.set_name("disk");
    resource.set_type(v1::Value::SCALAR);
    resource.mutable_scalar()->set_value(disk_mb);
    resource.mutable_allocation_info()->set_role("web");
    auto* reservation = resource.add_reservations();
    reservation->set_type(v1::Resource::ReservationInfo::DYNAMIC);
    reservation->set_role("web");
    return resource;
  }
  static v1::Resource Volume(double disk_mb) {
    v1::Resource volume = Reserved(disk_mb);
    volume.mutable_disk()->mutable_persistence()->set_id("v1");
    volume.mutable_disk()->mutable_volume()->set_container_path("data");
    volume.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
    return volume;
  }
  static Operation Reserve(double disk_mb) {
    Operation operation;
    operation.set_type(Operation::RESERVE);
    *operation.mutable_reserve()->add_resources() = Reserved(disk_mb);
    return operation;
  }
  static Operation Create(double disk_mb) {
    Operation operation;
    operation.set_type(Operation::CREATE);
    *operation.mutable_create()->add_volumes() = Volume(disk_mb);
    return operation;
  }

  static Operation Destroy(double disk_mb) {
    Operation operation;
    operation.set_type(Operation::DESTROY);
    *operation.mutable_destroy()->add_volumes() = Volume(disk_mb);
    return operation;
  }

  void Apply(const Operation& operation, const std::string& uuid, const std::string& version = "") {
    link::Event event;
    event.set_type(link::Event::APPLY_OPERATION);
    event.mutable_apply_operation()->mutable_framework_id()->set_value(kFramework);
    event.mutable_apply_operation()->set_operation_uuid(uuid);
    *event.mutable_apply_operation()->mutable_info() = operation;
    if (!version.empty()) event.mutable_apply_operation()->set_resource_version_uuid(version);
    agent->OnMasterEvent(event);
    clock.Settle();
  }
  std::vector<link::Call::OperationUpdate> Updates() const {
    std::vector<link::Call::OperationUpdate> out;
    for (const link::Call& call : links.Of(link::Call::OPERATION_UPDATE)) {
      out.push_back(call.operation_update());
    }
    return out;
  }
  void SubscribeAgain() {
    agent->OnMasterDisconnected("reset");
    clock.Advance(seconds(1));
    Subscribed();
  }
  // Every save takes `delay`.
  void RegisterWithASlowDisk(Duration delay) {
    StartAgent(delay);
    clock.Advance(5 * delay);
    Register();
    clock.Advance(5 * delay);
  }
  void MakeVolumeOnASlowDisk() {
    RegisterWithASlowDisk(seconds(1));
    Apply(Reserve(100), "u1");
    clock.Advance(seconds(2));
    Apply(Create(40), "u2");
    clock.Advance(seconds(2));
    disk.data[kVolume] = "secret";
  }
  const link::Call::Subscribe& LastSubscription() const { return links.subscriptions.back(); }
};

TEST_F(OperationsTest, ShapeTheAgentsResources) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  ASSERT_EQ(Updates().size(), 2u);
  EXPECT_EQ(Updates()[0].status().state(), v1::OPERATION_FINISHED);
  EXPECT_EQ(Updates()[0].operation_uuid(), "u1");
  EXPECT_EQ(Updates()[0].framework_id().value(), kFramework);
  EXPECT_FALSE(Updates()[0].status().has_uuid()) << "nobody asked for feedback";
  EXPECT_TRUE(disk.directories.contains("/w/volumes/roles/web/v1"));
  const Resources total = agent->Snapshot()->total;
  EXPECT_EQ(total.PersistentVolumes().Scalar(ResourceNames::Disk()).milli(), 40'000);
  EXPECT_EQ(total.ReservedTo("web").Scalar(ResourceNames::Disk()).milli(), 100'000);
  EXPECT_EQ(total.Scalar(ResourceNames::Disk()).milli(), 10'000'000);

  // They are reported to a new master.
  SubscribeAgain();
  EXPECT_EQ(LastSubscription().checkpointed_resources_size(), 2);
  EXPECT_EQ(LastSubscription().info().resources_size(), 3) << "as the flags say";
}

// The agent commits the DESTROY, then moves the data away, then sends the outcome, then removes the
// data.
TEST_F(OperationsTest, DataOfADestroyedVolumeIsMovedBeforeTheOutcomeIsReported) {
  MakeVolumeOnASlowDisk();
  disk.slow = true;
  size_t told_before_move = 0;
  disk.before_move = [&] {
    told_before_move = Updates().size();
    EXPECT_THAT(SavedKeys(), Contains(StartsWith("destroyed/")));
  };
  Apply(Destroy(40), "u3");
  EXPECT_EQ(disk.data[kVolume], "secret") << "it is not saved yet";
  EXPECT_TRUE(agent->Snapshot()->total.PersistentVolumes().empty());
  clock.Advance(seconds(2));
  EXPECT_EQ(told_before_move, 2u);
  ASSERT_EQ(Updates().size(), 3u);
  EXPECT_EQ(Updates()[2].status().state(), v1::OPERATION_FINISHED);
  EXPECT_FALSE(disk.data.contains(kVolume));
  EXPECT_EQ(disk.data.size(), 1u) << "moved, and not removed yet";

  // Another volume can be created there at once.
  Apply(Create(60), "u4");
  clock.Advance(seconds(2));
  ASSERT_EQ(Updates().size(), 4u);
  EXPECT_EQ(Updates()[3].status().state(), v1::OPERATION_FINISHED);
  EXPECT_TRUE(disk.directories.contains(kVolume));
  disk.data[kVolume] = "of the next";
  disk.FinishRemovals();
  EXPECT_THAT(disk.data, ElementsAre(Pair(kVolume, "of the next")));
  clock.Advance(seconds(2));
  EXPECT_THAT(SavedKeys(), Not(Contains(StartsWith("destroyed/"))));
}

// The operations of one call follow each other faster than they are saved.
TEST_F(OperationsTest, WhatFollowsADestroyWaitsForIt) {
  MakeVolumeOnASlowDisk();
  Apply(Destroy(40), "u3");
  Apply(Create(60), "u4");
  v1::TaskInfo task = Task("t1");
  *task.add_resources() = Volume(60);
  Run(task);
  Ping();
  EXPECT_EQ(links.Of(link::Call::PONG).size(), 1u)
      << "the master must not miss the agent meanwhile";
  EXPECT_THAT(containerizer.order, IsEmpty());
  clock.Advance(seconds(1));
  EXPECT_THAT(containerizer.order, IsEmpty()) << "the volume might still come to nothing";
  EXPECT_FALSE(disk.data.contains(kVolume));
  clock.Advance(seconds(2));
  ASSERT_EQ(containerizer.order.size(), 1u);
  EXPECT_TRUE(disk.directories.contains(kVolume));
  EXPECT_FALSE(disk.data.contains(kVolume));
}

TEST_F(OperationsTest, MessagesThatWaitForAnOperationBelongToTheirLink) {
  RegisterWithASlowDisk(seconds(1));
  Apply(Reserve(100), "u1");
  Apply(Reserve(50), "u2");
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(5));
  Subscribed();
  Apply(Reserve(25), "u3");
  clock.Advance(seconds(5));
  std::vector<std::string> done;
  for (const auto& update : Updates()) done.push_back(update.operation_uuid());
  EXPECT_THAT(done, ElementsAre("u1", "u3")) << "the master has told anew what it wants";
}

TEST_F(OperationsTest, AnAcknowledgementDoesNotWaitForAnOperation) {
  RegisterWithASlowDisk(seconds(5));
  Run(Task("t1"));
  containerizer.Start();
  const auto sent = Sent();
  ASSERT_THAT(States(sent), ElementsAre(v1::TASK_STARTING));
  Apply(Reserve(100), "u1");
  Acknowledge(sent[0]);
  EXPECT_THAT(States(Sent()), ElementsAre(v1::TASK_RUNNING));
}

// If the kill waited and the task ended meanwhile, the agent would answer that the task never got
// here.
TEST_F(OperationsTest, AKillDoesNotWaitForAnOperation) {
  RegisterWithASlowDisk(seconds(5));
  Run(Task("t1"));
  containerizer.Start();
  Drain();
  Apply(Reserve(100), "u1");
  Kill("t1");
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  containerizer.End(SIGTERM);
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED));
  clock.Advance(seconds(10));
  EXPECT_THAT(Drain(), IsEmpty());
}

TEST_F(OperationsTest, AKillWaitsForItsLaunchAlone) {
  RegisterWithASlowDisk(seconds(5));
  Apply(Reserve(100), "u1");
  Run(Task("t1"));
  Apply(Reserve(50), "u2");
  Kill("t1");
  clock.Advance(seconds(6));
  EXPECT_EQ(Updates().size(), 1u);
  containerizer.Start();
  containerizer.End(SIGKILL);
  EXPECT_THAT(States(Drain()), Contains(v1::TASK_KILLED));
  clock.Advance(seconds(10));
  EXPECT_EQ(Updates().size(), 2u);
  EXPECT_THAT(Drain(), IsEmpty()) << "nothing is said of it behind its end";
}

TEST_F(OperationsTest, ASubscriptionReportsWhatIsSaved) {
  RegisterWithASlowDisk(seconds(5));
  links.subscriptions.clear();
  Apply(Reserve(100), "u1");
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(4));
  EXPECT_THAT(links.subscriptions, IsEmpty());
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 1u);
  EXPECT_EQ(LastSubscription().checkpointed_resources_size(), 1);
}

TEST_F(OperationsTest, WhatCannotBeMovedAsideBarsItsPlaceUntilItIsRemoved) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  disk.data[kVolume] = "secret";
  disk.move_error = Error{Code::kInternal, "Invalid cross-device link"};
  disk.slow = true;
  Apply(Destroy(40), "u3");
  EXPECT_EQ(Updates()[2].status().state(), v1::OPERATION_FINISHED) << "it is no volume any more";

  Apply(Create(60), "u4");
  EXPECT_EQ(Updates()[3].status().state(), v1::OPERATION_FAILED);
  EXPECT_THAT(Updates()[3].status().message(), HasSubstr("still holds data of a destroyed volume"));
  EXPECT_THAT(Updates()[3].status().message(), HasSubstr(kVolume));
  EXPECT_TRUE(agent->Snapshot()->total.PersistentVolumes().empty());

  disk.remove_error = Error{Code::kInternal, "Operation not permitted"};
  disk.FinishRemovals();
  SubscribeAgain();
  Apply(Create(60), "u5");
  EXPECT_EQ(Updates()[4].status().state(), v1::OPERATION_FAILED);
  EXPECT_THAT(Updates()[4].status().message(), HasSubstr("Operation not permitted"));

  disk.remove_error.reset();
  SubscribeAgain();
  Pass(seconds(10));
  disk.FinishRemovals();
  Apply(Create(60), "u6");
  EXPECT_EQ(Updates()[5].status().state(), v1::OPERATION_FINISHED);
  EXPECT_THAT(disk.data, IsEmpty());
}

TEST_F(OperationsTest, AWholeDiskIsEmptiedBeforeItsNextVolume) {
  v1::Resource mount = Reserved(500);
  mount.clear_allocation_info();
  mount.mutable_reservations(0)->set_type(v1::Resource::ReservationInfo::STATIC);
  mount.mutable_disk()->mutable_source()->set_type(v1::Resource::DiskInfo::Source::MOUNT);
  mount.mutable_disk()->mutable_source()->mutable_mount()->set_root("/mnt/d1");
  *options.info.add_resources() = mount;
  Register();
  Operation create = Create(500);
  v1::Resource& volume = *create.mutable_create()->mutable_volumes(0);
  *volume.mutable_reservations() = mount.reservations();
  *volume.mutable_disk()->mutable_source() = mount.disk().source();
  Operation destroy;
  destroy.set_type(Operation::DESTROY);
  *destroy.mutable_destroy()->add_volumes() = volume;
  Apply(create, "u1");
  ASSERT_EQ(Updates()[0].status().state(), v1::OPERATION_FINISHED)
      << Updates()[0].status().message();
  disk.data["/mnt/d1"] = "secret";
  disk.slow = true;
  Apply(destroy, "u2");
  EXPECT_EQ(Updates()[1].status().state(), v1::OPERATION_FINISHED);
  Apply(create, "u3");
  EXPECT_EQ(Updates()[2].status().state(), v1::OPERATION_FAILED);
  EXPECT_THAT(Updates()[2].status().message(), HasSubstr("being removed"));

  // An agent that restarts meanwhile must refuse the CREATE as well.
  Restart();
  Register();
  Apply(create, "u4");
  EXPECT_EQ(Updates()[3].status().state(), v1::OPERATION_FAILED);
  disk.FinishRemovals();
  SubscribeAgain();
  Apply(create, "u5");
  EXPECT_EQ(Updates()[4].status().state(), v1::OPERATION_FINISHED);
  EXPECT_THAT(disk.data, IsEmpty());
  EXPECT_THAT(disk.removed, Not(Contains("/mnt/d1"))) << "it is not the agent's";
}

TEST_F(OperationsTest, TheDataGoesWithTheLastVolumeAtItsPlace) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  Apply(Create(30), "u3");
  disk.data[kVolume] = "of both";
  Apply(Destroy(40), "u4");
  EXPECT_EQ(disk.data[kVolume], "of both");
  Apply(Destroy(30), "u5");
  EXPECT_EQ(Updates().back().status().state(), v1::OPERATION_FINISHED);
  EXPECT_THAT(disk.data, IsEmpty());
}

// The agent is killed before or after the move of a DESTROY, and loses the steps that follow.
TEST_F(OperationsTest, AnAgentThatDiesGoesOnDestroying) {
  for (const bool moved : {false, true}) {
    SCOPED_TRACE(moved);
    Register();
    Apply(Reserve(100), "u1");
    Apply(Create(40), "u2");
    disk.data[kVolume] = "secret";
    disk.slow = true;
    Apply(Destroy(40), "u3");
    if (moved) {
      // The next volume exists already.
      Apply(Create(60), "u4");
      disk.data[kVolume] = "of the next";
    } else {
      // The machine lost the move, which was not flushed.
      disk.data[kVolume] = std::exchange(disk.data, {}).begin()->second;
    }
    disk.removals.clear();
    Restart();
    EXPECT_EQ(disk.data.contains(kVolume), moved) << "before a master is met";
    disk.FinishRemovals();
    clock.Settle();
    if (moved) {
      EXPECT_THAT(disk.data, ElementsAre(Pair(kVolume, "of the next")));
    } else {
      EXPECT_THAT(disk.data, IsEmpty());
    }
    EXPECT_THAT(SavedKeys(), Not(Contains(StartsWith("destroyed/"))));
    EndAgent();
    *saved = {};
    disk.data.clear();
  }
}

// A disk is smaller after a repair: a reservation that no longer fits can only be dropped.
TEST_F(OperationsTest, WhatNoLongerFitsIsDroppedOnRequestOnly) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  for (v1::Resource& resource : *options.info.mutable_resources()) {
    if (resource.name() == "disk") resource.mutable_scalar()->set_value(45);
  }
  options.boot_id = "after the repair";
  Restart();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_THAT(exits[0].error().message, HasSubstr("--recover=cleanup"));

  exits.clear();
  options.recover = Options::Recover::kCleanup;
  Restart();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_TRUE(exits[0]) << exits[0].error().message;
  exits.clear();
  options.recover = Options::Recover::kReconnect;
  Restart();
  Register();
  EXPECT_THAT(exits, IsEmpty());
  ASSERT_EQ(LastSubscription().checkpointed_resources_size(), 1);
  EXPECT_EQ(LastSubscription().checkpointed_resources(0).disk().persistence().id(), "v1")
      << "what fits is kept";
}

TEST_F(OperationsTest, WithAnIdAreReportedUntilAcknowledged) {
  Register();
  Operation reserve = Reserve(100);
  reserve.mutable_id()->set_value("op");
  Apply(reserve, "u1");
  ASSERT_EQ(Updates().size(), 1u);
  const v1::OperationStatus status = Updates()[0].status();
  EXPECT_EQ(status.operation_id().value(), "op");
  EXPECT_EQ(status.agent_id().value(), kAgent);
  EXPECT_EQ(status.uuid().value().size(), 16u);
  clock.Advance(seconds(10));
  EXPECT_EQ(Updates().size(), 2u);
  SubscribeAgain();
  ASSERT_EQ(LastSubscription().operations_size(), 1);
  EXPECT_EQ(LastSubscription().operations(0).latest_status().state(), v1::OPERATION_FINISHED);
  EXPECT_EQ(Updates().size(), 3u) << "at once to a new master";

  link::Event event;
  event.set_type(link::Event::OPERATION_ACKNOWLEDGEMENT);
  event.mutable_operation_acknowledgement()->set_operation_uuid("u1");
  event.mutable_operation_acknowledgement()->set_status_uuid("other");
  agent->OnMasterEvent(event);
  clock.Advance(seconds(10));
  EXPECT_EQ(Updates().size(), 4u);
  event.mutable_operation_acknowledgement()->set_status_uuid(status.uuid().value());
  agent->OnMasterEvent(event);
  Pass(minutes(10));
  EXPECT_EQ(Updates().size(), 4u);
}

TEST_F(OperationsTest, ThatDoNotFitFailAndTheMasterLearnsTheTruth) {
  Register();
  const std::string version = links.subscriptions[0].resource_version_uuid();
  const Resources before = agent->Snapshot()->total;
  Apply(Reserve(20'000), "u1", version);
  ASSERT_EQ(Updates().size(), 1u);
  EXPECT_EQ(Updates()[0].status().state(), v1::OPERATION_FAILED);
  EXPECT_FALSE(Updates()[0].status().message().empty());
  EXPECT_EQ(agent->Snapshot()->total, before);
  EXPECT_EQ(links.disconnects, 1);
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 2u);
  EXPECT_NE(links.subscriptions[1].resource_version_uuid(), version);
  Subscribed();
  Apply(Reserve(10), "u2", version);
  EXPECT_EQ(Updates()[1].status().state(), v1::OPERATION_DROPPED) << "made from what was not so";
}

TEST_F(OperationsTest, AVolumeWhoseDirectoryCannotBeMadeIsNotCreated) {
  Register();
  Apply(Reserve(100), "u1");
  disk.error = Error{Code::kInternal, "No space left on device"};
  Apply(Create(40), "u2");
  EXPECT_EQ(Updates()[1].status().state(), v1::OPERATION_FAILED);
  EXPECT_THAT(Updates()[1].status().message(), HasSubstr("No space left"));
  EXPECT_TRUE(agent->Snapshot()->total.PersistentVolumes().empty());
}

TEST_F(OperationsTest, AreReconciled) {
  Register();
  Operation reserve = Reserve(100);
  reserve.mutable_id()->set_value("op");
  Apply(reserve, "u1");
  link::Event event;
  event.set_type(link::Event::RECONCILE_OPERATIONS);
  event.mutable_reconcile_operations()->add_operation_uuids("u1");
  event.mutable_reconcile_operations()->add_operation_uuids("unknown");
  agent->OnMasterEvent(event);
  ASSERT_EQ(Updates().size(), 3u);
  EXPECT_EQ(Updates()[1].status().state(), v1::OPERATION_FINISHED);
  EXPECT_EQ(Updates()[2].status().state(), v1::OPERATION_DROPPED);
  EXPECT_EQ(Updates()[2].operation_uuid(), "unknown");
}

TEST_F(OperationsTest, DeliveredTwiceAreDoneOnce) {
  Register();
  Operation reserve = Reserve(6000);
  reserve.mutable_id()->set_value("op");
  Apply(reserve, "u1");
  Apply(reserve, "u1");
  EXPECT_EQ(Updates().size(), 1u);
  EXPECT_EQ(links.disconnects, 0);
}

}  // namespace
}  // namespace tepui::agent
