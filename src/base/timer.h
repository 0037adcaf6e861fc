#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace tepui {

// One timer that ends with its owner. Set replaces what was pending.
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
  // Of the last Set.
  MonotonicTime due() const { return due_; }

 private:
  Clock& clock_;
  TimerId id_ = 0;
  MonotonicTime due_{};
};

// Callbacks that are given away (to the containerizer, a probe) and may run after the object they
// belong to is gone: bound to its lifetime they then do nothing. The last member of its owner.
class Lifetime {
 public:
  Lifetime() : token_(std::make_shared<char>()) {}
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  template <class F>
  auto Bind(F callback) const {
    return [alive = std::weak_ptr<char>(token_),
            callback = std::move(callback)](auto&&... args) mutable {
      if (!alive.expired()) callback(std::forward<decltype(args)>(args)...);
    };
  }

 private:
  std::shared_ptr<char> token_;
};

}  // namespace tepui
