#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/clock.h"

namespace boost::asio {
class io_context;
}

namespace tepui::net {

// Something with a socket that lives on one loop: a listener, a connection, a client's pool. The
// loop keeps it alive from Join to Leave.
class LoopMember : public std::enable_shared_from_this<LoopMember> {
 public:
  virtual ~LoopMember() = default;

  // Ends it for good and makes it leave its loop. On the loop's thread; called again it does
  // nothing.
  virtual void Close() = 0;

  // What CloseMembersOf names: the server that the member belongs to, if any.
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

  // Any thread. Runs `work` on the loop, in the order of the calls and never inside this call.
  // False, and `work` destroyed unrun, once the loop is stopping.
  bool Post(Work work);

  // Closes the members, runs what was posted before, and joins. Not from a loop. Idempotent.
  void Stop();

  bool OnThread() const { return std::this_thread::get_id() == thread_.get_id(); }
  MonotonicTime Now() const;

  // The rest is for the loop's own thread.

  // Closes `member` at once, and does not keep it, if the loop is stopping.
  void Join(const std::shared_ptr<LoopMember>& member);
  void Leave(LoopMember& member);
  void CloseMembersOf(const void* owner);

  // One buffer for every read of the loop: what a reader does not consume before it returns, it
  // copies. Idle connections thus hold no buffer.
  std::span<char> scratch() { return scratch_; }
  boost::asio::io_context& context();

 private:
  struct Asio;

  void DrainMailbox();
  void CloseMembers(std::function<bool(const LoopMember&)> which);

  const std::unique_ptr<Asio> asio_;
  std::vector<char> scratch_;
  std::unordered_set<std::shared_ptr<LoopMember>> members_;  // The loop's thread only.
  bool closing_ = false;                                     // The loop's thread only.

  std::mutex mutex_;
  std::vector<Work>
      mailbox_;  // Guarded by mutex_. Bounded by what connections and callers have in hand.
  bool stopping_ = false;  // Guarded by mutex_.

  std::once_flag stop_once_;
  std::thread thread_;
};

}  // namespace tepui::net
