#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tepui {

// Threads for work that blocks on the file system, the user database or the kernel. Thread-safe.
//
// The queue has no bound of its own. Of containers, each has at most one launch, one update and one
// cleanup in it, and each check one start; of requests, web::Router bounds the number.
class WorkerPool {
 public:
  using Work = std::move_only_function<void()>;

  // `name` shows in ps (at most 15 characters count).
  WorkerPool(const std::string& name, int threads);
  ~WorkerPool();  // Stops.

  // Runs `work` on one of the threads, in the order of the calls if there is one thread. After Stop
  // it is destroyed unrun.
  void Submit(Work work);

  // How much of it has not begun.
  size_t Waiting() const;

  // Waits for the work in hand; what waits is destroyed unrun. Idempotent.
  void Stop();

 private:
  void Run(const std::string& name);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tepui
