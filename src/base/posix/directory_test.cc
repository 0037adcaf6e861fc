// SPDX-License-Identifier: Apache-2.0
#include "base/posix/directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "base/testing/temporary_directory.h"

namespace tepui {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    fs::create_directories(outside_);
    fs::create_directory(inside_);
    WriteText(outside_ + "/secret", "secret");
  }

  Directory Inside() { return *Directory::Open(inside_); }

  static mode_t ModeOf(const std::string& path) {
    struct stat about;
    return lstat(path.c_str(), &about) == 0 ? about.st_mode & 07777 : 0;
  }

  // What is outside, to see that nothing was done there.
  std::vector<std::string> Outside() {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(outside_)) {
      found.push_back(entry.path().filename());
    }
    return found;
  }

  TemporaryDirectory directory_;
  const std::string inside_ = directory_.path() + "/inside";
  const std::string outside_ = directory_.path() + "/outside";
};

TEST_F(DirectoryTest, SplitsPaths) {
  EXPECT_THAT(SplitPath("a/b/c"), Pair("a/b", "c"));
  EXPECT_THAT(SplitPath("/a/b/"), Pair("/a", "b"));
  EXPECT_THAT(SplitPath("/a"), Pair("", "a"));
  EXPECT_THAT(SplitPath("a"), Pair("", "a"));
  EXPECT_THAT(SplitPath(""), Pair("", ""));
}

TEST_F(DirectoryTest, ModesDoNotDependOnTheUmask) {
  for (const mode_t mask : {0000, 0077}) {
    const std::string top = fmt::format("{}/{}", inside_, mask);
    const mode_t before = umask(mask);
    const bool made = Inside().MakeDirectories(fmt::format("{}/a/b", mask), 0750).has_value();
    const bool again = Directory::Make(top + "/a/c/d", 0711).has_value();
    umask(before);
    ASSERT_TRUE(made && again);
    EXPECT_EQ(ModeOf(top), 0755u);
    EXPECT_EQ(ModeOf(top + "/a"), 0755u);
    EXPECT_EQ(ModeOf(top + "/a/b"), 0750u);
    EXPECT_EQ(ModeOf(top + "/a/c"), 0755u);
    EXPECT_EQ(ModeOf(top + "/a/c/d"), 0711u);
    // What is there keeps its mode.
    ASSERT_TRUE(Inside().MakeDirectories(fmt::format("{}/a/b", mask), 0700));
    EXPECT_EQ(ModeOf(top + "/a/b"), 0750u);
  }
}

TEST_F(DirectoryTest, NoLinkIsFollowed) {
  fs::create_symlink(outside_, inside_ + "/link");
  fs::create_directory(inside_ + "/real");
  fs::create_symlink("real", inside_ + "/relative");
  const Directory inside = Inside();
  for (const std::string link : {"link", "relative"}) {
    const auto made = inside.MakeDirectories(link + "/new", 0755);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kForbidden);
    EXPECT_THAT(made.error().message, HasSubstr(inside_ + "/" + link + "/new"));
    EXPECT_THAT(made.error().message, HasSubstr("symbolic link"));
    EXPECT_EQ(inside.MakeDirectories(link, 0755).error().code, Code::kForbidden);
    EXPECT_EQ(inside.OpenBeneath(link).error().code, Code::kForbidden);
    EXPECT_EQ(inside.OpenFile(link + "/secret").error().code, Code::kForbidden);
    EXPECT_FALSE(inside.RemoveTree(link + "/secret"));
    EXPECT_TRUE(S_ISLNK(inside.Stat(link)->st_mode));
  }
  EXPECT_THAT(Outside(), UnorderedElementsAre("secret"));
}

TEST_F(DirectoryTest, NoPathLeadsOut) {
  const Directory inside = Inside();
  EXPECT_EQ(inside.OpenBeneath("../outside").error().code, Code::kForbidden);
  EXPECT_EQ(inside.OpenFile("../outside/secret").error().code, Code::kForbidden);
  EXPECT_FALSE(inside.MakeDirectories("../outside/new", 0755));
  EXPECT_FALSE(inside.OpenFile(std::string("a\0b", 3)));
  // A path that begins with a slash is relative, too.
  EXPECT_EQ(inside.OpenFile(outside_ + "/secret").error().code, Code::kNotFound);
  EXPECT_THAT(Outside(), UnorderedElementsAre("secret"));
}

TEST_F(DirectoryTest, LinksOnTheWayToADirectoryThatIsNamedAreFollowed) {
  fs::create_symlink(inside_, directory_.path() + "/link");
  ASSERT_TRUE(Directory::Make(directory_.path() + "/link/a", 0755));
  EXPECT_EQ(ModeOf(inside_ + "/a"), 0755u);
  EXPECT_EQ(Directory::Open(directory_.path() + "/none").error().code, Code::kNotFound);
}

TEST_F(DirectoryTest, OpensPlainFilesOnlyAndWaitsForNobody) {
  WriteText(inside_ + "/file", "text");
  ASSERT_EQ(mkfifo((inside_ + "/pipe").c_str(), 0600), 0);
  fs::create_directory(inside_ + "/directory");
  const Directory inside = Inside();
  const auto file = inside.OpenFile("file");
  ASSERT_TRUE(file);
  char text[5] = {};
  EXPECT_EQ(read(file->get(), text, 4), 4);
  EXPECT_STREQ(text, "text");
  EXPECT_EQ(inside.OpenFile("pipe").error().code, Code::kInvalid);
  EXPECT_EQ(inside.OpenFile("directory").error().code, Code::kInvalid);
  EXPECT_EQ(inside.OpenFile("none").error().code, Code::kNotFound);
}

TEST_F(DirectoryTest, ReplacesLinksOnly) {
  const Directory inside = Inside();
  ASSERT_TRUE(inside.ReplaceLink("/somewhere", "link"));
  ASSERT_TRUE(inside.ReplaceLink("/elsewhere", "link"));
  EXPECT_EQ(fs::read_symlink(inside_ + "/link"), "/elsewhere");
  WriteText(inside_ + "/file", "precious");
  WriteText(inside_ + "/link.new", "precious");
  EXPECT_EQ(inside.ReplaceLink("/somewhere", "file").error().code, Code::kInvalid);
  EXPECT_EQ(Contents(inside_ + "/file"), "precious");
  ASSERT_TRUE(inside.ReplaceLink("/again", "link"));
  EXPECT_THAT(*inside.List(10), UnorderedElementsAre("link", "file", "link.new"));
}

TEST_F(DirectoryTest, ListsAllOrNothing) {
  const Directory inside = Inside();
  for (const char* name : {"a", "b", "c"}) WriteText(inside_ + "/" + name, "");
  EXPECT_THAT(*inside.List(3), UnorderedElementsAre("a", "b", "c"));
  const auto refused = inside.List(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
  EXPECT_THAT(refused.error().message, HasSubstr("more than 2 entries"));
}

TEST_F(DirectoryTest, RemovesATreeAndFollowsNoLink) {
  const Directory inside = Inside();
  ASSERT_TRUE(inside.MakeDirectories("tree/d/e", 0755));
  WriteText(inside_ + "/tree/d/e/file", "");
  fs::create_symlink(outside_, inside_ + "/tree/d/up");
  fs::create_symlink(outside_ + "/secret", inside_ + "/tree/out");
  fs::create_symlink(outside_, inside_ + "/link");
  EXPECT_TRUE(inside.RemoveTree("tree"));
  EXPECT_TRUE(inside.RemoveTree("link"));
  EXPECT_TRUE(inside.RemoveTree("was/never/there"));
  EXPECT_TRUE(fs::is_empty(inside_));
  EXPECT_THAT(Outside(), UnorderedElementsAre("secret"));
}

TEST_F(DirectoryTest, RemovesWhatIsDeeperThanAPathCanBe) {
  ASSERT_EQ(mkdir((inside_ + "/deep").c_str(), 0755), 0);
  int at = open((inside_ + "/deep").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::string name(200, 'd');
  for (int depth = 0; depth < 100; ++depth) {
    ASSERT_EQ(mkdirat(at, name.c_str(), 0755), 0);
    const int next = openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(at);
    at = next;
  }
  close(at);
  const Status removed = Inside().RemoveTree("deep");
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(fs::is_empty(inside_));
}

TEST_F(DirectoryTest, RemovesManyEntries) {
  for (int i = 0; i < 900; ++i) {
    const std::string entry = fmt::format("{}/{}", inside_, i);
    if (i % 3 == 0) fs::create_directory(entry);
    WriteText(i % 3 == 0 ? entry + "/file" : entry, "");
  }
  EXPECT_TRUE(Inside().RemoveContents());
  EXPECT_TRUE(fs::is_empty(inside_));
}

// Whoever owns what is beneath swaps a directory for a link again and again.
class HostileDirectoryTest : public DirectoryTest {
 protected:
  static constexpr int kTries = 10'000;

  HostileDirectoryTest() {
    fs::create_directory(inside_ + "/x");
    WriteText(inside_ + "/x/secret", "harmless");
    fs::create_symlink(outside_, inside_ + "/y");
    swapper_ = std::thread([this] {
      const std::string x = inside_ + "/x", y = inside_ + "/y";
      while (!stop_) {
        if (renameat2(AT_FDCWD, x.c_str(), AT_FDCWD, y.c_str(), RENAME_EXCHANGE) == 0) ++swaps_;
      }
    });
  }
  ~HostileDirectoryTest() override {
    stop_ = true;
    swapper_.join();
    EXPECT_GT(swaps_, 0) << "the link was never there";
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> swaps_ = 0;
  std::thread swapper_;
};

TEST_F(HostileDirectoryTest, NothingIsMadeOutside) {
  const Directory inside = Inside();
  int made = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto parent = inside.MakeDirectories("x/new/er", 0755);
    if (parent && parent->ReplaceLink("/anywhere", "link")) ++made;
    if (parent) (void)parent->GiveTo(geteuid(), getegid());
  }
  EXPECT_GT(made, 0);
  EXPECT_THAT(Outside(), UnorderedElementsAre("secret"));
}

TEST_F(HostileDirectoryTest, NothingIsReadOutside) {
  const Directory inside = Inside();
  for (int i = 0; i < kTries; ++i) {
    const auto file = inside.OpenFile("x/secret");
    if (!file) continue;
    char text[16] = {};
    ASSERT_GT(read(file->get(), text, sizeof(text) - 1), 0);
    ASSERT_STREQ(text, "harmless");
  }
}

TEST_F(HostileDirectoryTest, NothingIsRemovedOutside) {
  const Directory inside = Inside();
  for (int i = 0; i < kTries / 10; ++i) {
    (void)inside.MakeDirectories("x/tree/a", 0755);
    (void)inside.RemoveTree("x/tree");
    (void)inside.RemoveTree("x/secret");
  }
  EXPECT_THAT(Outside(), UnorderedElementsAre("secret"));
}

}  // namespace
}  // namespace tepui
