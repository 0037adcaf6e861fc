// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace tepui::net {

class MemoryHolder;

// Bounds the memory that peers cause together: the bodies that they send, the messages that become
// of them, and the answers and events that they do not take. Thread-safe. Destroyed after its
// holders, which keep it alive.
//
// When the bound is exceeded, room is made at the cost of the greediest: of the address that holds
// the most, the connection that holds the most. It is cut, or refused if it is the one that asks.
// Whoever holds little is not touched while somebody else holds more. Cutting goes on until an
// eighth is free, so that it is rare. What a cut holder has no longer counts for these decisions,
// although its connection frees it a moment later.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  explicit MemoryBudget(size_t bytes) : bytes_(bytes) {}

  // Adds a holder for a connection of `address`. `cut` must end the connection soon; it runs at
  // most once, on any thread.
  std::shared_ptr<MemoryHolder> Open(std::string address, std::function<void()> cut);

  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryHolder;
  using Holders = std::list<MemoryHolder*>;

  // Called when the bound is exceeded, with what `asker` wants already counted. Returns false if
  // the asker is the greediest.
  bool MakeRoom(const MemoryHolder& asker);
  bool ChooseCuts(const MemoryHolder& asker, std::vector<std::function<void()>>& cuts);
  void Close(const MemoryHolder& holder);

  const size_t bytes_;
  std::atomic<size_t> used_ = 0;
  Mutex mutex_;
  Holders holders_ TEPUI_GUARDED_BY(mutex_);
};

// What one connection holds. Thread-safe.
class MemoryHolder {
 public:
  ~MemoryHolder();
  MemoryHolder(const MemoryHolder&) = delete;
  MemoryHolder& operator=(const MemoryHolder&) = delete;

  // Returns false, with nothing added, if the connection must do without: it is the greediest, or
  // it was cut.
  bool Add(size_t bytes);
  void Remove(size_t bytes);

  size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryBudget;
  MemoryHolder(std::shared_ptr<MemoryBudget> budget, std::string address, std::function<void()> cut)
      : budget_(std::move(budget)), address_(std::move(address)), cut_(std::move(cut)) {}

  const std::shared_ptr<MemoryBudget> budget_;
  const std::string address_;
  const std::function<void()> cut_;
  std::atomic<size_t> held_ = 0;
  std::atomic<bool> is_cut_ = false;
  std::list<MemoryHolder*>::iterator place_;  // Guarded by the budget's mutex.
};

// What counts of `bytes` that are held for a moment in each of very many requests: nothing, if they
// are few.
inline size_t Counted(size_t bytes) { return bytes < (4U << 10) ? 0 : bytes; }

// A part of what a holder has, given back when this is destroyed. Without a holder it counts
// nothing. Belongs to one thread at a time.
class MemoryLease {
 public:
  MemoryLease() = default;
  explicit MemoryLease(std::shared_ptr<MemoryHolder> holder) : holder_(std::move(holder)) {}
  MemoryLease(MemoryLease&& other) noexcept
      : holder_(std::move(other.holder_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryLease& operator=(MemoryLease&& other) noexcept {
    std::swap(holder_, other.holder_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryLease() { Shrink(0); }

  // False: the lease stays as it was, and what it was wanted for must be refused.
  bool Grow(size_t more) {
    if (holder_ == nullptr) return true;
    if (!holder_->Add(more)) return false;
    bytes_ += more;
    return true;
  }
  // Gives back what is above `bytes`.
  void Shrink(size_t bytes) {
    if (holder_ == nullptr || bytes_ <= bytes) return;
    holder_->Remove(bytes_ - bytes);
    bytes_ = bytes;
  }
  // Grows or shrinks to `bytes`.
  bool Set(size_t bytes) {
    if (bytes > bytes_) return Grow(bytes - bytes_);
    Shrink(bytes);
    return true;
  }
  size_t bytes() const { return bytes_; }

  // An empty lease of the same holder.
  MemoryLease Another() const { return MemoryLease(holder_); }

 private:
  std::shared_ptr<MemoryHolder> holder_;
  size_t bytes_ = 0;  // Stays 0 without a holder.
};

}  // namespace tepui::net
