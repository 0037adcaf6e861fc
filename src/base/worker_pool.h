// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace tepui {

// Threads for work that blocks on the file system, the user database or the kernel, or is long.
//
// Thread-safe. The queue has no bound of its own: each container has at most one launch, one update
// and one cleanup in it, each check at most one start; web::Router and net::Server bound requests.
class WorkerPool {
 public:
  using Work = std::move_only_function<void()>;

  // `name` shows in ps (at most 15 characters count).
  WorkerPool(const std::string& name, int threads);
  ~WorkerPool();  // Calls Stop.

  // Runs `work` on one of the threads; with one thread, in the order of the calls. After Stop,
  // destroys it without running it.
  void Submit(Work work);

  // The number of submitted works that have not begun.
  size_t Waiting() const;

  // Waits for the work in progress. Work that has not begun is destroyed without running.
  // Idempotent.
  void Stop();

 private:
  void Run(const std::string& name);

  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Work> queue_ TEPUI_GUARDED_BY(mutex_);
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace tepui
