// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/pointer_set.h"
#include "base/timer.h"
#include "master/records/links.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"
#include "tepui/link.pb.h"

namespace tepui::master {

// What the master knows of each thing in the cluster. Frameworks and agents are owners; everything
// between a framework and an agent (task, executor, offer, operation) points at both and is listed
// by both. Only Master::Impl keeps the two sides consistent; the records just hold data.

struct Framework;
struct Agent;

// A task that is active, or terminal and not acknowledged yet. Owned by its framework; its agent is
// registered.
struct Task {
  Framework* framework = nullptr;
  Agent* agent = nullptr;
  // Readers share it once it is published; after that a change is made on a copy (Publisher::Edit).
  std::shared_ptr<v1::Task> message;
  // With allocation info.
  Resources resources;
  // The publisher's turn in which `message` was made; until the turn ends only the master has it.
  uint64_t edited_in_turn = 0;
  bool holds_resources = false;
  // The framework requested its kill; the kill is sent again to an agent that reregisters with it.
  bool kill_requested = false;
};

// A framework's own executor that runs, as far as the agent reports. Owned by the agent.
struct Executor {
  Framework* framework = nullptr;
  Agent* agent = nullptr;
  v1::ExecutorInfo info;
  Resources resources;
};

// An outstanding offer. Owned by the master's table.
struct Offer {
  explicit Offer(Clock& clock) : timeout(clock) {}

  OfferId id;
  Framework* framework = nullptr;
  Agent* agent = nullptr;
  std::string role;
  Resources resources;
  // With reservations in full and allocation info, whatever form the framework was sent.
  std::shared_ptr<const v1::Offer> message;
  Timer timeout;
};

// An operation whose outcome the agent reports. Owned by the agent.
struct Operation {
  // Null if an operator requested it, or if its framework was removed or has not reregistered yet.
  Framework* framework = nullptr;
  Agent* agent = nullptr;
  v1::Operation message;
  // What the master already changed in the agent's total, in unallocated form. It is reverted if
  // the agent failed to apply it.
  Resources consumed;
  Resources converted;
};

// Tasks of unreachable agents in the order in which they became unreachable, found by id.
class UnreachableTasks {
 public:
  using Message = std::shared_ptr<v1::Task>;

  size_t size() const { return index_.size(); }
  bool Contains(const TaskId& id) const { return index_.contains(id); }
  // Returns null if it is not there.
  const v1::Task* Find(const TaskId& id) const;
  void Add(const TaskId& id, Message message);
  // Returns null if it is not there.
  Message Remove(const TaskId& id);
  // Removes the task that became unreachable first; size() must be > 0.
  std::pair<TaskId, Message> RemoveOldest();

 private:
  using List = std::list<std::pair<TaskId, Message>>;
  List list_;
  std::unordered_map<TaskId, List::iterator> index_;
};

// The sizes of arrays indexed by the enums: the highest number plus one.
inline constexpr size_t kTaskStates = v1::TaskState_MAX + 1;
inline constexpr size_t kOperationTypes = v1::Offer::Operation::Type_MAX + 1;
inline constexpr size_t kOperationStates = v1::OperationState_MAX + 1;
inline constexpr size_t kCallTypes = ::mesos::v1::scheduler::Call::Type_MAX + 1;
inline constexpr size_t kEventTypes = ::mesos::v1::scheduler::Event::Type_MAX + 1;

struct FrameworkCounters {
  std::array<uint64_t, kCallTypes> calls{};
  std::array<uint64_t, kEventTypes> events{};
  std::array<uint64_t, kOperationTypes> operations{};
  std::array<int64_t, kTaskStates>
      tasks{};  // Gauges for live states; counters, which only grow, for terminal ones.
  uint64_t offers_sent = 0;
  uint64_t offers_accepted = 0;
  uint64_t offers_declined = 0;
  uint64_t offers_rescinded = 0;
};

struct Framework {
  explicit Framework(Clock& clock) : heartbeat(clock), failover(clock) {}

  // kRecovered: known only from its agents; it has not subscribed to this master yet.
  enum class State { kRecovered, kConnected, kDisconnected };

  FrameworkId id;
  v1::FrameworkInfo info;  // The id is set.
  // Derived from `info`.
  std::vector<std::string> roles;
  bool multi_role = false;
  bool reservation_refinement = false;
  // Sends `info` to agents; made when it is first needed, shared by all.
  std::shared_ptr<const link::Event> update_event;

  std::set<std::string> suppressed_roles;
  State state = State::kRecovered;
  bool active = false;  // It gets offers. True only while connected.
  StreamId stream = 0;  // Set while connected.
  std::string stream_uuid;
  Timer heartbeat;
  Timer failover;
  WallTime registered{};
  std::optional<WallTime> reregistered;

  std::unordered_map<TaskId, Task> tasks;
  UnreachableTasks unreachable;
  // Ids of the completed tasks whose records readers still hold, oldest first.
  std::deque<TaskId> completed;
  // Serialized tasks that agents reported as completed and that are not parsed yet, oldest first.
  // Bounded like `completed`.
  std::deque<std::string> reported_history;
  PointerSet<Offer> offers;
  PointerSet<Executor> executors;
  PointerSet<Operation> operations;
  std::unordered_map<std::string, Operation*> operations_by_id;  // Operations that have an id.
  // Used by tasks and executors; has no empty entries.
  std::unordered_map<Agent*, Resources> used;
  // Agents that may know the framework; they are notified when it changes or ends.
  PointerSet<Agent> agents;
  FrameworkCounters counters;

  bool connected() const { return state == State::kConnected; }
};

struct Agent {
  explicit Agent(Clock& clock) : ping(clock), reregister(clock) {}

  AgentId id;
  v1::AgentInfo info;  // The id is set.
  std::string version;
  std::vector<v1::AgentInfo::Capability::Type> capabilities;
  // Derived from `capabilities`: operations may carry ids.
  bool operation_feedback = false;
  v1::Address address;
  std::string pid;
  std::string resource_version;  // 16 bytes, or empty.

  bool connected = false;  // While it is true, the allocator offers the agent.
  StreamId stream = 0;     // Set while connected.
  std::string stream_uuid;
  Timer ping;
  int missed_pings = 0;
  bool awaits_pong = false;
  Timer reregister;
  WallTime registered{};
  std::optional<WallTime> reregistered;

  Resources total;
  Resources used;
  PointerSet<Task> tasks;
  PointerSet<Offer> offers;
  std::map<std::pair<FrameworkId, ExecutorId>, Executor> executors;
  std::unordered_map<std::string, Operation> operations;  // By uuid, 16 bytes.
  PointerSet<Framework> frameworks;                       // The counterpart of Framework::agents.

  // The agent's part of the cluster-wide gauges (Publisher).
  struct Contribution {
    Quantities total, used, revocable_total, revocable_used;
  } contribution;
};

// Sets `info` and the members of Framework that are derived from it.
void SetInfo(Framework& framework, const v1::FrameworkInfo& info);

}  // namespace tepui::master
