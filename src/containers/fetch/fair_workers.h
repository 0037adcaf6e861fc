// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace tepui::containers {

// Threads for work that may take long, shared fairly: the owners of waiting work take turns, and
// each has at most `most_per_owner` works running, so that one alone cannot occupy all threads.
// Thread-safe. The queue has no bound of its own: each container has at most one fetch in it.
class FairWorkers {
 public:
  using Work = std::move_only_function<void()>;

  // `name` shows in ps (at most 15 characters count). `threads` is more than `most_per_owner`.
  FairWorkers(const std::string& name, int threads, int most_per_owner);
  ~FairWorkers();  // Calls Stop.

  // Runs `work` on one of the threads, after what the owner has submitted before. After Stop,
  // destroys it without running it.
  void Submit(const std::string& owner, const std::string& id, Work work);

  // Destroys the works with this id that have not begun, without running them. Returns whether
  // there were any.
  bool Withdraw(const std::string& id);

  // Waits for the works in progress. Work that has not begun is destroyed without running.
  // Idempotent.
  void Stop();

 private:
  struct Item {
    std::string id;
    Work work;
  };
  struct Owner {
    std::deque<Item> waiting;
    int running = 0;
  };
  using Owners = std::map<std::string, Owner>;

  void Run(const std::string& name);
  // Returns the owner whose turn it is, and moves it behind the others; owners_.end() if none may
  // run more.
  Owners::iterator Next() TEPUI_REQUIRES(mutex_);
  void ForgetIfIdle(Owners::iterator owner) TEPUI_REQUIRES(mutex_);

  const int most_per_owner_;
  Mutex mutex_;
  CondVar wake_;
  Owners owners_ TEPUI_GUARDED_BY(mutex_);                  // With work that waits or runs.
  std::deque<std::string> turns_ TEPUI_GUARDED_BY(mutex_);  // All of them, whose turn it is first.
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace tepui::containers
