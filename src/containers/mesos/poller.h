// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "base/timer_queue.h"

namespace tepui::containers {

// One thread that waits on many descriptors and timers: the events and deadlines of all shims of an
// agent.
class Poller {
 public:
  using Work = std::move_only_function<void()>;
  using Handler = std::function<bool()>;  // False: do not call it again.
  using Token = uint64_t;                 // Never 0.

  explicit Poller(std::string name);
  ~Poller();  // Stops.

  // Calls `handler` on the poller's thread while `fd` has one of `events` (EPOLLIN, EPOLLPRI;
  // errors and hang-ups are always reported), until it returns false. The caller owns `fd` and
  // keeps it open until then or until Remove. May be called on any thread; the handler may run
  // before this returns.
  Result<Token> Add(int fd, uint32_t events, Handler handler);

  // The handler is not called again, but may still be running. An unknown token is no error. May be
  // called on any thread.
  void Remove(Token token);

  // Runs `work` on the poller's thread after `delay`. May be called on any thread. The number of
  // timers is bounded by what callers watch: one per shim.
  TimerId After(Duration delay, Work work);
  void Cancel(TimerId timer);

  // Joins the thread; no handler, timer or work runs afterwards. Idempotent; must not be called on
  // the poller's thread.
  void Stop();

 private:
  void Loop();
  void Dispatch(Token token);

  struct Watched {
    int fd;
    std::shared_ptr<Handler> handler;
  };
  void RunTimers();
  int WaitMilliseconds();

  FileDescriptor epoll_;
  FileDescriptor wake_;
  Mutex mutex_;
  std::unordered_map<Token, Watched> watched_ TEPUI_GUARDED_BY(mutex_);
  TimerQueue timers_ TEPUI_GUARDED_BY(mutex_);
  Token last_token_ TEPUI_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace tepui::containers
