// SPDX-License-Identifier: Apache-2.0
#include "capacity/json_document.h"

#include <gtest/gtest.h>

#include <string>

namespace tepui::capacity {
namespace {

std::string ErrorOf(std::string_view text) {
  const Result<JsonDocument> document = JsonDocument::Parse(text, "w.json");
  return document ? "no error" : document.error().message;
}

TEST(JsonDocumentTest, KnowsWhereThingsAre) {
  const auto document =
      JsonDocument::Parse("{\n  \"a\": [1, {\"b\": 2}],\n  \"c\": 3\n}\n", "w.json");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->root().at("a").at(1).at("b"), 2);
  EXPECT_EQ(document->Where(""), "w.json:1:1");
  EXPECT_EQ(document->Where("a"), "w.json:2:3: a");
  EXPECT_EQ(document->Where("a[1]"), "w.json:2:12: a[1]");
  EXPECT_EQ(document->Where("a[1].b"), "w.json:2:13: a[1].b");
  EXPECT_EQ(document->Where("c"), "w.json:3:3: c");
}

TEST(JsonDocumentTest, AMissingValueIsLocatedAtTheEnclosingOne) {
  const auto document = JsonDocument::Parse("{\n  \"a\": [{}]\n}", "w.json");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->Where("a[0].x.y"), "w.json:2:9: a[0].x.y");
  EXPECT_EQ(document->Where("x"), "w.json:1:1: x");
}

TEST(JsonDocumentTest, SaysWhatWasExpected) {
  EXPECT_EQ(ErrorOf(""), "w.json:1:1: expected a value, but the file ends here");
  EXPECT_EQ(ErrorOf("{\n  \"a\": }"), "w.json:2:8: expected a value, not '}'");
  EXPECT_EQ(ErrorOf("{\"a\": 1 \"b\": 2}"),
            "w.json:1:9: expected ',' or '}' after the member, not '\"'");
  EXPECT_EQ(ErrorOf("{\"a\" 1}"), "w.json:1:6: expected ':' after the key, not '1'");
  EXPECT_EQ(ErrorOf("{a: 1}"), "w.json:1:2: expected a key in double quotes, not 'a'");
  EXPECT_EQ(ErrorOf("{\"a\": 1,}"), "w.json:1:9: expected a key in double quotes, not '}'");
  EXPECT_EQ(ErrorOf("[1, 2"),
            "w.json:1:6: expected ',' or ']' after the element, but the file "
            "ends here");
  EXPECT_EQ(ErrorOf("{} {}"), "w.json:1:4: expected the end of the file after the value, not '{'");
  EXPECT_EQ(ErrorOf("[24hrs]"), "w.json:1:2: '24hrs' is not a value: write text in double quotes");
  EXPECT_EQ(ErrorOf("[\"a]"), "w.json:1:2: the text that begins here lacks the closing '\"'");
  EXPECT_EQ(ErrorOf("[\"a\n\"]"), "w.json:1:2: the text that begins here lacks the closing '\"'");
  EXPECT_EQ(ErrorOf("[\"a\\"), "w.json:1:2: the text that begins here lacks the closing '\"'");
  EXPECT_EQ(ErrorOf("\xff"), "w.json:1:1: '\xff' is not a value: write text in double quotes");
  EXPECT_EQ(ErrorOf("{\x01"), "w.json:1:2: expected a key in double quotes, not the byte 0x01");
}

TEST(JsonDocumentTest, SyntaxErrorsHaveALocation) {
  EXPECT_TRUE(ErrorOf("[\n 1.2.3]").starts_with("w.json:2:")) << ErrorOf("[\n 1.2.3]");
  EXPECT_TRUE(ErrorOf("[\"\\x\"]").starts_with("w.json:1:")) << ErrorOf("[\"\\x\"]");
  EXPECT_TRUE(ErrorOf("[\"\xff\"]").starts_with("w.json:1:")) << ErrorOf("[\"\xff\"]");
  EXPECT_TRUE(ErrorOf("[1.2.3]").find("not JSON") != std::string::npos);
}

TEST(JsonDocumentTest, AKeyMayNotAppearTwice) {
  EXPECT_EQ(ErrorOf("{\"a\": 1,\n\"a\": 2}"), "w.json:2:1: a appears twice");
  EXPECT_EQ(ErrorOf("[{\"a\": 1}, {\"a\": 1, \"a\": 2}]"), "w.json:1:21: [1].a appears twice");
}

TEST(JsonDocumentTest, HasBounds) {
  const size_t depth = JsonDocument::kMaxDepth;
  EXPECT_EQ(ErrorOf(std::string(depth, '[') + std::string(depth, ']')), "no error");
  EXPECT_EQ(ErrorOf(std::string(depth + 1, '[') + std::string(depth + 1, ']')),
            "w.json:1:33: nested more than 32 levels deep");
  EXPECT_EQ(ErrorOf(std::string(JsonDocument::kMaxBytes + 1, ' ')),
            "w.json: 16777217B is too large; at most 16MB can be read");
}

}  // namespace
}  // namespace tepui::capacity
