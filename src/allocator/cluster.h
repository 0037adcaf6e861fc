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

// What a framework can do or take that not all can (reference 2.2), as bits. An agent demands some
// of them; resources that need others are left out of an offer.
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
  std::string attributes;                                     // Serialized: compared only.
  std::vector<v1::AgentInfo::Capability::Type> capabilities;  // Sorted.
  std::string domain;                                         // Serialized.
  bool active = true;

  Resources total;
  Quantities total_quantities;
  Resources free;    // Of what is not shared. total - held, but for what is held and no more there.
  Resources shared;  // Of total; offerable though it is held.
  // What of `shared` was offered in the allocation run with that number.
  Resources shared_offered;
  uint64_t shared_offered_run = 0;

  uint8_t demands = 0;         // Abilities without which nothing of the agent may be offered.
  uint8_t contents = 0;        // Of kRevocable, kShared, kRefined: some of `total` needs it.
  bool has_reserved = false;   // Some of `total` is not for every role.
  bool overcommitted = false;  // Not all that is held is in `total`.
};

// A framework in a role. Stands for a leaf of the share tree and has its handle.
struct Client {
  FrameworkHandle framework;
  std::string role;
  bool subscribed =
      false;  // One of the framework's roles; otherwise it only holds something from before.
  bool suppressed = false;
  uint8_t abilities = 0;
  std::optional<std::vector<Quantities>>
      min_allocatable;  // Instead of the flag's (FrameworkInfo.offer_filters).
};

struct Framework {
  FrameworkId id;
  bool added =
      false;  // False: known only as the holder of resources of an agent that was added before it.
  bool active = false;
  std::map<std::string, NodeHandle, std::less<>> clients;  // By role.
};

// Everybody and who holds what: keeps agents, frameworks, the share tree, the ledger and the
// filters consistent with each other. Knows nothing of when offers are made. For every agent, of
// what is not shared and exists: free + held == total.
class Cluster {
 public:
  explicit Cluster(const Options& options);

  // Handles are empty if there is none.
  AgentHandle FindAgent(const AgentId& id) const;
  FrameworkHandle FindFramework(const FrameworkId& id) const;
  NodeHandle FindClient(FrameworkHandle framework, std::string_view role) const;

  AgentHandle AddAgent(const AgentSpec& spec);
  // What clients hold there is theirs no more.
  void RemoveAgent(AgentHandle agent);
  // True if anything changed. Filters on the agent end if attributes or capabilities did.
  bool UpdateAgent(AgentHandle agent, const AgentSpec& spec);
  void SetTotal(AgentHandle agent, Resources total);

  FrameworkHandle EnsureFramework(const FrameworkId& id);
  // Roles, abilities and minimums as `info` says; suppressed roles as given. Clients of roles no
  // longer named lose their filters and remain while they hold something. Returns the clients that
  // are subscribed.
  std::vector<NodeHandle> SetInfo(FrameworkHandle framework, const v1::FrameworkInfo& info,
                                  const std::vector<std::string>& suppressed);
  // The agents that got free resources by it.
  std::vector<AgentHandle> RemoveFramework(FrameworkHandle framework);
  void SetActive(FrameworkHandle framework, bool active);
  void SetSuppressed(NodeHandle client, bool suppressed);

  // `resources` may carry allocation info, which says the role; they come from what is free as far
  // as it is.
  void Take(FrameworkHandle framework, AgentHandle agent, const Resources& resources);
  // Unallocated resources, all of them free, to a client whom they are offered to.
  void TakeForOffer(NodeHandle client, AgentHandle agent, const Resources& resources);
  // The same for all that is free, of an agent without shared resources.
  void TakeAllForOffer(NodeHandle client, AgentHandle agent);
  // Gives back what the framework holds of `resources`. The clients it was taken from, with their
  // part.
  using Part = std::pair<NodeHandle, Resources>;
  std::vector<Part> Release(FrameworkHandle framework, AgentHandle agent,
                            const Resources& resources);
  // Forgets the framework if it was never added, or its clients in roles it left, where they hold
  // nothing any more.
  void ForgetIfIdle(FrameworkHandle framework);

  ShareTree tree;
  Ledger ledger;
  Filters filters;
  Slab<AgentHandle, Agent> agents;
  Slab<FrameworkHandle, Framework> frameworks;
  std::vector<Client> clients;       // By node index; meaningful for client nodes.
  HandleSet<AgentHandle> with_free;  // Agents with something that could be offered.
  // How many clients have a minimum of their own.
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
  // After `released` left the ledger.
  void AddFree(AgentHandle agent, const Resources& released);
  void NoteFree(AgentHandle agent);

  const bool filter_gpu_resources_;
  const std::optional<v1::DomainInfo> domain_;
  std::unordered_map<AgentId, AgentHandle> agent_ids_;
  std::unordered_map<FrameworkId, FrameworkHandle> framework_ids_;
};

}  // namespace tepui::allocator
