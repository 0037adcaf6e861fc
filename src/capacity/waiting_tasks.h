// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace tepui::capacity {

// Tasks that wait to be launched, in the order of their arrival. Tasks of one shape need the same
// resources: if the first of them does not fit, the others do not either.
class WaitingTasks {
 public:
  struct Task {
    uint64_t number = 0;  // By order of arrival.
    MonotonicTime since{};
    Duration duration{};  // Duration::max(): the task does not end.
  };

  explicit WaitingTasks(size_t shapes) : queues_(shapes) {}

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Add(uint32_t shape, MonotonicTime since, Duration duration);

  // The first task of a shape.
  struct Head {
    uint64_t number = 0;
    uint32_t shape = 0;
  };
  // The head with the lowest number that is at least `number`; nothing if there is none.
  std::optional<Head> FirstFrom(uint64_t number) const;
  // Removes the first task of the shape; there must be one.
  Task Pop(uint32_t shape);

  // When the oldest task arrived; there must be one.
  MonotonicTime OldestSince() const { return queues_[heads_.begin()->second].front().since; }

 private:
  // A queue in one array: removed elements are cut off once they are the larger part.
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

  std::vector<Queue> queues_;  // By shape.
  // Shapes that have waiting tasks, by the number of their first task.
  std::map<uint64_t, uint32_t> heads_;
  uint64_t next_number_ = 0;
  size_t size_ = 0;
};

}  // namespace tepui::capacity
