// SPDX-License-Identifier: Apache-2.0
#include "base/posix/private_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

#include "base/testing/temporary_directory.h"

namespace tepui {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534;

class PrivateDirectoryTest : public testing::Test {
 protected:
  Result<PrivateDirectory> Take() {
    return PrivateDirectory::Take(path_, {.purpose = "has its files", .flag = "--some_dir"});
  }
  mode_t Mode(const std::string& path) {
    struct stat about{};
    EXPECT_EQ(stat(path.c_str(), &about), 0);
    return about.st_mode & 07777;
  }

  TemporaryDirectory root_;
  const std::string path_ = root_.path() + "/parent/own";
};

TEST_F(PrivateDirectoryTest, IsMadeForTheUserAlone) {
  const mode_t before = umask(0);
  EXPECT_TRUE(Take());
  umask(before);
  EXPECT_EQ(Mode(path_), 0700u);
  EXPECT_EQ(Mode(root_.path() + "/parent"), 0755u);
}

TEST_F(PrivateDirectoryTest, OneHasItAndIsNamed) {
  std::optional<PrivateDirectory> first(std::move(*Take()));
  const auto second = Take();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message,
              HasSubstr(fmt::format("Another agent (pid {}) has its files in", getpid())));
  EXPECT_THAT(second.error().message, HasSubstr("--some_dir"));
  first.reset();
  EXPECT_TRUE(Take());
}

TEST_F(PrivateDirectoryTest, WhatOthersMayHaveTouchedIsRefused) {
  ASSERT_TRUE(Take());
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);  // Others could read, and change nothing.
  EXPECT_TRUE(Take());
  EXPECT_EQ(Mode(path_), 0700u);
  for (const mode_t mode : {0770, 0702, 01777}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    const auto taken = Take();
    ASSERT_FALSE(taken) << mode;
    EXPECT_EQ(taken.error().code, Code::kInvalid);
    EXPECT_THAT(taken.error().message, HasSubstr("can be written by other users"));
  }
}

TEST_F(PrivateDirectoryTest, SomebodyElsesIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  ASSERT_TRUE(Take());
  ASSERT_EQ(chown(path_.c_str(), kNobody, kNobody), 0);
  const auto taken = Take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kInvalid);
  EXPECT_THAT(taken.error().message, HasSubstr("belongs to the user with id 65534"));
}

TEST_F(PrivateDirectoryTest, ALinkIsRefused) {
  ASSERT_EQ(mkdir((root_.path() + "/parent").c_str(), 0755), 0);
  ASSERT_EQ(symlink(root_.path().c_str(), path_.c_str()), 0);
  EXPECT_FALSE(Take());
}

TEST_F(PrivateDirectoryTest, AnOwnDirectoryHasNoParentOfOthers) {
  EXPECT_TRUE(MakeOwnDirectory(path_));
  EXPECT_TRUE(MakeOwnDirectory(path_));
  const std::string parent = root_.path() + "/parent";
  ASSERT_EQ(chmod(parent.c_str(), 0777), 0);
  const Status open = MakeOwnDirectory(path_);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr(parent + "' can be written by other users"));
  ASSERT_EQ(chmod(parent.c_str(), 01777), 0);  // Like /tmp.
  EXPECT_TRUE(MakeOwnDirectory(path_));
}

TEST_F(PrivateDirectoryTest, NothingIsMadeBelowADirectoryOrBehindALinkOfOthers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  const std::string theirs = root_.path() + "/theirs";
  ASSERT_EQ(mkdir(theirs.c_str(), 0755), 0);
  ASSERT_EQ(chown(theirs.c_str(), kNobody, kNobody), 0);
  const std::string link = root_.path() + "/link";
  ASSERT_EQ(symlink(theirs.c_str(), link.c_str()), 0);
  for (const std::string& way : {theirs, link}) {
    const Status made = MakeOwnDirectory(way + "/a/b");
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, HasSubstr("belongs to the user with id 65534"));
  }
  struct stat about{};
  EXPECT_NE(stat((theirs + "/a").c_str(), &about), 0);
}

}  // namespace
}  // namespace tepui
