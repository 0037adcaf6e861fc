// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/output_tail.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "base/virtual_clock.h"
#include "frameworks/run/files_client.h"

namespace tepui::frameworks {
namespace {

using namespace std::chrono_literals;

// The test acts as the agent: a file that grows, and answers that come from a timer.
class OutputTailTest : public ::testing::Test {
 protected:
  OutputTailTest()
      : tail_("/dir/stdout", clock_,
              {.read =
                   [this](const std::string& path, int64_t offset, uint64_t length,
                          OutputTail::ReadCallback callback) {
                     Answer(path, offset, length, std::move(callback));
                   },
               .write = [this](std::string_view data) { shown_ += data; }}) {}

  void Answer(const std::string& path, int64_t offset, uint64_t length,
              OutputTail::ReadCallback callback) {
    EXPECT_EQ(path, "/dir/stdout");
    ++reads_;
    Result<OutputTail::Piece> piece = Fail(Code::kNotFound, "no such file");
    if (file_ && offset < 0) {
      piece = OutputTail::Piece{.offset = file_->size(), .data = ""};
    } else if (file_) {
      piece = OutputTail::Piece{.offset = static_cast<uint64_t>(offset),
                                .data = file_->substr(static_cast<size_t>(offset), length)};
    }
    clock_.After(10ms, [callback = std::move(callback), piece = std::move(piece)]() mutable {
      callback(std::move(piece));
    });
  }

  VirtualClock clock_;
  std::optional<std::string> file_;
  std::string shown_;
  int reads_ = 0;
  OutputTail tail_;
};

TEST_F(OutputTailTest, ShowsWhatComes) {
  tail_.Start();
  clock_.Advance(1s);
  EXPECT_EQ(shown_, "");
  file_ = "hello ";
  clock_.Advance(1s);
  EXPECT_EQ(shown_, "hello ");
  *file_ += "world";
  clock_.Advance(1s);
  EXPECT_EQ(shown_, "hello world");
}

TEST_F(OutputTailTest, LargeFilesComeInPieces) {
  file_.emplace(200'000, 'x');
  *file_ += "end";
  tail_.Start();
  clock_.Advance(200ms);
  EXPECT_EQ(shown_, *file_);
}

TEST_F(OutputTailTest, DrainShowsWhatWasWrittenLast) {
  file_ = "a";
  tail_.Start();
  clock_.Advance(5ms);  // A read of the size is in flight.
  bool done = false;
  *file_ += "b";
  tail_.Drain([&] { done = true; });
  *file_ += "c";
  clock_.Advance(1s);
  EXPECT_TRUE(done);
  EXPECT_EQ(shown_, "abc");
  const int reads = reads_;
  clock_.Advance(10s);
  EXPECT_EQ(reads_, reads);
}

TEST_F(OutputTailTest, DrainEndsIfTheFileDoesNotExist) {
  bool done = false;
  tail_.Start();
  clock_.Advance(100ms);
  tail_.Drain([&] { done = true; });
  clock_.Advance(1s);
  EXPECT_TRUE(done);
}

TEST(ParsePieceTest, ReadsTheAgentsAnswer) {
  const auto piece = ParsePiece(R"({"offset": 7, "data": "a\nb"})");
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->offset, 7u);
  EXPECT_EQ(piece->data, "a\nb");
  for (const char* bad : {"", "[]", "{}", R"({"offset": 1})", R"({"offset": -1, "data": ""})",
                          R"({"offset": "1", "data": ""})", R"({"offset": 1, "data": 2})", "{"}) {
    EXPECT_FALSE(ParsePiece(bad)) << bad;
  }
}

}  // namespace
}  // namespace tepui::frameworks
