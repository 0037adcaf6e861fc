// SPDX-License-Identifier: Apache-2.0
#include "web/files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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

TEST_F(FilesTest, WhatIsNoFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo((root_ / "sandbox/pipe").c_str(), 0600), 0);
  EXPECT_EQ(ErrorOf("/box/pipe"), Code::kInvalid);
  EXPECT_EQ(ErrorOf("/box/dir"), Code::kInvalid);
  EXPECT_EQ(ErrorOf("/box/none"), Code::kNotFound);
}

}  // namespace
}  // namespace tepui::web
