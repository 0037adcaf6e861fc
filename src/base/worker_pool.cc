// SPDX-License-Identifier: Apache-2.0
#include "base/worker_pool.h"

#include <pthread.h>

#include <utility>

#include "base/thread.h"

namespace tepui {

WorkerPool::WorkerPool(const std::string& name, int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.push_back(StartThread(name, [this, name] { Run(name); }));
  }
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Submit(Work work) {
  const MutexLock lock(mutex_);
  if (stopped_) return;
  queue_.push_back(std::move(work));
  wake_.NotifyOne();
}

size_t WorkerPool::Waiting() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

void WorkerPool::Stop() {
  std::deque<Work> unrun;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    unrun.swap(queue_);
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::Run(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  MutexLock lock(mutex_);
  while (true) {
    while (!stopped_ && queue_.empty()) wake_.Wait(mutex_);
    if (stopped_) return;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.Unlock();
    work();
    work = nullptr;  // Destroys what it holds outside the lock.
    lock.Lock();
  }
}

}  // namespace tepui
