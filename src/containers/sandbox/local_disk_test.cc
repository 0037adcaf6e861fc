// SPDX-License-Identifier: Apache-2.0
#include "containers/sandbox/local_disk.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "base/event_loop.h"
#include "base/testing/processes.h"
#include "base/testing/temporary_directory.h"
#include "containers/host/detect.h"

namespace tepui::containers {
namespace {

class LocalDiskTest : public testing::Test {
 protected:
  static bool Exists(const std::string& path) {
    struct stat about;
    return lstat(path.c_str(), &about) == 0;
  }

  static struct stat About(const std::string& path) {
    struct stat about = {};
    EXPECT_EQ(lstat(path.c_str(), &about), 0) << path;
    return about;
  }

  TemporaryDirectory directory_;
  const std::string& root_ = directory_.path();
  EventLoop loop_{"agent"};
  LocalDisk disk_{[this](auto work) { loop_.Post(std::move(work)); }, std::make_shared<Users>(),
                  std::make_shared<const Roots>(std::vector{root_, root_ + "/mnt"})};
};

TEST_F(LocalDiskTest, CreatesASandboxAndTheLinkToIt) {
  std::string sandbox = root_ + "/a/b/runs/1";
  std::string link = root_ + "/a/b/runs/latest";
  ASSERT_TRUE(disk_.CreateDirectory({.path = sandbox, .link = link}));
  ASSERT_TRUE(disk_.CreateDirectory({.path = root_ + "/a/b/runs/2", .link = link}));
  char target[PATH_MAX] = {};
  ASSERT_GT(readlink(link.c_str(), target, sizeof(target) - 1), 0);
  EXPECT_EQ(target, root_ + "/a/b/runs/2");
  struct stat about;
  ASSERT_EQ(stat(sandbox.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0750u);
  EXPECT_FALSE(disk_.CreateDirectory({.path = root_ + "/c", .user = "no-such-user"}));
  EXPECT_FALSE(Exists(root_ + "/c"));
}

TEST_F(LocalDiskTest, OthersPassThroughADirectoryThatIsPassable) {
  ASSERT_TRUE(disk_.CreateDirectory({.path = root_ + "/s", .passable = true}));
  EXPECT_EQ(About(root_ + "/s").st_mode & 07777, 0711u);
}

TEST_F(LocalDiskTest, LinksInASandboxReplaceLinksOnly) {
  const std::string sandbox = root_ + "/s";
  ASSERT_TRUE(disk_.CreateDirectory({.path = sandbox}));
  ASSERT_TRUE(disk_.LinkInSandbox(sandbox, "x/link", "/somewhere", std::nullopt));
  ASSERT_TRUE(disk_.LinkInSandbox(sandbox, "x/link", "/elsewhere", std::nullopt));
  EXPECT_EQ(std::filesystem::read_symlink(sandbox + "/x/link"), "/elsewhere");
  WriteText(sandbox + "/file", "precious");
  EXPECT_FALSE(disk_.LinkInSandbox(sandbox, "file", "/somewhere", std::nullopt));
  EXPECT_EQ(Contents(sandbox + "/file"), "precious");
}

TEST_F(LocalDiskTest, ALinkThatATaskPlantedLeadsNowhere) {
  const std::string sandbox = root_ + "/s";
  const std::string victim = root_ + "/victim";
  std::filesystem::create_directory(victim);
  ASSERT_TRUE(disk_.CreateDirectory({.path = sandbox}));
  std::filesystem::create_symlink(victim, sandbox + "/x");
  const Status linked = disk_.LinkInSandbox(sandbox, "x/service.d", "/volume", std::nullopt);
  ASSERT_FALSE(linked);
  EXPECT_THAT(linked.error().message, testing::HasSubstr("symbolic link"));
  EXPECT_FALSE(disk_.CreateDirectory({.path = sandbox + "/x/new"}));
  EXPECT_FALSE(disk_.List(sandbox + "/x"));
  EXPECT_FALSE(disk_.Move(sandbox + "/none", sandbox + "/x/moved"));
  EXPECT_TRUE(std::filesystem::is_empty(victim));
}

TEST_F(LocalDiskTest, LinksInASandboxAreMadeByItsUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string sandbox = root_ + "/s";
  ASSERT_TRUE(disk_.CreateDirectory({.path = sandbox, .user = "nobody"}));
  ASSERT_TRUE(disk_.LinkInSandbox(sandbox, "a/b", "/somewhere", "nobody"));
  EXPECT_EQ(About(sandbox + "/a").st_uid, 65534u);
  EXPECT_EQ(About(sandbox + "/a/b").st_uid, 65534u);
  std::filesystem::create_directory(sandbox + "/roots");  // 0755, and not the user's.
  EXPECT_FALSE(disk_.LinkInSandbox(sandbox, "roots/b", "/somewhere", "nobody"));
}

TEST_F(LocalDiskTest, TheDirectoryBelongsToTheUserAfterwards) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(disk_.CreateDirectory({.path = root_ + "/s"}));
  ASSERT_TRUE(disk_.CreateDirectory({.path = root_ + "/s", .user = "nobody"}));
  EXPECT_EQ(About(root_ + "/s").st_uid, 65534u);
}

TEST_F(LocalDiskTest, RemovesInTheBackgroundAndFollowsNoLink) {
  WriteText(root_ + "/outside", "stays");
  std::string tree = root_ + "/tree";
  ASSERT_TRUE(disk_.CreateDirectory({.path = tree + "/d/e"}));
  std::filesystem::create_symlink(root_, tree + "/d/up");
  std::filesystem::create_symlink(root_ + "/outside", tree + "/out");
  WriteText(tree + "/d/e/file", "");
  std::promise<Status> promise;
  loop_.Post([&] {
    disk_.Remove(tree, [&](Status removed) {
      EXPECT_TRUE(loop_.OnLoopThread());
      promise.set_value(removed);
    });
  });
  EXPECT_TRUE(promise.get_future().get());
  EXPECT_FALSE(Exists(tree));
  EXPECT_EQ(Contents(root_ + "/outside"), "stays");
}

TEST_F(LocalDiskTest, MovesADirectoryOnce) {
  const std::string volume = root_ + "/volumes/roles/web/v1";
  const std::string aside = root_ + "/volumes/destroyed/1";
  ASSERT_TRUE(disk_.CreateDirectory({.path = volume}));
  WriteText(volume + "/file", "secret");
  Status moved = disk_.Move(volume, aside);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_FALSE(Exists(volume));
  EXPECT_EQ(Contents(aside + "/file"), "secret");

  // Moves again, as after a crash.
  EXPECT_TRUE(disk_.Move(volume, aside));
  EXPECT_TRUE(disk_.Move(root_ + "/was/never/there", aside));
  EXPECT_EQ(Contents(aside + "/file"), "secret");

  // Moves again when something else has taken its place.
  ASSERT_TRUE(disk_.CreateDirectory({.path = volume}));
  WriteText(volume + "/file", "of the next");
  EXPECT_TRUE(disk_.Move(volume, aside));
  EXPECT_EQ(Contents(volume + "/file"), "of the next");
  EXPECT_EQ(Contents(aside + "/file"), "secret");

  WriteText(root_ + "/file", "");
  Status refused = disk_.Move(volume, root_ + "/file/below");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(root_ + "/file"));
  EXPECT_EQ(Contents(volume + "/file"), "of the next");
}

TEST_F(LocalDiskTest, EmptiesAWholeDiskButKeepsItsRoot) {
  WriteText(root_ + "/outside", "stays");
  const std::string disk = root_ + "/disk";
  ASSERT_TRUE(disk_.CreateDirectory({.path = disk + "/d/e"}));
  WriteText(disk + "/d/e/file", "secret");
  WriteText(disk + "/.hidden", "secret");
  std::filesystem::create_symlink(root_, disk + "/up");
  struct stat before;
  ASSERT_EQ(stat(disk.c_str(), &before), 0);
  // An operator may configure it through a link.
  std::filesystem::create_symlink(disk, root_ + "/mnt");
  for (const std::string& path : {disk, root_ + "/mnt", root_ + "/missing"}) {
    std::promise<Status> promise;
    loop_.Post([&] {
      disk_.Empty(path, [&](Status emptied) {
        EXPECT_TRUE(loop_.OnLoopThread());
        promise.set_value(emptied);
      });
    });
    Status emptied = promise.get_future().get();
    EXPECT_TRUE(emptied) << emptied.error().message;
    EXPECT_EQ(std::filesystem::is_empty(disk), path != root_ + "/missing");
    WriteText(disk + "/of the next", "secret");
  }
  struct stat after;
  ASSERT_EQ(stat(disk.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(Contents(root_ + "/outside"), "stays");
  EXPECT_TRUE(Exists(root_ + "/mnt"));
}

TEST_F(LocalDiskTest, UsedFraction) {
  Result<double> used = disk_.UsedFraction(root_);
  ASSERT_TRUE(used);
  EXPECT_GE(*used, 0);
  EXPECT_LE(*used, 1);
  EXPECT_FALSE(disk_.UsedFraction(root_ + "/missing"));
}

TEST(DetectTest, LeavesSomethingToTheMachine) {
  constexpr uint64_t kGigabyte = uint64_t{1} << 30;
  EXPECT_EQ(DefaultResources({8, 16 * kGigabyte, 100 * kGigabyte}),
            "cpus:8;mem:15360;disk:97280;ports:[31000-32000]");
  EXPECT_EQ(DefaultResources({1, kGigabyte, 4 * kGigabyte}),
            "cpus:1;mem:512;disk:2048;ports:[31000-32000]");
}

TEST(DetectTest, WhatTheFlagNamesIsNotDetected) {
  Result<Resources> given = DetectResources("/", "cpus:3;mem(prod):64; disk : 0 ;ports:[1-2]");
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(*given, *Resources::Parse("cpus:3;mem(prod):64;ports:[1-2]"));

  Result<Resources> json =
      DetectResources("/", R"([{"name":"cpus","type":"SCALAR","scalar":{"value":3}},
               {"name":"disk","type":"SCALAR","scalar":{"value":7}}])");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->Scalar(ResourceNames::Cpus()).ToDouble(), 3);
  EXPECT_EQ(json->Scalar(ResourceNames::Disk()).ToDouble(), 7);
  EXPECT_GT(json->Scalar(ResourceNames::Mem()).ToDouble(), 0);

  Result<Resources> nothing = DetectResources("/");
  ASSERT_TRUE(nothing);
  EXPECT_GE(nothing->Scalar(ResourceNames::Cpus()).ToDouble(), 1);
  EXPECT_FALSE(DetectResources("/", "cpus:["));
}

}  // namespace
}  // namespace tepui::containers
