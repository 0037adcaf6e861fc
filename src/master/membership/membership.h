// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "master/registry/registrar.h"

namespace tepui::master {

// The single answer to where an agent stands: whether it belongs to the cluster and, if not, how it
// left (docs/design/membership.md has the diagram). The registry is the truth: a change of it first
// begins here, then the registrar writes it, then it is completed here or, if the registrar refused
// it, abandoned. Until it is completed the agent stands where it stood, so that nobody sees what is
// not durable; and no second change begins, except that an admitted agent may leave while its new
// AgentInfo is written.
//
//   state of the diagram   standing                    the registry writes
//   registering            kUnknown                    an admission
//   reregistering          any but kGone               an admission
//   leaving                any but kUnknown            a removal
//   the others             that of the same name       nothing
//
// An agent that belongs to the cluster may also be deactivated, drain or be under maintenance, in
// any combination, while it is active or disconnected. Such states become members of `Admitted`
// (and of the registry's records, where they must outlive the master); they are no standings and
// need no container of their own.
//
// A method whose precondition does not hold ends the process (assert). Not thread-safe. Bounds:
// unreachable and gone agents are as many as `Limits` say, and a tenth more between two prunings;
// all others are in the cluster, were in it at the start, or are subscribing.
class Membership {
 public:
  enum class Standing {
    kUnknown,       // Nothing is known of the id.
    kRecovered,     // In the registry when the master started; it has not come back yet.
    kActive,        // In the cluster and connected.
    kDisconnected,  // In the cluster.
    kUnreachable,   // It left because it did not answer. It may return, with its tasks.
    kGone,          // An operator marked it gone. It is never admitted again.
  };

  // Tasks that became unreachable together with their agent.
  using Tasks = std::vector<std::pair<FrameworkId, TaskId>>;

  // Unreachable and gone agents are forgotten beyond this age or this number of each.
  struct Limits {
    Duration max_age{};
    size_t max_count = 0;
  };

  // Agents to forget, oldest first.
  struct Prunable {
    std::vector<AgentId> unreachable;
    std::vector<AgentId> gone;
  };

  explicit Membership(Limits limits) : limits_(limits) {}
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // --- Where agents stand.

  Standing StandingOf(const AgentId& id) const;
  // Returns true if the agent is active or disconnected.
  bool IsAdmitted(const AgentId& id) const;
  bool IsBeingWritten(const AgentId& id) const;   // A change of either kind is in progress.
  bool IsBeingAdmitted(const AgentId& id) const;  // An admission is in progress.
  bool IsLeaving(const AgentId& id) const;        // A removal is in progress.
  // Returns false for an id that a new agent may get.
  bool IsInUse(const AgentId& id) const { return entries_.contains(id); }
  // Returns the info of a recovered agent, valid until its standing changes; null for any other.
  const mesos::v1::AgentInfo* RecoveredInfo(const AgentId& id) const;
  // Returns null unless the agent is unreachable.
  std::optional<WallTime> UnreachableSince(const AgentId& id) const;

  // Returns the number of agents with that standing. For kUnknown: of those that register.
  size_t count(Standing standing) const { return counts_[static_cast<size_t>(standing)]; }
  // Returns the agents that have not come back, in no order.
  std::vector<AgentId> Recovered() const;

  // --- Changes of standings.

  // Begins with what an earlier master left in the registry. Precondition: no agent is known.
  void Recover(RecoveredRegistry registry);

  // The registrar is asked to admit the agent, or to replace the info of an admitted one.
  // Precondition: the agent is not gone, and no change is in progress.
  void BeginAdmission(const AgentId& id);
  // The agent is active now. Returns the tasks that were unreachable with it. Precondition: its
  // admission is in progress.
  Tasks Admit(const AgentId& id);
  // Precondition: the admission is in progress.
  void AbandonAdmission(const AgentId& id);

  // Precondition: the agent is active.
  void Disconnect(const AgentId& id);

  // The registrar is asked to write that the agent left, or to forget it. This supersedes an
  // admission that is in progress. Precondition: the agent is known, and it is not leaving.
  void BeginRemoval(const AgentId& id);
  // These three complete a removal. The last two return the tasks that were unreachable with the
  // agent. Precondition: the removal is in progress; for MarkUnreachable, the agent is recovered or
  // admitted; for MarkGone, it is not gone.
  void MarkUnreachable(const AgentId& id, WallTime since, Tasks tasks);
  Tasks MarkGone(const AgentId& id, WallTime since);
  Tasks Forget(const AgentId& id);
  // Precondition: the removal is in progress.
  void AbandonRemoval(const AgentId& id);

  // --- Pruning.

  // Returns true if unreachable agents exceed their number by more than a tenth, so that pruning
  // should not wait for its interval.
  bool HasTooManyUnreachable() const;
  // Begins the removal of the unreachable and gone agents that are too old or too many, those that
  // left first before others. Unreachable agents about which the registry writes stay. Each that is
  // returned is to be forgotten, or its removal abandoned.
  Prunable BeginPruning(WallTime now);

 private:
  enum class Writing { kNothing, kAdmission, kRemoval };

  struct Recovering {
    std::unique_ptr<const mesos::v1::AgentInfo> info;
  };
  struct Admitted {
    bool connected = true;
  };
  struct Unreachable {
    WallTime since{};
    Tasks tasks;
    uint64_t number = 0;  // Its key in unreachable_.
  };
  struct Gone {
    WallTime since{};
  };
  using Place = std::variant<std::monostate, Recovering, Admitted, Unreachable, Gone>;
  struct Entry {
    Place place;
    Writing writing = Writing::kNothing;
  };
  using Entries = std::unordered_map<AgentId, Entry>;

  static Standing StandingAt(const Place& place);
  const Entry* Find(const AgentId& id) const;
  Writing WritingOf(const AgentId& id) const;
  Entries::iterator InProgress(const AgentId& id, Writing writing);
  // Ends the change in progress; an entry of which nothing is known is erased.
  void EndChange(Entries::iterator it);
  // Moves the agent to `place` and ends the change in progress. Returns its unreachable tasks.
  Tasks MoveTo(Entries::iterator it, Place place);
  void Uncount(const AgentId& id, const Entry& entry);
  void Count(const AgentId& id, Entry& entry);
  template <class Range>
  std::vector<AgentId> BeginForgetting(const Range& oldest_first, WallTime oldest);

  const Limits limits_;
  Entries entries_;
  std::array<size_t, static_cast<size_t>(Standing::kGone) + 1> counts_{};
  // Unreachable agents in the order in which they became so, and gone agents by time.
  std::map<uint64_t, std::pair<WallTime, AgentId>> unreachable_;
  uint64_t next_unreachable_ = 0;
  std::set<std::pair<WallTime, AgentId>> gone_;
};

}  // namespace tepui::master
