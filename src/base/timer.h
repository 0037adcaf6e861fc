// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace tepui {

// One timer, cancelled when it is destroyed. Set replaces a pending one.
class Timer {
 public:
  explicit Timer(Clock& clock) : clock_(clock) {}
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // The callback may destroy the timer's owner.
  void Set(Duration delay, std::move_only_function<void()> callback) {
    Cancel();
    due_ = clock_.Now() + delay;
    id_ = clock_.After(delay, [this, callback = std::move(callback)]() mutable {
      id_ = 0;
      callback();
    });
  }

  void Cancel() {
    if (id_ != 0) clock_.Cancel(id_);
    id_ = 0;
  }

  bool pending() const { return id_ != 0; }
  // When the last Set falls due.
  MonotonicTime due() const { return due_; }

 private:
  Clock& clock_;
  TimerId id_ = 0;
  MonotonicTime due_{};
};

// For callbacks that are handed to others (the containerizer, a store) and may run after their
// object is destroyed: bound to its Lifetime, they then do nothing. It must be the last member of
// its owner. Bind and Alive may be called on any thread, but a bound callback must run on the
// thread that destroys the owner (Mailbox brings it there).
class Lifetime {
 public:
  Lifetime() = default;
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  template <class F>
  auto Bind(F callback) const {
    return [alive = Alive(), callback = std::move(callback)](auto&&... args) mutable {
      if (!alive.expired()) callback(std::forward<decltype(args)>(args)...);
    };
  }

  // Expires with this object. For work that calls others, who may destroy its owner.
  std::weak_ptr<const bool> Alive() const { return token_; }

 private:
  const std::shared_ptr<const bool> token_ = std::make_shared<const bool>(true);
};

}  // namespace tepui
