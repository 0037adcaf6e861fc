// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <pthread.h>

#include <cassert>
#include <future>
#include <utility>

#include "base/thread.h"

namespace tepui {

EventLoop::EventLoop(std::string name) : thread_(StartThread(name, [this, name] { Loop(name); })) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Post(Work work) {
  {
    const MutexLock lock(mutex_);
    if (stopped_) return;
    queue_.push_back(std::move(work));
    if (queue_.size() > 1) return;  // The first work already woke the loop.
  }
  wake_.NotifyOne();
}

void EventLoop::Run(Work work) {
  assert(!OnLoopThread());
  std::promise<void> done;
  auto finished = done.get_future();
  // Kept alive by the closure: if the loop stops first, the broken promise ends the wait.
  Post([work = std::move(work), done = std::move(done)]() mutable {
    work();
    done.set_value();
  });
  finished.wait();
}

void EventLoop::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
  std::vector<Work> unrun;
  {
    const MutexLock lock(mutex_);
    unrun.swap(queue_);
  }
}

MonotonicTime EventLoop::Now() const {
  return MonotonicTime(std::chrono::steady_clock::now().time_since_epoch());
}

WallTime EventLoop::WallNow() const { return std::chrono::system_clock::now(); }

TimerId EventLoop::After(Duration delay, Work callback) {
  return timers_.Add(Now() + delay, std::move(callback));
}

bool EventLoop::Cancel(TimerId timer) { return timers_.Cancel(timer); }

void EventLoop::Loop(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  std::vector<Work> batch;
  while (true) {
    {
      const auto due = timers_.NextDue();
      const MutexLock lock(mutex_);
      bool waits = true;
      while (waits && !stopped_ && queue_.empty()) {
        if (due) {
          waits = wake_.WaitUntil(mutex_, CondVar::Time(due->time_since_epoch()));
        } else {
          wake_.Wait(mutex_);
        }
      }
      if (stopped_) return;
      batch.swap(queue_);
    }
    // Timers first, so that a full queue cannot starve a timeout.
    const MonotonicTime now = Now();
    while (auto timer = timers_.PopDue(now)) timer();
    for (Work& work : batch) work();
    batch.clear();
  }
}

}  // namespace tepui
