// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <locale.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/posix/file_descriptor.h"
#include "base/testing/temporary_directory.h"

namespace tepui::containers {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string path = {};
  std::string content = {};
  mode_t type = AE_IFREG;
  std::string link = {};  // Target of a symbolic link, or of a hard link if `hard`.
  bool hard = false;
  mode_t mode = 0644;
};

// Returns a tar or zip of the entries, as a file in memory. Names that are UTF-8 are marked so.
FileDescriptor Make(const std::vector<Entry>& entries, bool zip = false) {
  const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(utf8);
  FileDescriptor file(memfd_create("archive", 0));
  struct archive* writer = archive_write_new();
  if (zip) {
    archive_write_set_format_zip(writer);
  } else {
    archive_write_add_filter_gzip(writer);
    archive_write_set_format_pax_restricted(writer);
  }
  archive_write_open_fd(writer, file.get());
  for (const Entry& from : entries) {
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, from.path.c_str());
    archive_entry_set_filetype(entry, from.type);
    archive_entry_set_perm(entry, from.mode);
    archive_entry_set_size(entry, static_cast<la_int64_t>(from.content.size()));
    if (from.hard) {
      archive_entry_set_hardlink(entry, from.link.c_str());
    } else if (!from.link.empty()) {
      archive_entry_set_symlink(entry, from.link.c_str());
    }
    archive_write_header(writer, entry);
    archive_write_data(writer, from.content.data(), from.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  uselocale(before);
  freelocale(utf8);
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

struct Limits {
  uint64_t max_bytes = uint64_t{1} << 30;
  uint64_t max_entries = 1'000'000;
};

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() { fs::create_directory(sandbox_); }

  Status ExtractHere(
      const FileDescriptor& file, Limits limits = {},
      const std::function<bool()>& cancelled = [] { return false; }) {
    FetchBudget budget(limits.max_bytes, "the test's bound", sandbox_.string(), 0);
    return Extract(file.get(), sandbox_.string(), "",
                   {.budget = budget, .max_entries = limits.max_entries}, cancelled);
  }
  std::string Read(const std::string& name) { return Contents(sandbox_ / name); }

  TemporaryDirectory directory_;
  const fs::path root_ = directory_.path();
  const fs::path sandbox_ = root_ / "sandbox";
};

TEST_F(ArchiveTest, TarAndZip) {
  for (const bool zip : {false, true}) {
    ASSERT_TRUE(ExtractHere(Make({{"./d/", "", AE_IFDIR, "", false, 0755}, {"d/f", "text"}}, zip)));
    EXPECT_EQ(Read("d/f"), "text");
    fs::remove_all(sandbox_ / "d");
  }
}

// No locale that the process has decides about names.
TEST_F(ArchiveTest, NamesAreUtf8) {
  const std::string name = "gr\u00fcn/\u65e5\u672c-\U0001f680.txt";
  for (const bool zip : {false, true}) {
    const Status extracted = ExtractHere(Make({{name, "text"}}, zip));
    ASSERT_TRUE(extracted) << extracted.error().message;
    EXPECT_EQ(Read(name), "text");
    fs::remove_all(sandbox_ / "gr\u00fcn");
  }
}

TEST_F(ArchiveTest, NamesOfUnknownCharsetAreKeptAsBytes) {
  ASSERT_TRUE(ExtractHere(Make({{"gr\xfcn", "text"}})));
  EXPECT_EQ(Read("gr\xfcn"), "text");
}

TEST_F(ArchiveTest, HardLinksToFilesOfTheArchive) {
  ASSERT_TRUE(ExtractHere(Make({{"a", "text"}, {"b", "", AE_IFREG, "a", true}})));
  EXPECT_EQ(Read("b"), "text");
}

TEST_F(ArchiveTest, SetuidIsLost) {
  ASSERT_TRUE(ExtractHere(Make({{"a", "", AE_IFREG, "", false, 06755}})));
  struct stat info{};
  ASSERT_EQ(stat((sandbox_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

TEST_F(ArchiveTest, NothingIsWrittenOutside) {
  const std::string outside = (root_ / "outside").string();
  const std::vector<std::vector<Entry>> attacks = {
      {{"../outside", "x"}},
      {{outside, "x"}},
      {{"a/../../outside", "x"}},
      {{"l", "", AE_IFLNK, root_.string()}, {"l/outside", "x"}},
      {{"l", "", AE_IFLNK, ".."}, {"l/outside", "x"}},
      {{"h", "", AE_IFREG, "/etc/passwd", true}},
      {{"h", "", AE_IFREG, "../secret", true}},
      {{"l", "", AE_IFLNK, "../secret"}, {"h", "", AE_IFREG, "l", true}},
      {{"pipe", "", AE_IFIFO}},
      {{"dev", "", AE_IFCHR}},
  };
  std::ofstream(root_ / "secret") << "secret";
  for (size_t i = 0; i < attacks.size(); ++i) {
    const Status status = ExtractHere(Make(attacks[i]));
    EXPECT_FALSE(status.has_value()) << "attack " << i;
    EXPECT_FALSE(fs::exists(outside)) << "attack " << i;
    EXPECT_FALSE(fs::exists(sandbox_ / "h")) << "attack " << i;
    fs::remove_all(sandbox_);
    fs::create_directory(sandbox_);
  }
}

// The last entry replaces a planted link instead of writing through it.
TEST_F(ArchiveTest, AFileOverALinkReplacesTheLink) {
  const auto file = Make({{"l", "", AE_IFLNK, (root_ / "outside").string()}, {"l", "x"}});
  (void)ExtractHere(file);
  EXPECT_FALSE(fs::exists(root_ / "outside"));
}

TEST_F(ArchiveTest, BombsAreCutShort) {
  const std::string zeros(10 << 20, '\0');
  const Status big = ExtractHere(Make({{"a", zeros}}), {.max_bytes = 1 << 20, .max_entries = 10});
  ASSERT_FALSE(big.has_value());
  EXPECT_EQ(big.error().code, Code::kTooLarge);
  struct stat info{};
  ASSERT_EQ(stat((sandbox_ / "a").c_str(), &info), 0);
  EXPECT_LE(info.st_blocks * 512, 2 << 20);  // It has the announced size, with a hole.

  const std::vector<Entry> many(20, Entry{"a", "x"});
  const Status crowded = ExtractHere(Make(many), {.max_bytes = 1 << 20, .max_entries = 10});
  ASSERT_FALSE(crowded.has_value());
  EXPECT_EQ(crowded.error().code, Code::kTooLarge);
}

TEST_F(ArchiveTest, DamageIsAnError) {
  FileDescriptor junk(memfd_create("junk", 0));
  ASSERT_EQ(write(junk.get(), "this is no archive", 18), 18);
  lseek(junk.get(), 0, SEEK_SET);
  EXPECT_FALSE(ExtractHere(junk).has_value());

  const std::vector<Entry> large(1, Entry{.path = "a", .content = std::string(100'000, 'x')});
  FileDescriptor half = Make(large);
  ASSERT_EQ(ftruncate(half.get(), 80), 0);
  EXPECT_FALSE(ExtractHere(half).has_value());
}

TEST_F(ArchiveTest, CancelStopsIt) {
  const auto file = Make({{"a", std::string(1 << 20, 'x')}});
  const Status status = ExtractHere(file, {}, [] { return true; });
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace tepui::containers
