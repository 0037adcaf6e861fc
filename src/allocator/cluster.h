// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "allocator/allocator.h"
#include "allocator/filters.h"
#include "allocator/ledger.h"
#include "allocator/share_tree.h"
#include "allocator/slab.h"

namespace tepui::allocator {

// What some frameworks can do or take and others cannot (reference 2.2), as bits. An agent demands
// some of them; resources that demand others are left out of an offer.
enum Ability : uint8_t {
  kGpu = 1 << 0,
  kOtherRegion = 1 << 1,
  kPlainAgent = 1 << 2,  // Agents without MULTI_ROLE: for frameworks of one role only.
  kFlatAgent = 1 << 3,   // Agents without HIERARCHICAL_ROLE: for roles without "/" only.
  kRevocable = 1 << 4,
  kShared = 1 << 5,
  kRefined = 1 << 6,
};

struct Agent {
  AgentId id;
  std::string attributes;                                     // Serialized, for comparison only.
  std::vector<v1::AgentInfo::Capability::Type> capabilities;  // Sorted.
  std::string domain;                                         // Serialized.
  bool active = true;

  Resources total;
  Quantities total_quantities;
  Resources free;    // The unshared part: total - held; what is held beyond `total` does not count.
  Resources shared;  // The shared part of `total`, offerable even while it is held.
  // The part of `shared` that was offered in the allocation run of that number.
  Resources shared_offered;
  uint64_t shared_offered_run = 0;

  uint8_t demands = 0;  // Abilities without which nothing of the agent may be offered.
  uint8_t contents =
      0;  // Those of kRevocable, kShared and kRefined that some part of `total` demands.
  bool has_reserved = false;   // Some of `total` is reserved.
  bool overcommitted = false;  // Some of what is held is not in `total`.
};

// A framework in a role. It is a leaf of the share tree and has that leaf's handle.
struct Client {
  FrameworkHandle framework;
  std::string role;
  bool subscribed = false;  // True: a present role of the framework. False: a former role in which
                            // it still holds something.
  bool suppressed = false;
  uint8_t abilities = 0;
  std::optional<std::vector<Quantities>>
      min_allocatable;  // Replaces the flag's minimum (FrameworkInfo.offer_filters).
};

struct Framework {
  FrameworkId id;
  bool added = false;  // False: known only because an agent that was added earlier names it as a
                       // holder of resources.
  bool active = false;
  std::map<std::string, NodeHandle, std::less<>> clients;  // By role.
};

// All agents and frameworks, and what they hold: keeps agents, frameworks, the share tree, the
// ledger and the filters consistent with each other. Does not know when offers are made. For the
// unshared resources of each agent that exist: free + held == total.
class Cluster {
 public:
  explicit Cluster(const Options& options);

  // The handle is empty if nothing is found.
  AgentHandle FindAgent(const AgentId& id) const;
  FrameworkHandle FindFramework(const FrameworkId& id) const;
  NodeHandle FindClient(FrameworkHandle framework, std::string_view role) const;

  AgentHandle AddAgent(const AgentSpec& spec);
  // Clients no longer hold what they held there.
  void RemoveAgent(AgentHandle agent);
  // Returns true if anything changed. Filters on the agent end if attributes or capabilities
  // changed.
  bool UpdateAgent(AgentHandle agent, const AgentSpec& spec);
  void SetTotal(AgentHandle agent, Resources total);

  FrameworkHandle EnsureFramework(const FrameworkId& id);
  // Sets roles, abilities and minimums from `info`, and the suppressed roles as given. Clients of
  // roles that `info` no longer names lose their filters and remain while they hold something.
  // Returns the clients that are subscribed.
  std::vector<NodeHandle> SetInfo(FrameworkHandle framework, const v1::FrameworkInfo& info,
                                  const std::vector<std::string>& suppressed);
  // Returns the agents that got free resources by this.
  std::vector<AgentHandle> RemoveFramework(FrameworkHandle framework);
  void SetActive(FrameworkHandle framework, bool active);
  void SetSuppressed(NodeHandle client, bool suppressed);

  // The role is that of the allocation info in `resources`, if there is one. They are taken from
  // the free resources as far as these suffice.
  void Take(FrameworkHandle framework, AgentHandle agent, const Resources& resources);
  // Allocates unallocated resources, all of them free, to the client that is offered them.
  void TakeForOffer(NodeHandle client, AgentHandle agent, const Resources& resources);
  // Like TakeForOffer, for everything that is free on an agent without shared resources.
  void TakeAllForOffer(NodeHandle client, AgentHandle agent);
  // Frees what the framework holds of `resources`. Returns the clients that held it, each with its
  // part.
  using Part = std::pair<NodeHandle, Resources>;
  std::vector<Part> Release(FrameworkHandle framework, AgentHandle agent,
                            const Resources& resources);
  // Removes the framework if it was never added, or its clients in roles that it left, if they no
  // longer hold anything.
  void ForgetIfIdle(FrameworkHandle framework);

  // Fails if agents, frameworks, the share tree, the ledger and the filters contradict each other
  // or themselves.
  Status CheckInvariants() const;

  ShareTree tree;
  Ledger ledger;
  Filters filters;
  Slab<AgentHandle, Agent> agents;
  Slab<FrameworkHandle, Framework> frameworks;
  std::vector<Client> clients;       // By node index. Only the entries of client nodes are used.
  HandleSet<AgentHandle> with_free;  // Agents with something that could be offered.
  // The number of clients with a minimum of their own.
  size_t own_minimums = 0;

  const std::unordered_map<FrameworkId, FrameworkHandle>& framework_ids() const {
    return framework_ids_;
  }

 private:
  NodeHandle EnsureClient(FrameworkHandle framework, const std::string& role);
  void RemoveClient(NodeHandle client);
  void SetMinimum(Client& client, std::optional<std::vector<Quantities>> minimum);
  void UpdateActivity(NodeHandle client);
  void Describe(Agent& agent, const AgentSpec& spec) const;
  void DescribeTotal(Agent& agent) const;
  void RecomputeFree(AgentHandle agent);
  // Called after `released` was removed from the ledger.
  void AddFree(AgentHandle agent, const Resources& released);
  void NoteFree(AgentHandle agent);
  Status CheckAgent(AgentHandle agent) const;
  Status CheckFramework(FrameworkHandle framework) const;
  Status CheckClient(FrameworkHandle framework, const std::string& role, NodeHandle node) const;

  const bool filter_gpu_resources_;
  const std::optional<v1::DomainInfo> domain_;
  std::unordered_map<AgentId, AgentHandle> agent_ids_;
  std::unordered_map<FrameworkId, FrameworkHandle> framework_ids_;
};

}  // namespace tepui::allocator
