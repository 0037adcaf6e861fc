// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/launch_plan.h"

#include <gtest/gtest.h>

#include "resources/resources.h"

namespace tepui::containers {
namespace {

TEST(LaunchPlan, TheDiskOfTheSandbox) {
  const auto disk = [](const std::string& text) { return DiskOf(*Resources::Parse(text)); };
  EXPECT_EQ(disk("cpus:1;mem:32"), std::nullopt);
  EXPECT_EQ(disk("disk:32"), uint64_t{32} << 20);
  EXPECT_EQ(disk("disk:0.5;disk(role):1"), (uint64_t{3} << 20) / 2);
  EXPECT_EQ(disk("disk:1000000000000"), uint64_t{1'000'000'000'000} << 20);
}

TEST(LaunchPlan, VolumesAndDisksOfTheirOwnAreNotTheSandboxes) {
  v1::Resource volume;
  volume.set_name("disk");
  volume.set_type(v1::Value::SCALAR);
  volume.mutable_scalar()->set_value(64);
  auto* reservation = volume.add_reservations();
  reservation->set_type(v1::Resource::ReservationInfo::STATIC);
  reservation->set_role("role");
  volume.mutable_disk()->mutable_persistence()->set_id("id");
  volume.mutable_disk()->mutable_volume()->set_container_path("data");
  volume.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  Resources resources = *Resources::Parse("disk:1");
  resources += *Resource::FromProto(volume);
  EXPECT_EQ(DiskOf(resources), uint64_t{1} << 20);
}

}  // namespace
}  // namespace tepui::containers
