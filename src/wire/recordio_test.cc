// SPDX-License-Identifier: Apache-2.0
#include "wire/recordio.h"

#include <gtest/gtest.h>

namespace tepui::wire {
namespace {

constexpr size_t kLimit = 1 << 20;

// Returns every record in `bytes`; the test fails on an error.
std::vector<std::string> DecodeAll(RecordDecoder& decoder, std::string_view bytes, size_t chunk) {
  std::vector<std::string> records;
  for (size_t i = 0; i < bytes.size(); i += chunk) {
    decoder.Append(bytes.substr(i, chunk));
    for (;;) {
      auto record = decoder.Next();
      if (!record) {
        ADD_FAILURE() << record.error().message;
        return records;
      }
      if (!*record) break;
      records.push_back(std::move(**record));
    }
  }
  return records;
}

// Chunk boundaries carry no meaning (reference 1.1).
TEST(RecordIoTest, RoundTripsWhateverTheChunks) {
  const std::vector<std::string> records = {"", "a", std::string("\n\0 12\n", 6),
                                            std::string(70000, 'x'), "end"};
  std::string bytes;
  for (const std::string& record : records) AppendRecord(record, &bytes);
  for (size_t chunk : {1u, 2u, 3u, 7u, 4096u, 1000000u}) {
    RecordDecoder decoder(kLimit);
    EXPECT_EQ(DecodeAll(decoder, bytes, chunk), records) << chunk;
    EXPECT_FALSE(decoder.partial());
  }
}

TEST(RecordIoTest, EncodesLengthAndBytes) {
  EXPECT_EQ(EncodeRecord(""), "0\n");
  EXPECT_EQ(EncodeRecord("hello"), "5\nhello");
}

TEST(RecordIoTest, SkipsEmptyLinesBeforeALength) {
  RecordDecoder decoder(kLimit);
  EXPECT_EQ(DecodeAll(decoder, "\n\n1\na\n\n\n2\nbc\n", 1), (std::vector<std::string>{"a", "bc"}));
  EXPECT_FALSE(decoder.partial());
}

TEST(RecordIoTest, TellsATruncation) {
  for (std::string_view bytes : {"1", "12", "5\n", "5\nhell"}) {
    RecordDecoder decoder(kLimit);
    EXPECT_TRUE(DecodeAll(decoder, bytes, 1).empty());
    EXPECT_TRUE(decoder.partial()) << bytes;
  }
}

TEST(RecordIoTest, RefusesHostileLengths) {
  const std::string_view hostile[] = {"-1\n",
                                      "+1\n",
                                      " 1\n",
                                      "1 \n",
                                      "1\r\n",
                                      "0x10\n",
                                      "a",
                                      "1.0\n",
                                      std::string_view("\0\n", 2),
                                      "000000000000000000001\n",
                                      "111111111111111111111"};
  for (std::string_view bytes : hostile) {
    RecordDecoder decoder(kLimit);
    decoder.Append(bytes);
    const auto record = decoder.Next();
    ASSERT_FALSE(record) << bytes;
    EXPECT_EQ(record.error().code, Code::kInvalid) << bytes;
  }
}

TEST(RecordIoTest, RefusesALengthOverTheLimitBeforeItsBytes) {
  for (std::string_view bytes : {"11\n", "18446744073709551615\n", "99999999999999999999\n"}) {
    RecordDecoder decoder(10);
    decoder.Append(bytes);
    const auto record = decoder.Next();
    ASSERT_FALSE(record) << bytes;
    EXPECT_EQ(record.error().code, Code::kTooLarge) << bytes;
  }
  RecordDecoder decoder(10);
  decoder.Append("10\n0123456789");
  EXPECT_EQ(decoder.Next(), "0123456789");
}

TEST(RecordIoTest, StaysFailed) {
  RecordDecoder decoder(kLimit);
  decoder.Append("1\nax\n");
  EXPECT_EQ(decoder.Next(), "a");
  const auto error = decoder.Next();
  ASSERT_FALSE(error);
  decoder.Append("1\nb");
  EXPECT_EQ(decoder.Next(), error);
}

}  // namespace
}  // namespace tepui::wire
