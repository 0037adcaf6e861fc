#include <gmock/gmock.h>

#include "agent/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::HasSubstr;
using Operation = v1::Offer::Operation;

// Reference 2.4.
class OperationsTest : public AgentTest {
 protected:
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

  // A new master hears of them.
  SubscribeAgain();
  EXPECT_EQ(LastSubscription().checkpointed_resources_size(), 2);
  EXPECT_EQ(LastSubscription().info().resources_size(), 3) << "as the flags say";
}

TEST_F(OperationsTest, DestroyRemovesTheData) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  Operation destroy;
  destroy.set_type(Operation::DESTROY);
  *destroy.mutable_destroy()->add_volumes() = Volume(40);
  Apply(destroy, "u3");
  EXPECT_EQ(Updates()[2].status().state(), v1::OPERATION_FINISHED);
  EXPECT_TRUE(disk.Removed("/w/volumes/roles/web/v1"));
  EXPECT_TRUE(agent->Snapshot()->total.PersistentVolumes().empty());
}

// The operations of one call follow each other faster than data goes.
TEST_F(OperationsTest, DestroyDoesNotRemoveTheDataOfTheNextVolume) {
  Register();
  Apply(Reserve(100), "u1");
  Apply(Create(40), "u2");
  Operation destroy;
  destroy.set_type(Operation::DESTROY);
  *destroy.mutable_destroy()->add_volumes() = Volume(40);
  link::Event event;
  event.set_type(link::Event::APPLY_OPERATION);
  event.mutable_apply_operation()->mutable_framework_id()->set_value(kFramework);
  event.mutable_apply_operation()->set_operation_uuid("u3");
  *event.mutable_apply_operation()->mutable_info() = destroy;
  agent->OnMasterEvent(event);
  Apply(Create(60), "u4");
  EXPECT_THAT(disk.removed, testing::IsEmpty());
}

TEST_F(OperationsTest, WithAnIdAreToldUntilAcknowledged) {
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

TEST_F(OperationsTest, AVolumeWithoutADirectoryIsNone) {
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
