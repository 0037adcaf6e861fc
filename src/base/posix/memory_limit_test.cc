// SPDX-License-Identifier: Apache-2.0
#include "base/posix/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/testing/temporary_directory.h"

namespace tepui {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

TEST(MemoryLimit, TheLeastOfACgroupAndThoseAbove) {
  const TemporaryDirectory dir;
  const std::string mount = dir.path();
  std::filesystem::create_directories(mount + "/a/b");
  EXPECT_EQ(CgroupMemoryLimit(mount, "/a/b", "memory.max"), kNone);
  std::ofstream(mount + "/memory.max") << "max\n";
  std::ofstream(mount + "/a/memory.max") << "1000\n";
  std::ofstream(mount + "/a/b/memory.max") << "2000\n";
  EXPECT_EQ(CgroupMemoryLimit(mount, "/a/b", "memory.max"), 1000u);
  EXPECT_EQ(CgroupMemoryLimit(mount, "/a", "memory.max"), 1000u);
  EXPECT_EQ(CgroupMemoryLimit(mount, "/", "memory.max"), kNone);
  std::ofstream(mount + "/a/b/memory.max") << "500\n";
  EXPECT_EQ(CgroupMemoryLimit(mount, "/a/b", "memory.max"), 500u);
  // A container may see the path of the machine, which it does not have.
  EXPECT_EQ(CgroupMemoryLimit(mount, "/other/x", "memory.max"), kNone);
}

TEST(MemoryLimit, KnowsTheMachine) {
  EXPECT_GT(MemoryLimit(), 1U << 20);
  EXPECT_LT(MemoryLimit(), kNone);
}

}  // namespace
}  // namespace tepui
