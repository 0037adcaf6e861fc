// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#include "base/thread_annotations.h"

namespace tepui {

// std::mutex with the annotations by which clang checks that members marked TEPUI_GUARDED_BY are
// used under their lock. The standard library's has none.
class TEPUI_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() TEPUI_ACQUIRE() { mutex_.lock(); }
  void Unlock() TEPUI_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a mutex until the end of its block, except between Unlock and Lock.
class TEPUI_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TEPUI_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() TEPUI_RELEASE() {
    if (held_) mutex_.Unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void Unlock() TEPUI_RELEASE() {
    mutex_.Unlock();
    held_ = false;
  }
  void Lock() TEPUI_ACQUIRE() {
    mutex_.Lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

// A mutex that several readers may hold at the same time.
class TEPUI_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

 private:
  friend class ReaderLock;
  friend class WriterLock;
  std::shared_mutex mutex_;
};

class TEPUI_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) TEPUI_ACQUIRE_SHARED(mutex) : lock_(mutex.mutex_) {}
  ~ReaderLock() TEPUI_RELEASE_GENERIC() {}

 private:
  const std::shared_lock<std::shared_mutex> lock_;
};

class TEPUI_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) TEPUI_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~WriterLock() TEPUI_RELEASE() {}

 private:
  const std::unique_lock<std::shared_mutex> lock_;
};

// A condition variable. A wait may return without a reason, so callers wait in a loop over their
// condition: the loop, unlike a lambda, is checked for the lock.
class CondVar {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The caller holds `mutex`; it is free during the wait.
  void Wait(Mutex& mutex) TEPUI_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }
  // Returns false if `until` has passed.
  bool WaitUntil(Mutex& mutex, Time until) TEPUI_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = changed_.wait_until(lock, until) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }

  void NotifyOne() { changed_.notify_one(); }
  void NotifyAll() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace tepui
