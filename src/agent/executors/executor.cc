// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/executor.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "agent/services/statuses.h"
#include "base/planted_fault.h"
#include "model/task.h"

namespace tepui::agent {

namespace {

// Reference 2.7.
constexpr size_t kMaxCompletedTasks = 200;

Resources ResourcesOf(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  // The master has validated them; resources that cannot be read count as none.
  return Resources::FromProto(resources).value_or(Resources());
}

}  // namespace

Executor::Executor(Framework& framework, Kind kind, v1::ExecutorInfo info, ContainerId container,
                   std::string path, std::string directory, std::optional<std::string> user)
    : framework_(framework),
      kind_(kind),
      info_(std::move(info)),
      id_(info_.executor_id().value()),
      container_(std::move(container)),
      path_(std::move(path)),
      directory_(std::move(directory)),
      user_(std::move(user)),
      allocated_(ResourcesOf(info_.resources())),
      limits_(allocated_) {}

Executor::~Executor() = default;

const v1::FrameworkInfo& Executor::framework_info() const { return framework_.info; }

void Executor::Account(const v1::TaskInfo& task) {
  const Resources resources = ResourcesOf(task.resources());
  allocated_ += resources;
  limits_.Add(resources, task.limits());
}

void Executor::Enqueue(Delivery delivery) {
  assert(active() && !delivery.tasks.empty());
  deliveries_.push_back(std::move(delivery));
  const auto added = std::prev(deliveries_.end());
  for (const v1::TaskInfo& task : added->tasks) {
    queued_[TaskId(task.task_id().value())] = added;
    Account(task);
  }
}

v1::Task Executor::MakeTask(const v1::TaskInfo& task) const {
  return model::MakeTask(task, kind_ == Kind::kCommand ? nullptr : &info_, framework_.id);
}

void Executor::MarkLaunched(const Delivery& delivery) {
  for (const v1::TaskInfo& task : delivery.tasks) {
    const TaskId id(task.task_id().value());
    queued_.erase(id);
    launched_[id] = MakeTask(task);
  }
}

std::optional<Executor::Delivery> Executor::LaunchNext() {
  if (deliveries_.empty()) return std::nullopt;
  Delivery delivery = std::move(deliveries_.front());
  deliveries_.pop_front();
  MarkLaunched(delivery);
  ever_launched_ = true;
  return delivery;
}

std::optional<Executor::Delivery> Executor::LaunchQueued(const TaskId& task) {
  const auto found = queued_.find(task);
  if (found == queued_.end()) return std::nullopt;
  const auto position = found->second;
  Delivery delivery = std::move(*position);
  deliveries_.erase(position);
  MarkLaunched(delivery);
  return delivery;
}

v1::Task* Executor::FindTask(const TaskId& task) {
  if (const auto found = launched_.find(task); found != launched_.end()) return &found->second;
  if (const auto found = terminated_.find(task); found != terminated_.end()) return &found->second;
  return nullptr;
}

bool Executor::Apply(const v1::TaskStatus& status) {
  const auto found = launched_.find(TaskId(status.task_id().value()));
  if (found == launched_.end()) return false;
  model::AddToHistory(status, &found->second);
  found->second.set_state(status.state());
  if (IsTerminal(status.state())) {
    const Resources resources = ResourcesOf(found->second.resources());
    allocated_ -= resources;
    if (!TEPUI_PLANTED_FAULT("limits-of-ended-tasks-kept")) {
      limits_.Remove(resources, found->second.limits());
    }
    terminated_.insert(launched_.extract(found));
  }
  return true;
}

void Executor::MoveToHistory(const TaskId& task) {
  places_.erase(task);
  auto done = terminated_.extract(task);
  if (done.empty()) return;
  completed_.push_back(std::move(done.mapped()));
  if (completed_.size() > kMaxCompletedTasks) completed_.pop_front();
}

std::vector<TaskId> Executor::Tasks() const {
  std::vector<TaskId> tasks;
  for (const auto& [id, delivery] : queued_) tasks.push_back(id);
  for (const auto& [id, task] : launched_) tasks.push_back(id);
  for (const auto& [id, task] : terminated_) tasks.push_back(id);
  return tasks;
}

Status Executor::CheckInvariants() const {
  if (Status held = CheckQueue(); !held) return held;
  if (Status held = CheckStates(); !held) return held;
  return CheckAmounts();
}

Status Executor::CheckQueue() const {
  size_t tasks = 0;
  for (const Delivery& delivery : deliveries_) {
    if (delivery.tasks.empty()) {
      return Fail(Code::kInternal, "Executor '{}' has a delivery that contains no tasks", id_);
    }
    for (const v1::TaskInfo& task : delivery.tasks) {
      const auto found = queued_.find(TaskId(task.task_id().value()));
      if (found == queued_.end() || &*found->second != &delivery) {
        return Fail(Code::kInternal,
                    "Queued task {} of executor '{}' cannot be looked up by its id",
                    task.task_id().value(), id_);
      }
      ++tasks;
    }
  }
  if (tasks == queued_.size()) return {};
  return Fail(Code::kInternal, "Executor '{}' has {} queued tasks, but {} can be looked up by id",
              id_, tasks, queued_.size());
}

Status Executor::CheckStates() const {
  for (const auto& [id, task] : launched_) {
    if (IsTerminal(task.state())) {
      return Fail(Code::kInternal, "Task {} of executor '{}' is recorded as running, but is {}", id,
                  id_, v1::TaskState_Name(task.state()));
    }
  }
  for (const auto& [id, task] : terminated_) {
    if (!IsTerminal(task.state())) {
      return Fail(Code::kInternal, "Task {} of executor '{}' is recorded as ended, but is {}", id,
                  id_, v1::TaskState_Name(task.state()));
    }
  }
  const std::vector<TaskId> tasks = Tasks();
  if (std::set(tasks.begin(), tasks.end()).size() != tasks.size()) {
    return Fail(Code::kInternal, "A task of executor '{}' is recorded in two states", id_);
  }
  const auto saved = [this](const TaskId& task) { return places_.contains(task); };
  if (!checkpointed() || std::ranges::all_of(tasks, saved)) return {};
  return Fail(Code::kInternal, "A task of executor '{}' is not numbered in the checkpoint", id_);
}

Status Executor::CheckAmounts() const {
  Resources allocated = ResourcesOf(info_.resources());
  ExecutorLimits limits(allocated);
  const auto count = [&](const auto& task) {
    const Resources resources = ResourcesOf(task.resources());
    allocated += resources;
    limits.Add(resources, task.limits());
  };
  for (const Delivery& delivery : deliveries_) std::ranges::for_each(delivery.tasks, count);
  for (const auto& [id, task] : launched_) count(task);
  if (allocated_ != allocated) {
    return Fail(Code::kInternal, "Executor '{}' counts {}, but it and its tasks hold {}", id_,
                allocated_.ToString(), allocated.ToString());
  }
  if (limits_ == limits) return {};
  return Fail(Code::kInternal, "The limits of executor '{}' are not those of its tasks", id_);
}

ExecutorState Executor::Snapshot() const {
  ExecutorState state;
  state.info = info_;
  state.container = container_;
  state.directory = directory_;
  state.command_executor = kind_ == Kind::kCommand;
  state.resources = allocated_;
  for (const Delivery& delivery : deliveries_) {
    state.queued.insert(state.queued.end(), delivery.tasks.begin(), delivery.tasks.end());
  }
  for (const auto& [id, task] : launched_) state.launched.push_back(task);
  for (const auto& [id, task] : terminated_) state.terminated.push_back(task);
  state.completed.assign(completed_.begin(), completed_.end());
  return state;
}

Executor* Framework::Find(const ExecutorId& executor) const {
  const auto found = executors.find(executor);
  return found == executors.end() ? nullptr : found->second.get();
}

Executor* Framework::Find(const TaskId& task) const {
  const auto found = tasks.find(task);
  return found == tasks.end() ? nullptr : found->second;
}

}  // namespace tepui::agent
