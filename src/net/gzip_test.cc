// SPDX-License-Identifier: Apache-2.0
#include "net/gzip.h"

#include <gtest/gtest.h>

#include "net/send_queue.h"

namespace tepui::net {
namespace {

TEST(Gzip, RoundTrip) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919);
  for (const std::string& bytes : {std::string(), std::string("a"), text}) {
    const std::string packed = Gzip(bytes);
    EXPECT_EQ(Gunzip(packed, bytes.size()), bytes);
  }
  EXPECT_LT(Gzip(std::string(1 << 20, 'x')).size(), 20'000U);
}

TEST(Gzip, BombStopsAtTheLimit) {
  const std::string bomb = Gzip(std::string(64 << 20, '\0'));
  const auto result = Gunzip(bomb, 1 << 20);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kTooLarge);
  EXPECT_FALSE(Gunzip(Gzip("abc"), 2));
}

TEST(Gzip, RefusesWhatIsNotWhole) {
  const std::string whole = Gzip(std::string(5000, 'q'));
  for (const std::string& bytes :
       {std::string(), std::string("plain text"), whole.substr(0, whole.size() - 1),
        whole.substr(1), whole + "x"}) {
    const auto result = Gunzip(bytes, 1 << 20);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kInvalid);
  }
  EXPECT_EQ(Gunzip(Gzip("one") + Gzip("two"), 100), "onetwo");
}

TEST(Gzip, AcceptEncoding) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "gzip, *;q=0",
                          "br;q=1.0, *;q=0.1", " gzip ; q=1 "}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* no :
       {"", "deflate", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "identity", "gzipped", "gzip;q=x"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

TEST(SendQueue, KeepsOrderThroughAnyCuts) {
  SendQueue queue;
  std::string expected;
  std::string got;
  size_t step = 1;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(static_cast<size_t>(i) * 37 % 900 + (i % 50 == 0 ? 40'000 : 0),
                      static_cast<char>('a' + i % 26));
    expected += bytes;
    if (i % 2 == 0) {
      queue.Append(std::string_view(bytes));
    } else {
      queue.Append(std::move(bytes));
    }
    if (i % 3 != 0) continue;
    iovec vectors[3];
    const size_t count = queue.Peek(vectors);
    size_t take = std::min(step = step * 31 % 5003, queue.size());
    size_t left = take;
    for (size_t v = 0; v < count && left > 0; ++v) {
      const size_t piece = std::min(left, vectors[v].iov_len);
      got.append(static_cast<const char*>(vectors[v].iov_base), piece);
      left -= piece;
    }
    queue.Consume(take - left);
  }
  while (!queue.empty()) {
    iovec vector[1];
    ASSERT_EQ(queue.Peek(vector), 1U);
    got.append(static_cast<const char*>(vector[0].iov_base), vector[0].iov_len);
    queue.Consume(vector[0].iov_len);
  }
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace tepui::net
