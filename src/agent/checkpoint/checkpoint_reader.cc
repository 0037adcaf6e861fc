// SPDX-License-Identifier: Apache-2.0
#include "agent/checkpoint/checkpoint_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

namespace tepui::agent {
namespace {

constexpr std::string_view kOperations = "operations/";
constexpr std::string_view kDestroyedVolumes = "destroyed/";
constexpr std::string_view kFrameworks = "frameworks/";
constexpr std::string_view kExecutors = "executors/";
constexpr std::string_view kCompleted = "completed/";
constexpr std::string_view kTasks = "tasks/";
constexpr std::string_view kStatuses = "statuses/";

// Removes the part of `text` up to and including the next "/", and returns it without the "/".
std::string_view TakePart(std::string_view& text) {
  const size_t end = text.find('/');
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16) {
    return std::nullopt;
  }
  return number;
}

class Reader {
 public:
  void Add(const storage::Entry& entry) {
    const std::string_view key = entry.key;
    if (key == kAgentKey) {
      checkpoint::Agent agent;
      if (Parse(entry, agent)) saved_.agent = std::move(agent);
    } else if (key == kResourcesKey) {
      checkpoint::Resources resources;
      if (Parse(entry, resources)) saved_.resources = std::move(*resources.mutable_resources());
    } else if (key.starts_with(kOperations)) {
      checkpoint::Operation operation;
      if (Parse(entry, operation)) {
        saved_.operations.push_back(std::move(*operation.mutable_operation()));
      }
    } else if (key.starts_with(kDestroyedVolumes)) {
      checkpoint::DestroyedVolume volume;
      std::string name(key.substr(kDestroyedVolumes.size()));
      if (Parse(entry, volume)) saved_.destroyed_volumes[std::move(name)] = std::move(volume);
    } else if (key.starts_with(kFrameworks)) {
      const auto number = ParseNumber(key.substr(kFrameworks.size()));
      if (!number) return Complain(entry.key, "does not name a number");
      checkpoint::Framework framework;
      if (!Parse(entry, framework)) return;
      FrameworkId id(framework.info().id().value());
      saved_.frameworks[std::move(id)] = {*number, std::move(*framework.mutable_info()),
                                          framework.removed()};
    } else if (key.starts_with(kExecutors)) {
      ContainerId container(std::string(key.substr(kExecutors.size())));
      Saved::Executor executor{container, {}, {}};
      if (Parse(entry, executor.record)) executors_[container] = std::move(executor);
    } else if (key.starts_with(kCompleted)) {
      const auto number = ParseNumber(key.substr(kCompleted.size()));
      if (!number) return Complain(entry.key, "does not name a number");
      checkpoint::CompletedExecutor record;
      if (Parse(entry, record)) saved_.completed.push_back({*number, std::move(record)});
    } else if (key.starts_with(kTasks)) {
      AddTask(entry, key.substr(kTasks.size()));
    } else if (key.starts_with(kStatuses)) {
      AddStatus(entry, key.substr(kStatuses.size()));
    } else {
      Complain(entry.key, "has a kind that this version does not know: a newer version wrote it");
    }
  }

  // Moves statuses into their tasks, tasks into their executors, and executors into the result.
  Saved Finish() {
    for (auto& [owner, statuses] : statuses_) {
      const auto task = tasks_.find(owner);
      if (task != tasks_.end()) {
        task->second.statuses = std::move(statuses);
      } else {
        ComplainOf(owner, statuses);
      }
    }
    for (auto& [owner, task] : tasks_) {
      const auto executor = executors_.find(owner.first);
      if (executor != executors_.end()) {
        executor->second.tasks.push_back(std::move(task));
      } else {
        ComplainOf(owner, task);
      }
    }
    for (auto& [container, executor] : executors_) {
      if (saved_.frameworks.contains(FrameworkId(executor.record.framework_id().value()))) {
        saved_.executors.push_back(std::move(executor));
        continue;
      }
      Complain(ExecutorKey(container), "belongs to a framework that has no record");
      for (const Saved::Task& task : executor.tasks) ComplainOf({container, task.number}, task);
    }
    return std::move(saved_);
  }

 private:
  using Owner = std::pair<ContainerId, uint64_t>;  // A task: its executor and its number.

  void Complain(std::string key, std::string_view what) {
    std::string message = fmt::format("The record '{}' {}", key, what);
    saved_.problems.push_back({std::move(key), std::move(message)});
  }

  void ComplainOf(const Owner& owner, const std::vector<Saved::Status>& statuses) {
    for (const Saved::Status& status : statuses) {
      Complain(StatusKey({owner.first, owner.second}, status.number),
               "belongs to a task that has no record");
    }
  }

  void ComplainOf(const Owner& owner, const Saved::Task& task) {
    Complain(ToString(TaskKey{owner.first, owner.second}),
             "belongs to an executor that has no record");
    ComplainOf(owner, task.statuses);
  }

  template <class Record>
  bool Parse(const storage::Entry& entry, Record& record) {
    if (record.ParseFromString(entry.value)) return true;
    Complain(entry.key,
             fmt::format("({} bytes) cannot be read: it is damaged, or a newer version wrote it",
                         entry.value.size()));
    return false;
  }

  void AddTask(const storage::Entry& entry, std::string_view name) {
    ContainerId executor{std::string(TakePart(name))};
    const auto number = ParseNumber(name);
    if (!number) return Complain(entry.key, "does not name a task");
    Saved::Task task;
    if (!Parse(entry, task.record)) return;
    task.number = *number;
    tasks_[{std::move(executor), *number}] = std::move(task);
  }

  void AddStatus(const storage::Entry& entry, std::string_view name) {
    ContainerId executor{std::string(TakePart(name))};
    const auto task = ParseNumber(TakePart(name));
    const auto number = ParseNumber(name);
    if (!task || !number) return Complain(entry.key, "does not name a task and a number");
    checkpoint::Status record;
    if (!Parse(entry, record)) return;
    statuses_[{std::move(executor), *task}].push_back(
        {*number, std::move(*record.mutable_status()), record.acknowledged()});
  }

  Saved saved_;
  std::map<ContainerId, Saved::Executor> executors_;
  std::map<Owner, Saved::Task> tasks_;
  std::map<Owner, std::vector<Saved::Status>> statuses_;
};

}  // namespace

std::string OperationKey(const std::string& uuid) {
  std::string key(kOperations);
  for (const char byte : uuid) {
    fmt::format_to(std::back_inserter(key), "{:02x}", static_cast<unsigned char>(byte));
  }
  return key;
}

std::string DestroyedVolumeKey(const std::string& name) {
  return fmt::format("{}{}", kDestroyedVolumes, name);
}

std::string FrameworkKey(uint64_t number) { return fmt::format("{}{:016x}", kFrameworks, number); }

std::string ExecutorKey(const ContainerId& container) {
  return fmt::format("{}{}", kExecutors, container);
}

std::string ToString(const TaskKey& key) {
  return fmt::format("{}{}/{:016x}", kTasks, key.executor, key.number);
}

std::string StatusKey(const TaskKey& task, uint64_t number) {
  return fmt::format("{}{}/{:016x}/{:016x}", kStatuses, task.executor, task.number, number);
}

std::string CompletedKey(uint64_t number) { return fmt::format("{}{:016x}", kCompleted, number); }

std::string_view LostWith(std::string_view key) {
  if (key == kAgentKey) return "it starts as a new agent and kills the tasks that it finds";
  if (key == kResourcesKey) {
    return "it drops its dynamic reservations and persistent volumes; the data of the volumes "
           "stays where it is: empty MOUNT disks, because their next volume would show it";
  }
  if (key.starts_with(kOperations))
    return "the agent does not report the outcome of the operation again";
  if (key.starts_with(kCompleted)) return "the history of a completed executor is lost";
  if (key.starts_with(kStatuses)) {
    return "the agent does not send this status of the task again; if it was terminal, the task is "
           "reported as failed";
  }
  if (key.starts_with(kDestroyedVolumes)) {
    return "the data of a destroyed volume stays on the disk: remove it, or the next volume on a "
           "MOUNT disk may show it";
  }
  return "the task or executor that it describes is killed";
}

Saved ReadCheckpoint(const std::vector<storage::Entry>& entries) {
  Reader reader;
  for (const storage::Entry& entry : entries) reader.Add(entry);
  return reader.Finish();
}

}  // namespace tepui::agent
