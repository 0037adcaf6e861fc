// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace tepui {

// Runs work on an owner's thread, in the order of the calls, never from inside the call.
// Thread-safe.
using Poster = std::function<void(std::move_only_function<void()>)>;

// Lets an object that lives on the owner's thread receive work from other threads. Posted work runs
// only while the mailbox exists and is dropped afterwards. Destroy the mailbox on the owner's
// thread, after the threads that post.
class Mailbox {
 public:
  explicit Mailbox(Poster poster) : poster_(std::move(poster)) {}

  // May be called from any thread.
  void Post(std::move_only_function<void()> work) const {
    poster_([alive = Alive(), work = std::move(work)]() mutable {
      if (!alive.expired()) work();
    });
  }

  // Expires when the mailbox is destroyed. For work that calls others, who may destroy its owner.
  std::weak_ptr<const bool> Alive() const { return alive_; }

 private:
  const Poster poster_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tepui
