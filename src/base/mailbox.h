// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/timer.h"

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
    poster_(lifetime_.Bind(std::move(work)));
  }

  // Expires when the mailbox is destroyed. For work that calls others, who may destroy its owner.
  std::weak_ptr<const bool> Alive() const { return lifetime_.Alive(); }

 private:
  const Poster poster_;
  Lifetime lifetime_;
};

}  // namespace tepui
