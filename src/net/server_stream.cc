// SPDX-License-Identifier: Apache-2.0
#include "net/server_stream.h"

#include <cassert>
#include <charconv>
#include <utility>

namespace tepui::net {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

// Writes one chunk for each record: chunk boundaries carry no meaning (reference 1.1), but some
// readers rely on them.
void AppendChunk(std::string&& bytes, SendQueue& out) {
  char head[18];
  char* end = std::to_chars(head, head + 16, bytes.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.Append(std::string_view(head, end));
  out.Append(std::move(bytes));
  out.Append(std::string_view("\r\n"));
}

}  // namespace

ServerStream::ServerStream(size_t max_backlog_bytes, bool chunked, MemoryLease memory,
                           std::function<void()> wake)
    : max_backlog_bytes_(max_backlog_bytes),
      chunked_(chunked),
      wake_(std::move(wake)),
      memory_(std::move(memory)) {}

bool ServerStream::TakeWake() { return std::exchange(idle_, false); }

bool ServerStream::MayHold(size_t bytes) {
  return bytes <= max_backlog_bytes_ && memory_.Set(Counted(bytes));
}

bool ServerStream::Write(std::string bytes) {
  bool wake = false;
  bool accepted = true;
  {
    const MutexLock lock(mutex_);
    if (closed_) return false;
    if (bytes.empty()) return true;  // An empty chunk would end the body.
    if (!MayHold(pending_.size() + unsent_ + bytes.size())) {
      accepted = false;
      closed_ = cut_ = true;
      pending_.Clear();
    } else if (chunked_) {
      AppendChunk(std::move(bytes), pending_);
    } else {
      pending_.Append(std::move(bytes));
    }
    // A cut stream must not wait until the kernel takes more.
    wake = TakeWake() || cut_;
  }
  if (wake) wake_();
  return accepted;
}

void ServerStream::Close() {
  {
    const MutexLock lock(mutex_);
    if (closed_) return;
    closed_ = true;
    idle_ = false;
  }
  wake_();  // Even when the connection is busy: the time to write the rest begins now.
}

bool ServerStream::closed() const {
  const MutexLock lock(mutex_);
  return closed_;
}

void ServerStream::OnClosed(std::move_only_function<void()> callback) {
  {
    const MutexLock lock(mutex_);
    if (!ended_) {
      on_closed_ = std::move(callback);
      return;
    }
  }
  callback();
}

ServerStream::Next ServerStream::Take(SendQueue& out) {
  assert(out.empty());
  const MutexLock lock(mutex_);
  if (cut_) return Next::kCut;
  if (!pending_.empty()) {
    unsent_ = pending_.size();
    std::swap(out, pending_);
    return Next::kBytes;
  }
  if (!closed_) {
    idle_ = true;
    return Next::kIdle;
  }
  if (chunked_) out.Append(kLastChunk);
  return Next::kEnd;
}

void ServerStream::SetUnsent(size_t bytes) {
  const MutexLock lock(mutex_);
  unsent_ = bytes;
  memory_.Shrink(Counted(pending_.size() + unsent_));
}

ServerStream::Ending ServerStream::ending() const {
  const MutexLock lock(mutex_);
  if (cut_) return Ending::kCut;
  return closed_ ? Ending::kClosed : Ending::kNone;
}

void ServerStream::End() {
  std::move_only_function<void()> callback;
  {
    const MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = closed_ = true;
    idle_ = false;
    pending_.Clear();
    memory_.Shrink(0);
    callback = std::move(on_closed_);
  }
  if (callback) callback();
}

}  // namespace tepui::net
