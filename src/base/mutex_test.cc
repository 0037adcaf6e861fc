// SPDX-License-Identifier: Apache-2.0
#include "base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace tepui {
namespace {

// A number that threads hand to each other.
class Box {
 public:
  void Put(int value) {
    const MutexLock lock(mutex_);
    value_ = value;
    changed_.NotifyAll();
  }
  // Returns the number once it is not 0.
  int Await() {
    const MutexLock lock(mutex_);
    while (value_ == 0) changed_.Wait(mutex_);
    return value_;
  }
  // Returns false if nobody has put a number by then.
  bool AwaitUntil(CondVar::Time until) {
    const MutexLock lock(mutex_);
    while (value_ == 0) {
      if (!changed_.WaitUntil(mutex_, until)) return false;
    }
    return true;
  }
  // Puts a number while the lock is free.
  int PutBetween(int value) {
    MutexLock lock(mutex_);
    lock.Unlock();
    Put(value);
    lock.Lock();
    return value_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int value_ TEPUI_GUARDED_BY(mutex_) = 0;
};

TEST(MutexTest, AWaitEndsWhenAnotherThreadNotifies) {
  Box box;
  std::thread other([&] { box.Put(7); });
  EXPECT_EQ(box.Await(), 7);
  other.join();
}

TEST(MutexTest, AWaitEndsAtItsTime) {
  Box box;
  EXPECT_FALSE(box.AwaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1)));
  box.Put(1);
  EXPECT_TRUE(box.AwaitUntil(std::chrono::steady_clock::now()));
}

TEST(MutexTest, TheLockIsFreeBetweenUnlockAndLock) {
  Box box;
  EXPECT_EQ(box.PutBetween(3), 3);
  EXPECT_EQ(box.PutBetween(4), 4);
}

}  // namespace
}  // namespace tepui
