// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fair_workers.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "base/thread.h"

namespace tepui::containers {

FairWorkers::FairWorkers(const std::string& name, int threads, int most_per_owner)
    : most_per_owner_(most_per_owner) {
  assert(threads > most_per_owner);
  for (int i = 0; i < threads; ++i) {
    threads_.push_back(StartThread(name, [this, name] { Run(name); }));
  }
}

FairWorkers::~FairWorkers() { Stop(); }

void FairWorkers::Submit(const std::string& owner, const std::string& id, Work work) {
  const MutexLock lock(mutex_);
  if (stopped_) return;
  const auto [found, added] = owners_.try_emplace(owner);
  if (added) turns_.push_back(owner);
  found->second.waiting.push_back({id, std::move(work)});
  wake_.NotifyOne();
}

bool FairWorkers::Withdraw(const std::string& id) {
  std::vector<Item> withdrawn;  // Destroyed outside the lock.
  const MutexLock lock(mutex_);
  for (auto it = owners_.begin(); it != owners_.end();) {
    const auto owner = it++;
    std::deque<Item>& waiting = owner->second.waiting;
    const auto first = std::stable_partition(waiting.begin(), waiting.end(),
                                             [&id](const Item& item) { return item.id != id; });
    std::move(first, waiting.end(), std::back_inserter(withdrawn));
    waiting.erase(first, waiting.end());
    ForgetIfIdle(owner);
  }
  return !withdrawn.empty();
}

void FairWorkers::Stop() {
  Owners unrun;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    for (auto& [name, owner] : owners_) unrun[name].waiting.swap(owner.waiting);
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

FairWorkers::Owners::iterator FairWorkers::Next() {
  for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
    const auto owner = owners_.find(*turn);
    if (owner->second.waiting.empty() || owner->second.running == most_per_owner_) continue;
    std::rotate(turn, turn + 1, turns_.end());
    return owner;
  }
  return owners_.end();
}

void FairWorkers::ForgetIfIdle(Owners::iterator owner) {
  if (!owner->second.waiting.empty() || owner->second.running > 0) return;
  std::erase(turns_, owner->first);
  owners_.erase(owner);
}

void FairWorkers::Run(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  MutexLock lock(mutex_);
  while (true) {
    auto owner = owners_.end();
    while (!stopped_ && (owner = Next()) == owners_.end()) wake_.Wait(mutex_);
    if (stopped_) return;
    Work work = std::move(owner->second.waiting.front().work);
    owner->second.waiting.pop_front();
    ++owner->second.running;  // Keeps the owner in the map.
    lock.Unlock();
    work();
    work = nullptr;  // Destroys what it holds outside the lock.
    lock.Lock();
    --owner->second.running;
    ForgetIfIdle(owner);
    // Work that the owner's bound kept back needs no thread but this one, which looks for it now.
  }
}

}  // namespace tepui::containers
