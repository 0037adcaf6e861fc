// SPDX-License-Identifier: Apache-2.0
#include "net/memory_budget.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

namespace tepui::net {
namespace {

// Who holds how much, for the choice of who is cut.
class Ranking {
 public:
  void Add(std::string_view address, MemoryHolder* holder, size_t held) {
    Address& entry = addresses_[address];
    entry.held += held;
    entry.holders.emplace_back(held, holder);
  }

  // Removes and returns the greediest holder and what it holds; null if there is none.
  std::pair<size_t, MemoryHolder*> Take() {
    const auto most = std::ranges::max_element(
        addresses_, {}, [](const auto& address) { return address.second.held; });
    if (most == addresses_.end()) return {};
    Address& entry = most->second;
    if (!entry.sorted) std::ranges::sort(entry.holders);
    entry.sorted = true;
    const auto taken = entry.holders.back();
    entry.holders.pop_back();
    entry.held -= taken.first;
    if (entry.holders.empty()) addresses_.erase(most);
    return taken;
  }

 private:
  struct Address {
    size_t held = 0;
    std::vector<std::pair<size_t, MemoryHolder*>> holders;
    bool sorted = false;
  };
  std::map<std::string_view, Address> addresses_;
};

}  // namespace

std::shared_ptr<MemoryHolder> MemoryBudget::Open(std::string address, std::function<void()> cut) {
  std::shared_ptr<MemoryHolder> holder(
      new MemoryHolder(shared_from_this(), std::move(address), std::move(cut)));
  const MutexLock lock(mutex_);
  holder->place_ = holders_.insert(holders_.end(), holder.get());
  return holder;
}

void MemoryBudget::Close(const MemoryHolder& holder) {
  const MutexLock lock(mutex_);
  holders_.erase(holder.place_);
}

bool MemoryBudget::MakeRoom(const MemoryHolder& asker) {
  std::vector<std::function<void()>> cuts;
  const bool granted = ChooseCuts(asker, cuts);
  for (const auto& cut : cuts) cut();
  return granted;
}

bool MemoryBudget::ChooseCuts(const MemoryHolder& asker, std::vector<std::function<void()>>& cuts) {
  const MutexLock lock(mutex_);
  Ranking ranking;
  size_t used = 0;
  for (MemoryHolder* holder : holders_) {
    const size_t held = holder->held();
    if (held == 0 || holder->is_cut_) continue;
    used += held;
    ranking.Add(holder->address_, holder, held);
  }
  if (used <= bytes_) return true;
  while (used > bytes_ - bytes_ / 8) {
    const auto [held, holder] = ranking.Take();
    if (holder == &asker) return false;
    if (holder == nullptr) break;
    used -= held;
    holder->is_cut_ = true;
    cuts.push_back(holder->cut_);
  }
  return true;
}

MemoryHolder::~MemoryHolder() {
  budget_->used_.fetch_sub(held(), std::memory_order_relaxed);
  budget_->Close(*this);
}

bool MemoryHolder::Add(size_t bytes) {
  held_.fetch_add(bytes, std::memory_order_relaxed);
  const size_t before = budget_->used_.fetch_add(bytes, std::memory_order_relaxed);
  if (!is_cut_ && (before + bytes <= budget_->bytes_ || budget_->MakeRoom(*this))) return true;
  Remove(bytes);
  return false;
}

void MemoryHolder::Remove(size_t bytes) {
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  budget_->used_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace tepui::net
