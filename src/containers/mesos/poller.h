#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "base/timer_queue.h"

namespace tepui::containers {

// One thread that waits on many descriptors: all shims of an agent, their events and deadlines.
class Poller {
 public:
  using Work = std::move_only_function<void()>;
  using Handler = std::function<bool()>;  // False: do not call again.
  using Token = uint64_t;                 // 0 is never one.

  explicit Poller(std::string name);
  ~Poller();  // Stops.

  // Calls `handler` on the poller's thread while `fd` has one of `events` (EPOLLIN, EPOLLPRI;
  // errors and hang-ups always), until it returns false. `fd` stays the caller's, open until then
  // or until Remove. Any thread; the handler may run before this returns.
  Result<Token> Add(int fd, uint32_t events, Handler handler);

  // The handler does not start again, but may still be running. An unknown token is no error. Any
  // thread.
  void Remove(Token token);

  // Runs `work` on the poller's thread after `delay`. Any thread. What callers hold in timers is
  // bounded by what they watch: one a shim.
  TimerId After(Duration delay, Work work);
  void Cancel(TimerId timer);

  // Joins the thread; no handler, timer or work runs afterwards. Idempotent; not from the poller's
  // thread.
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
  std::mutex mutex_;
  std::unordered_map<Token, Watched> watched_;  // Guarded by mutex_.
  TimerQueue timers_;                           // Guarded by mutex_.
  Token last_token_ = 0;                        // Guarded by mutex_.
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace tepui::containers
