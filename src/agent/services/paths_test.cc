// SPDX-License-Identifier: Apache-2.0
#include "agent/services/paths.h"

#include <gtest/gtest.h>

namespace tepui::agent {
namespace {

v1::Resource Volume(const std::string& role, const std::string& id) {
  v1::Resource volume;
  volume.set_name("disk");
  volume.set_type(v1::Value::SCALAR);
  volume.mutable_scalar()->set_value(10);
  volume.add_reservations()->set_role("eng");
  volume.add_reservations()->set_role(role);
  volume.mutable_disk()->mutable_persistence()->set_id(id);
  return volume;
}

// The layout is that of reference 5.1.
TEST(PathsTest, SandboxPathsAreThoseOfMesos) {
  const std::string executor = ExecutorPath("/w", AgentId("A"), FrameworkId("F"), ExecutorId("e"));
  EXPECT_EQ(executor, "/w/slaves/A/frameworks/F/executors/e");
  EXPECT_EQ(RunPath(executor, ContainerId("c")), executor + "/runs/c");
  EXPECT_EQ(LatestRunPath(executor), executor + "/runs/latest");
  EXPECT_EQ(NestedSandboxPath("/s", ContainerId("c.d")), "/s/containers/d");
  EXPECT_EQ(TaskLinkPath("/s", TaskId("t")), "/s/tasks/t");
}

TEST(PathsTest, VolumesLieUnderTheirLastRoleWrittenFlat) {
  EXPECT_EQ(*VolumePath("/w", Volume("eng/web", "v1")), "/w/volumes/roles/eng web/v1");
}

TEST(PathsTest, VolumesOfDisksLieUnderTheirRoot) {
  v1::Resource volume = Volume("r", "v");
  v1::Resource::DiskInfo::Source* source = volume.mutable_disk()->mutable_source();
  source->set_type(v1::Resource::DiskInfo::Source::PATH);
  EXPECT_FALSE(VolumePath("/w", volume));
  source->mutable_path()->set_root("/mnt/a");
  EXPECT_EQ(*VolumePath("/w", volume), "/mnt/a/volumes/roles/r/v");
  source->mutable_path()->set_root("disks/a");
  EXPECT_EQ(*VolumePath("/w", volume), "/w/disks/a/volumes/roles/r/v");
  source->set_type(v1::Resource::DiskInfo::Source::MOUNT);
  source->mutable_mount()->set_root("/mnt/b");
  EXPECT_EQ(*VolumePath("/w", volume), "/mnt/b");
}

TEST(PathsTest, VolumeIdsThatLeaveTheDirectoryAreRefused) {
  EXPECT_FALSE(VolumePath("/w", Volume("r", "..")));
  EXPECT_FALSE(VolumePath("/w", Volume("r", "a/b")));
  EXPECT_FALSE(VolumePath("/w", Volume("r", "")));
  EXPECT_FALSE(VolumePath("/w", Volume("..", "v")));
}

TEST(PathsTest, InnerPathsStayInside) {
  EXPECT_TRUE(IsInnerPath("data"));
  EXPECT_TRUE(IsInnerPath("a/b..c/d"));
  for (const char* path : {"", "/a", "..", "a/../b", "a/..", ".", "a/."}) {
    EXPECT_FALSE(IsInnerPath(path)) << path;
  }
}

}  // namespace
}  // namespace tepui::agent
