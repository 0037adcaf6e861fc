// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/output_tail.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tepui::frameworks {
namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds(250);
// One read of an agent returns at most 16 pages (reference 1.9).
constexpr uint64_t kPieceBytes = 16 * 4096;
// A file that cannot be read at the end may belong to a task that never started, so few attempts
// are made.
constexpr int kMaxDrainFailures = 2;

}  // namespace

OutputTail::OutputTail(std::string path, Clock& clock, Effects effects)
    : path_(std::move(path)), effects_(std::move(effects)), timer_(clock) {}

void OutputTail::Drain(std::function<void()> done) {
  done_ = std::move(done);
  if (reading_) return;
  timer_.Cancel();
  Poll();
}

void OutputTail::Poll() {
  // A read that begins after Drain sees everything that the task has written.
  last_look_done_ = done_ != nullptr;
  reading_ = true;
  effects_.read(path_, -1, 0,
                lifetime_.Bind([this](Result<Piece> size) { OnSize(std::move(size)); }));
}

void OutputTail::OnSize(Result<Piece> size) {
  if (!size) return Rest(/*failed=*/true);
  if (size->offset <= position_) return Rest(/*failed=*/false);
  const uint64_t length = std::min(size->offset - position_, kPieceBytes);
  effects_.read(
      path_, static_cast<int64_t>(position_), length,
      lifetime_.Bind([this, length](Result<Piece> piece) { OnData(length, std::move(piece)); }));
}

// The position advances by the requested length: the data may be longer or shorter, since bytes
// that are not UTF-8 were replaced for JSON.
void OutputTail::OnData(uint64_t length, Result<Piece> piece) {
  if (!piece) return Rest(/*failed=*/true);
  position_ += length;
  effects_.write(piece->data);
  Poll();
}

void OutputTail::Rest(bool failed) {
  reading_ = false;
  if (done_ != nullptr && (failed ? ++drain_failures_ >= kMaxDrainFailures : last_look_done_)) {
    std::exchange(done_, nullptr)();
    return;
  }
  timer_.Set(done_ != nullptr && !failed ? Duration::zero() : kPollInterval, [this] { Poll(); });
}

}  // namespace tepui::frameworks
