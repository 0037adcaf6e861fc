// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/timer_queue.h"

namespace tepui {

// The thread that a core runs on: runs posted work in order, and timers when they are due. Post may
// be called on any thread, the Clock methods on the loop's own thread only.
//
// The queue has no bound of its own. Each edge that posts limits what it has in flight (one call
// for each connection, one batch for each link), so the queue is bounded by the number of
// connections that the server admits.
class EventLoop final : public Clock {
 public:
  using Work = std::move_only_function<void()>;

  // `name` shows in ps and gdb (at most 15 characters count).
  explicit EventLoop(std::string name);

  // Calls Stop if that has not been done.
  ~EventLoop() override;

  // Runs `work` on the loop's thread. After Stop, destroys it without running it.
  void Post(Work work);

  // Runs `work` on the loop's thread and waits for it. Must not be called from the loop's thread.
  void Run(Work work);

  // Ends the thread after the work in progress. Work that waits is destroyed without running, on
  // the caller's thread. Idempotent.
  void Stop();

  bool OnLoopThread() const { return std::this_thread::get_id() == thread_.get_id(); }

  MonotonicTime Now() const override;
  WallTime WallNow() const override;
  TimerId After(Duration delay, Work callback) override;
  bool Cancel(TimerId timer) override;

 private:
  void Loop(const std::string& name);

  Mutex mutex_;
  CondVar wake_;
  std::vector<Work> queue_ TEPUI_GUARDED_BY(mutex_);
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;

  TimerQueue timers_;  // Used on the loop's thread only.
  std::thread thread_;
};

}  // namespace tepui
