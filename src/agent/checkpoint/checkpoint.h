// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/checkpoint/checkpoint_reader.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/timer.h"
#include "mesos/v1/mesos.pb.h"
#include "storage/store.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::agent {

// Saves what the agent must know after a restart: the agent itself, its reservations and volumes,
// and for frameworks with FrameworkInfo.checkpoint also executors, tasks and statuses. Each key has
// one record (proto/tepui/checkpoint.proto), and changes are written in order. WhenSaved runs its
// callback when everything written so far is durable; the caller must not report before that what
// others might rely on.
//
// The store has one batch at a time, which begins with the next turn of the event loop, so that
// what is written in one turn is flushed once. Writes that come meanwhile are gathered into the
// next batch, where a later write of a key replaces an earlier one. So what waits is never more
// than the state to be saved, however slow the disk is.
//
// `lost` is called once when the store fails: from then on nothing is durable, no callback of
// WhenSaved runs, and the agent must end (its containers keep running).
class Checkpoint {
 public:
  // The limits of an agent's store, large enough for any task or status that came over the network.
  static constexpr storage::Limits kLimits{.value_bytes = 80 << 20, .batch_bytes = 160 << 20};

  // `clock` and `store` outlive this; the store must be taken over before the first write.
  Checkpoint(Clock& clock, storage::Store& store, std::function<void(const Error&)> lost);

  // Learns the keys that exist already. Called before the first write.
  void Restore(const Saved& saved);

  using Then = std::move_only_function<void()>;
  // Calls `then` when everything written so far is durable; at once if it is already.
  void WhenSaved(Then then);

  void SaveAgent(const v1::AgentInfo& info, const std::string& boot_id);
  void ForgetAgent();

  using DestroyedVolumes = std::vector<std::pair<std::string, checkpoint::DestroyedVolume>>;
  // Saves the resources that operations made, with the operation that changed them if its outcome
  // is to be acknowledged, and the volumes that it destroyed.
  void SaveResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                     const v1::Operation* operation, const DestroyedVolumes& destroyed);
  void RemoveDestroyedVolume(const std::string& name);
  void SaveOperation(const v1::Operation& operation);
  void RemoveOperation(const std::string& uuid);

  // `removed` means that its executors must end, and must not outlive the agent.
  void SaveFramework(const v1::FrameworkInfo& info, bool removed);
  void RemoveFramework(const FrameworkId& framework);

  void SaveExecutor(const ContainerId& container, const checkpoint::Executor& executor);
  // Also removes its tasks and their statuses.
  void RemoveExecutor(const ContainerId& container);
  // Returns the number of the next executor that is completed: greater than the earlier ones, and
  // not 0.
  uint64_t NextCompleted() { return ++last_completed_; }
  // Does what RemoveExecutor does, and saves `record` in place of the executor. Also removes the
  // records of the completed executors in `forgotten`.
  void CompleteExecutor(const ContainerId& container, uint64_t number,
                        const checkpoint::CompletedExecutor& record,
                        const std::vector<uint64_t>& forgotten);
  void RemoveCompleted(const std::vector<uint64_t>& numbers);

  // Returns the number of the executor's next task: greater than the earlier ones, and not 0.
  uint64_t NextTask(const ContainerId& executor);
  // Saves all of them or none.
  void SaveTasks(const std::vector<std::pair<TaskKey, checkpoint::Task>>& tasks);
  // Also removes its statuses.
  void RemoveTask(const TaskKey& key);

  // Returns the status' number.
  uint64_t AddStatus(const TaskKey& key, const v1::TaskStatus& status);
  void ReplaceStatus(const TaskKey& key, uint64_t number, const v1::TaskStatus& status);
  // Keeps only the newest `remembered` of the acknowledged statuses.
  void AcknowledgeStatus(const TaskKey& key, uint64_t number, const v1::TaskStatus& status,
                         size_t remembered);

  // Returns true if the task has a record.
  bool Holds(const TaskKey& key) const;
  // The containers of the executors whose tasks have records.
  std::vector<ContainerId> Containers() const;

  // Removes the records of a damaged checkpoint that could not be read; in this order, and not in
  // one batch.
  void Remove(const std::vector<std::string>& keys);

 private:
  struct Gathered {
    storage::Batch batch;
    std::unordered_map<std::string, size_t> positions;  // In the batch, by key.
    size_t bytes = 0;
    uint64_t last = 0;  // The number of its newest write.
  };

  // The statuses of a task, which are numbered without gaps.
  struct Range {
    uint64_t first = 1;
    uint64_t next = 1;
  };
  struct Tasks {
    uint64_t last = 0;
    std::map<uint64_t, Range> statuses;  // By the task's number.
  };

  void Write(storage::Batch batch);
  void WriteInParts(storage::Batch batch);
  storage::Batch RemovalOf(const ContainerId& container);
  void Commit();
  void OnSaved(uint64_t last);
  static void AddRemoval(const TaskKey& key, const Range& statuses, storage::Batch& batch);
  Range& StatusesOf(const TaskKey& key);

  storage::Store& store_;
  const std::function<void(const Error&)> lost_;
  bool is_lost_ = false;
  bool committing_ = false;  // A batch is with the store, or will be in the next turn.
  Timer next_turn_;
  std::deque<Gathered> gathered_;  // More than one only if they are large.
  uint64_t written_ = 0;
  uint64_t saved_ = 0;
  // Each waits for the write with this number.
  std::deque<std::pair<uint64_t, Then>> waiting_;
  // The numbers of frameworks in their keys, since an id can be longer than a key.
  std::unordered_map<FrameworkId, uint64_t> frameworks_;
  uint64_t last_framework_ = 0;
  std::unordered_map<ContainerId, Tasks> tasks_;
  uint64_t last_completed_ = 0;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
