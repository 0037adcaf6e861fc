#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace tepui::capacity {

// Tasks that wait to be launched, in the order of their arrival. Those of one shape are alike but
// for it: who has no place for the first of them has none for the others.
class WaitingTasks {
 public:
  struct Task {
    uint64_t number = 0;  // In order of arrival.
    MonotonicTime since{};
    Duration duration{};  // Duration::max(): it does not end.
  };

  explicit WaitingTasks(size_t shapes) : queues_(shapes) {}

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Add(uint32_t shape, MonotonicTime since, Duration duration);

  // The first of a shape.
  struct Head {
    uint64_t number = 0;
    uint32_t shape = 0;
  };
  // The head with the lowest number from `number` on; nothing if there is none.
  std::optional<Head> FirstFrom(uint64_t number) const;
  // The first of its shape, which has one.
  Task Pop(uint32_t shape);

  // When the first of all arrived; there is one.
  MonotonicTime OldestSince() const { return queues_[heads_.begin()->second].front().since; }

 private:
  // A queue in one array: what is taken is cut off when it is the larger part.
  class Queue {
   public:
    bool empty() const { return begin_ == tasks_.size(); }
    const Task& front() const { return tasks_[begin_]; }
    void Push(const Task& task) { tasks_.push_back(task); }
    Task Pop();

   private:
    std::vector<Task> tasks_;
    size_t begin_ = 0;
  };

  std::vector<Queue> queues_;           // By shape.
  std::map<uint64_t, uint32_t> heads_;  // The shapes of those that are first of theirs, by number.
  uint64_t next_number_ = 0;
  size_t size_ = 0;
};

}  // namespace tepui::capacity
