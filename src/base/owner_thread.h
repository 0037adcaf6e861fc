// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests and tools that wait for objects that live on an owner's thread.

#include <future>
#include <memory>
#include <utility>

#include "base/event_loop.h"
#include "base/mailbox.h"

namespace tepui {

// The owner's thread, and calls on it that wait for their callback.
class OwnerThread {
 public:
  EventLoop& loop() { return loop_; }
  Poster poster() {
    return [this](std::move_only_function<void()> work) { loop_.Post(std::move(work)); };
  }

  // Returns what `call` passes to its callback:
  // Await<Status>([&](auto done) { store.Commit(batch, std::move(done)); }).
  template <class T, class Call>
  T Await(Call call) {
    auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    loop_.Run([&] { call([promise](T value) { promise->set_value(std::move(value)); }); });
    return future.get();
  }

 private:
  EventLoop loop_{"owner"};
};

}  // namespace tepui
