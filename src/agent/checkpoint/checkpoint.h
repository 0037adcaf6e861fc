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

// Writes down what a later life of the agent must know: agent, reservations and volumes, and of
// frameworks with FrameworkInfo.checkpoint also executors, tasks and statuses. One record a key
// (proto/tepui/checkpoint.proto); changes are written in order; WhenSaved tells when all so far is
// durable, and the caller keeps to itself until then what others might rely on.
//
// One batch is with the store at a time. What comes meanwhile is gathered into the next, where a
// later write of a key takes the place of an earlier one: what waits is no more than what there is
// to know, however slow the disk.
//
// `lost` is called once when the store fails: nothing is durable any more, no WhenSaved runs, and
// the agent must end (its containers go on).
class Checkpoint {
 public:
  // What an agent's store takes: as much as a task or a status that came over the network can have.
  static constexpr storage::Limits kLimits{.value_bytes = 80 << 20, .batch_bytes = 160 << 20};

  // `store` outlives this and was taken over before the first write.
  Checkpoint(storage::Store& store, std::function<void(const Error&)> lost);

  // The keys that there are; before the first write.
  void Restore(const Saved& saved);

  using Then = std::move_only_function<void()>;
  // At once if nothing is on its way.
  void WhenSaved(Then then);

  void SaveAgent(const v1::AgentInfo& info, const std::string& boot_id);
  void ForgetAgent();

  using DestroyedVolumes = std::vector<std::pair<std::string, checkpoint::DestroyedVolume>>;
  // What operations made of the resources, with the operation that did it if its outcome is to be
  // acknowledged, and the volumes that it destroyed.
  void SaveResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                     const v1::Operation* operation, const DestroyedVolumes& destroyed);
  void RemoveDestroyedVolume(const std::string& name);
  void SaveOperation(const v1::Operation& operation);
  void RemoveOperation(const std::string& uuid);

  // `removed`: its executors are not to outlast the agent any more.
  void SaveFramework(const v1::FrameworkInfo& info, bool removed);
  void RemoveFramework(const FrameworkId& framework);

  void SaveExecutor(const ContainerId& container, const checkpoint::Executor& executor);
  // With its tasks and their statuses.
  void RemoveExecutor(const ContainerId& container);
  // The number of the next executor that is completed; greater than those before, and not 0.
  uint64_t NextCompleted() { return ++last_completed_; }
  // As RemoveExecutor, with what is kept of it in place of that; at once the records of others that
  // are `forgotten` go.
  void CompleteExecutor(const ContainerId& container, uint64_t number,
                        const checkpoint::CompletedExecutor& record,
                        const std::vector<uint64_t>& forgotten);
  void RemoveCompleted(const std::vector<uint64_t>& numbers);

  // The number of the executor's next task; greater than those before, and not 0.
  uint64_t NextTask(const ContainerId& executor);
  // All of them or none.
  void SaveTasks(const std::vector<std::pair<TaskKey, checkpoint::Task>>& tasks);
  // With its statuses.
  void RemoveTask(const TaskKey& key);

  // Returns the status' number.
  uint64_t AddStatus(const TaskKey& key, const v1::TaskStatus& status);
  void ReplaceStatus(const TaskKey& key, uint64_t number, const v1::TaskStatus& status);
  // Of those that were acknowledged only the newest `remembered` are kept.
  void AcknowledgeStatus(const TaskKey& key, uint64_t number, const v1::TaskStatus& status,
                         size_t remembered);

  // In this order, and not at once: what could not be read of a damaged checkpoint.
  void Remove(const std::vector<std::string>& keys);

 private:
  struct Gathered {
    storage::Batch batch;
    std::unordered_map<std::string, size_t> positions;  // In the batch, by key.
    size_t bytes = 0;
    uint64_t last = 0;  // The number of its newest write.
  };

  // Statuses are numbered without gaps.
  struct Range {
    uint64_t first = 1;
    uint64_t next = 1;
  };
  struct Tasks {
    uint64_t last = 0;
    std::map<uint64_t, Range> statuses;  // Of each task.
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
  bool committing_ = false;
  std::deque<Gathered> gathered_;  // More than one only if they are large.
  uint64_t written_ = 0;
  uint64_t saved_ = 0;
  std::deque<std::pair<uint64_t, Then>> waiting_;  // With what was written before them.
  // Numbered, since an id can be longer than a key.
  std::unordered_map<FrameworkId, uint64_t> frameworks_;
  uint64_t last_framework_ = 0;
  std::unordered_map<ContainerId, Tasks> tasks_;
  uint64_t last_completed_ = 0;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
