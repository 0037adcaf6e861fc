// SPDX-License-Identifier: Apache-2.0
#include "cli/store/store_export.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <sstream>
#include <vector>

namespace tepui::cli {
namespace {

using storage::Entry;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Export(const std::vector<Entry>& entries) {
  std::ostringstream out;
  ExportWriter writer(out);
  for (const Entry& entry : entries) writer.Add(entry);
  writer.End();
  return out.str();
}

Result<std::vector<Entry>> Import(const std::string& text) {
  std::istringstream in(text);
  ExportReader reader(in);
  std::vector<Entry> entries;
  while (true) {
    auto entry = reader.Next();
    if (!entry) return Fail(entry.error());
    if (!*entry) return entries;
    entries.push_back(std::move(**entry));
  }
}

// Header, these lines, and a matching end line.
std::string WithLines(const std::string& lines, size_t count) {
  std::string text = "tepui-store 1\n" + lines;
  text += fmt::format(
      "end {} {:08x}\n", count,
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  return text;
}

// Returns the error for a file with a problem.
std::string Problem(const std::string& text) {
  const auto entries = Import(text);
  if (entries) return fmt::format("no problem: {} entries", entries->size());
  EXPECT_EQ(entries.error().code, Code::kInvalid);
  return entries.error().message;
}

TEST(StoreExportTest, TheFormat) {
  EXPECT_EQ(Export({}), "tepui-store 1\nend 0 96a2dac9\n");
  EXPECT_EQ(Export({{.key = "a b%", .value = std::string("\0\xff", 2)},
                    {.key = "é/\x01", .value = ""},
                    {.key = "\xf0\x9f\x98\x80", .value = "four"}}),
            WithLines("a%20b%25 AP8=\né/%01 \n\xf0\x9f\x98\x80 Zm91cg==\n", 3));
}

TEST(StoreExportTest, AnExportCanBeImported) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  const std::vector<Entry> entries = {
      {.key = "\n", .value = "\n"},
      {.key = "a b\t%20", .value = all_bytes},
      {.key = "end", .value = "5 0"},
      {.key = std::string(storage::Store::kMaxKeyBytes, 'k'),
       .value = std::string(storage::Store::kMaxValueBytes, '\xff')},
      {.key = "registry/agents/a", .value = ""},
      {.key = "tepui-store", .value = "1"},
  };
  const auto imported = Import(Export(entries));
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_THAT(*imported, ElementsAreArray(entries));
  EXPECT_THAT(*Import(Export({})), IsEmpty());
}

TEST(StoreExportTest, AProblemNamesTheLineAndWhatWasExpected) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "line 1: expected 'tepui-store 1', but the file ends here"},
      {"tepui-store 1", "line 1: expected the line's end after 'tepui-store%201'"},
      {"tepui-store 2\n", "a newer version"},
      {"SQLite format 3\n", "line 1: expected 'tepui-store 1', not 'SQLite%20format%203'"},
      {"tepui-store 1\r\nend 0 96a2dac9\n", "line 1: expected"},
      {"tepui-store 1\n", "line 2: expected an entry or 'end', but the file ends here"},
      {WithLines("a\n", 1), "line 2: expected a key, a space and a value, not 'a'"},
      {WithLines("\n", 1), "line 2: expected a key, a space and a value"},
      {WithLines(" AA==\n", 1), "line 2: expected a key: A key of the store is empty"},
      {WithLines("a AA==\nb%2 AA==\n", 2), "line 3: expected a key in which"},
      {WithLines("a%41 AA==\n", 1), "line 2: expected a key in which"},
      {WithLines("a%0a AA==\n", 1), "line 2: expected a key in which"},
      {WithLines("a%+1 AA==\n", 1), "line 2: expected a key in which"},
      {WithLines("a%00 AA==\n", 1), "line 2: expected a key: "},
      {WithLines("\xff AA==\n", 1), "line 2: expected a key: "},
      {WithLines(std::string(513, 'k') + " AA==\n", 1), "513 bytes"},
      {WithLines(".import AA==\n", 1), "line 2: expected an entry, not '.import'"},
      {WithLines("b AA==\na AA==\n", 2), "line 3: expected a key that sorts after 'b', the key"},
      {WithLines("a AA==\na AA==\n", 2), "line 3: expected a key that sorts after 'a', the key"},
      {WithLines("a AA=\n", 1), "line 2: expected a value in base64 after the key 'a', not 'AA='"},
      {WithLines("a AB==\n", 1), "line 2: expected a value in base64"},
      {WithLines("a  AA==\n", 1), "line 2: expected a value in base64"},
      {WithLines("a AA== \n", 1), "line 2: expected a value in base64"},
      {WithLines("a *\n", 1), "line 2: expected a value in base64"},
      {WithLines("a AA==\n", 2), "line 3: expected 'end 1 "},
      {"tepui-store 1\nend 0 00000000\n", "entries are missing or were changed"},
      {"tepui-store 1\nend 0 96A2DAC9\n", "line 2: expected 'end 0 96a2dac9'"},
      {Export({}) + "\n", "line 2: expected the file's end after this line"},
      {Export({}) + "x", "line 2: expected the file's end after this line"},
  };
  for (const auto& [text, problem] : cases) EXPECT_THAT(Problem(text), HasSubstr(problem)) << text;
}

TEST(StoreExportTest, WhatIsTooLargeIsRefused) {
  const std::string long_line(ExportReader::kMaxLineBytes + 1, 'x');
  EXPECT_THAT(Problem("tepui-store 1\n" + long_line), HasSubstr("line 2: expected an entry"));
  const Entry entry{.key = "a", .value = std::string(storage::Store::kMaxValueBytes + 1, 'v')};
  EXPECT_THAT(Problem(Export({entry})),
              HasSubstr("line 2: expected a value of up to 524288 bytes"));
}

// A file that is truncated or has a byte changed is never accepted.
TEST(StoreExportTest, EveryDamageIsFound) {
  const std::string whole = Export({{.key = "registry/agents/a", .value = "some value"},
                                    {.key = "registry/agents/b c", .value = ""},
                                    {.key = "z", .value = std::string(3, '\0')}});
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(Import(whole.substr(0, i))) << i;
    for (const char change : {'\x01', '\x04', '\x20'}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ change);
      EXPECT_FALSE(Import(changed)) << changed;
    }
  }
  ASSERT_TRUE(Import(whole));
}

}  // namespace
}  // namespace tepui::cli
