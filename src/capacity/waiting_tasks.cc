// SPDX-License-Identifier: Apache-2.0
#include "capacity/waiting_tasks.h"

#include <cassert>

namespace tepui::capacity {

WaitingTasks::Task WaitingTasks::Queue::Pop() {
  const Task task = tasks_[begin_++];
  if (begin_ * 2 > tasks_.size()) {
    tasks_.erase(tasks_.begin(), tasks_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
  }
  return task;
}

void WaitingTasks::Add(uint32_t shape, MonotonicTime since, Duration duration) {
  const Task task{.number = next_number_++, .since = since, .duration = duration};
  if (queues_[shape].empty()) heads_.emplace(task.number, shape);
  queues_[shape].Push(task);
  ++size_;
}

std::optional<WaitingTasks::Head> WaitingTasks::FirstFrom(uint64_t number) const {
  const auto head = heads_.lower_bound(number);
  if (head == heads_.end()) return std::nullopt;
  return Head{.number = head->first, .shape = head->second};
}

WaitingTasks::Task WaitingTasks::Pop(uint32_t shape) {
  Queue& queue = queues_[shape];
  assert(!queue.empty());
  const Task task = queue.Pop();
  heads_.erase(task.number);
  if (!queue.empty()) heads_.emplace(queue.front().number, shape);
  --size_;
  return task;
}

}  // namespace tepui::capacity
