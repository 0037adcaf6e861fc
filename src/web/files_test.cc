// SPDX-License-Identifier: Apache-2.0
#include "web/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/testing/temporary_directory.h"

namespace tepui::web {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    fs::create_directories(root_ / "sandbox/dir");
    fs::create_directories(root_ / "sandboxes-sibling");
    std::ofstream(root_ / "sandbox/dir/file") << "0123456789";
    std::ofstream(root_ / "secret") << "secret";
    std::ofstream(root_ / "sandboxes-sibling/file") << "secret";
    files_.Attach({{"/box", (root_ / "sandbox").string()}});
  }

  Code ErrorOf(const std::string& path) {
    const auto chunk = files_.Read(path, 0, std::nullopt);
    return chunk ? Code{-1} : chunk.error().code;
  }

  TemporaryDirectory directory_;
  const fs::path root_ = directory_.path();
  Files files_;
};

TEST_F(FilesTest, ReadsPieces) {
  const auto whole = files_.Read("/box/dir/file", 0, std::nullopt);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->size, 10u);
  EXPECT_EQ(whole->data, "0123456789");
  EXPECT_EQ(files_.Read("/box/dir/file", 3, 4)->data, "3456");
  EXPECT_EQ(files_.Read("/box/dir/file", 8, 100)->data, "89");
  EXPECT_EQ(files_.Read("/box/dir/file", 100, 1)->data, "");
  EXPECT_EQ(files_.Read("/box/dir/file", 0, 0)->size, 10u);
}

// One read returns at most 16 pages (reference 1.9).
TEST_F(FilesTest, AReadIsBounded) {
  std::ofstream(root_ / "sandbox/big") << std::string(1 << 20, 'x');
  EXPECT_EQ(files_.Read("/box/big", 0, std::nullopt)->data.size(), Files::kMaxReadBytes);
}

TEST_F(FilesTest, NothingOutsideIsRead) {
  fs::create_symlink(root_ / "secret", root_ / "sandbox/link");
  fs::create_symlink("..", root_ / "sandbox/up");
  EXPECT_EQ(ErrorOf("/box/link"), Code::kForbidden);
  EXPECT_EQ(ErrorOf("/box/up/secret"), Code::kForbidden);
  EXPECT_EQ(ErrorOf("/box/../secret"), Code::kForbidden);
  EXPECT_EQ(ErrorOf("/box/up/sandboxes-sibling/file"), Code::kForbidden);
  EXPECT_EQ(ErrorOf("/boxes"), Code::kNotFound);
  EXPECT_EQ(ErrorOf("/etc/passwd"), Code::kNotFound);
  EXPECT_EQ(ErrorOf((root_ / "secret").string()), Code::kNotFound);
}

// Mesos' tools follow runs/latest and tasks/<task>, which are absolute links.
TEST_F(FilesTest, LinksThatStayInsideAreFollowed) {
  fs::create_symlink(root_ / "sandbox/dir", root_ / "sandbox/latest");
  fs::create_symlink("dir/file", root_ / "sandbox/relative");
  EXPECT_EQ(files_.Read("/box/latest/file", 3, 4)->data, "3456");
  EXPECT_EQ(files_.Read("/box/relative", 3, 4)->data, "3456");
  EXPECT_EQ(files_.Browse("/box/latest")->size(), 1u);
}

TEST_F(FilesTest, Browses) {
  fs::create_symlink(root_ / "secret", root_ / "sandbox/a-link");
  const auto entries = files_.Browse("/box");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(entries->front().name, "a-link");
  EXPECT_TRUE(S_ISLNK(entries->front().about.st_mode));
  EXPECT_EQ(entries->back().name, "dir");
  EXPECT_EQ(files_.Browse("/box/dir/file").error().code, Code::kInvalid);
  EXPECT_EQ(files_.Browse("/box/../sandboxes-sibling").error().code, Code::kForbidden);
  EXPECT_EQ(files_.Browse("/box/none").error().code, Code::kNotFound);
}

TEST_F(FilesTest, ADirectoryIsListedAsAWholeOrNotAtAll) {
  Files files(2);
  files.Attach({{"/box", (root_ / "sandbox").string()}});
  std::ofstream(root_ / "sandbox/second");
  EXPECT_EQ(files.Browse("/box")->size(), 2u);
  std::ofstream(root_ / "sandbox/third");
  const auto refused = files.Browse("/box");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
}

// A task swaps a file or directory for a link while it is read.
TEST_F(FilesTest, NothingOutsideIsReadWhateverATaskDoesMeanwhile) {
  constexpr int kSwaps = 10'000;
  fs::create_symlink(root_, root_ / "sandbox/link");
  fs::create_directory(root_ / "sandbox/x");
  std::ofstream(root_ / "sandbox/x/secret") << "harmless";
  std::atomic<int> swaps = 0;
  std::thread task([&] {
    const std::string x = root_ / "sandbox/x";
    const std::string link = root_ / "sandbox/link";
    for (; swaps < kSwaps; ++swaps) {
      EXPECT_EQ(renameat2(AT_FDCWD, x.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE), 0);
    }
  });
  int reads = 0;
  while (swaps < kSwaps || reads == 0) {
    if (const auto chunk = files_.Read("/box/x/secret", 0, std::nullopt)) {
      EXPECT_EQ(chunk->data, "harmless");
      ++reads;
    }
    const auto entries = files_.Browse("/box/x");
    EXPECT_TRUE(!entries || entries->size() == 1);
  }
  task.join();
}

TEST_F(FilesTest, WhatIsNoFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo((root_ / "sandbox/pipe").c_str(), 0600), 0);
  EXPECT_EQ(ErrorOf("/box/pipe"), Code::kInvalid);
  EXPECT_EQ(ErrorOf("/box/dir"), Code::kInvalid);
  EXPECT_EQ(ErrorOf("/box/none"), Code::kNotFound);
}

}  // namespace
}  // namespace tepui::web
