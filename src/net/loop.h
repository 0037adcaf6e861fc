// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace boost::asio {
class io_context;
}

namespace tepui::net {

// An object with a socket that belongs to one loop: a listener, a connection, a client's pool. The
// loop keeps it alive from Join to Leave.
class LoopMember : public std::enable_shared_from_this<LoopMember> {
 public:
  virtual ~LoopMember() = default;

  // Ends the member for good and makes it leave its loop. Called on the loop's thread; a second
  // call does nothing.
  virtual void Close() = 0;

  // The server that the member belongs to, if any; CloseMembersOf selects members by it.
  virtual const void* owner() const { return nullptr; }
};

// One thread with one io_context. A connection stays on the loop where it began, so that nothing of
// it needs a lock or a strand; other threads reach it by Post.
class Loop {
 public:
  using Work = std::move_only_function<void()>;

  explicit Loop(const std::string& name);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `work` on the loop, in the order of the calls and never inside this call. Returns false,
  // and destroys `work` without running it, once the loop is stopping. May be called on any thread.
  bool Post(Work work);

  // Closes the members, runs what was posted before, and joins the thread. Must not be called on a
  // loop. Idempotent.
  void Stop();

  bool OnThread() const { return std::this_thread::get_id() == thread_.get_id(); }
  MonotonicTime Now() const;

  // The methods below are for the loop's own thread.

  // If the loop is stopping, closes `member` at once and does not keep it.
  void Join(const std::shared_ptr<LoopMember>& member);
  void Leave(LoopMember& member);
  void CloseMembersOf(const void* owner);

  // One buffer serves every read of the loop: a reader copies what it does not consume before it
  // returns. So idle connections hold no buffer.
  std::span<char> scratch() { return scratch_; }
  boost::asio::io_context& context();

 private:
  struct Asio;

  void DrainMailbox();
  void CloseMembers(std::function<bool(const LoopMember&)> which);

  const std::unique_ptr<Asio> asio_;
  std::vector<char> scratch_;
  std::unordered_set<std::shared_ptr<LoopMember>> members_;  // Used on the loop's thread only.
  bool closing_ = false;                                     // Used on the loop's thread only.

  Mutex mutex_;
  // Bounded by what connections and callers have in progress.
  std::vector<Work> mailbox_ TEPUI_GUARDED_BY(mutex_);
  bool stopping_ TEPUI_GUARDED_BY(mutex_) = false;

  Mutex stop_mutex_;  // Held while the thread ends, so that every call of Stop waits for that.
  std::thread thread_;
};

}  // namespace tepui::net
