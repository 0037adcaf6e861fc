// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/poller.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/thread.h"

namespace tepui::containers {
namespace {

constexpr Poller::Token kWakeToken = 0;
constexpr int kMaxEventsAWait = 256;

MonotonicTime Now() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return MonotonicTime(std::chrono::duration_cast<Duration>(since));
}

}  // namespace

Poller::Poller(std::string name)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kWakeToken}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  thread_ = StartThread(name, [this, name] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    Loop();
  });
}

Poller::~Poller() { Stop(); }

Result<Poller::Token> Poller::Add(int fd, uint32_t events, Handler handler) {
  Token token;
  {
    const MutexLock lock(mutex_);
    token = ++last_token_;
    watched_.emplace(token, Watched{fd, std::make_shared<Handler>(std::move(handler))});
  }
  epoll_event event = {.events = events, .data = {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return token;
  int error = errno;
  const MutexLock lock(mutex_);
  watched_.erase(token);
  return Fail(Code::kInternal, "Cannot watch descriptor {}: {}", fd, std::strerror(error));
}

void Poller::Remove(Token token) {
  std::shared_ptr<Handler> handler;  // Released outside the lock.
  const MutexLock lock(mutex_);
  auto found = watched_.find(token);
  if (found == watched_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  handler = std::move(found->second.handler);
  watched_.erase(found);
}

TimerId Poller::After(Duration delay, Work work) {
  const MonotonicTime due = Now() + delay;
  TimerId timer;
  bool first;
  {
    const MutexLock lock(mutex_);
    std::optional<MonotonicTime> next = timers_.NextDue();
    first = !next || due < *next;
    timer = timers_.Add(due, std::move(work));
  }
  if (first) eventfd_write(wake_.get(), 1);
  return timer;
}

void Poller::Cancel(TimerId timer) {
  const MutexLock lock(mutex_);
  timers_.Cancel(timer);
}

void Poller::Stop() {
  if (!thread_.joinable()) return;
  assert(thread_.get_id() != std::this_thread::get_id());
  stopped_ = true;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  // Destroyed without the lock, because what they hold may call this poller.
  std::unordered_map<Token, Watched> watched;
  TimerQueue timers;
  const MutexLock lock(mutex_);
  std::swap(watched, watched_);
  std::swap(timers, timers_);
}

int Poller::WaitMilliseconds() {
  const MutexLock lock(mutex_);
  std::optional<MonotonicTime> due = timers_.NextDue();
  if (!due) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void Poller::Loop() {
  std::array<epoll_event, kMaxEventsAWait> events;
  while (!stopped_) {
    int count = epoll_wait(epoll_.get(), events.data(), events.size(), WaitMilliseconds());
    for (int i = 0; i < count && !stopped_; ++i) {
      Token token = events[static_cast<size_t>(i)].data.u64;
      if (token == kWakeToken) {
        eventfd_t ignored;
        eventfd_read(wake_.get(), &ignored);
      } else {
        Dispatch(token);
      }
    }
    RunTimers();
  }
}

// Finds the handler by token, not by pointer: a handler may remove another whose event is in the
// same batch.
void Poller::Dispatch(Token token) {
  std::shared_ptr<Handler> handler;
  {
    const MutexLock lock(mutex_);
    auto found = watched_.find(token);
    if (found == watched_.end()) return;
    handler = found->second.handler;
  }
  if (!(*handler)()) Remove(token);
}

void Poller::RunTimers() {
  while (!stopped_) {
    Work work;
    {
      const MutexLock lock(mutex_);
      work = timers_.PopDue(Now());
    }
    if (!work) return;
    work();
  }
}

}  // namespace tepui::containers
