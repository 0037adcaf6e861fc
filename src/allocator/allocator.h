// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::allocator {

enum class SorterPolicy { kDrf, kRandom };

struct Options {
  Duration allocation_interval = std::chrono::seconds(1);  // Positive.
  SorterPolicy role_sorter = SorterPolicy::kDrf;
  SorterPolicy framework_sorter = SorterPolicy::kDrf;
  // An offer holds at least one of these (OR of ANDs). Empty: any offer is large enough. Flag
  // min_allocatable_resources.
  std::vector<Quantities> min_allocatable = {};
  std::vector<std::string> fair_sharing_excluded_resource_names = {};
  bool filter_gpu_resources = true;
  std::optional<v1::DomainInfo> domain = {};  // The master's domain, for region-aware frameworks.
  std::unordered_map<std::string, double> weights = {};  // By role path; 1.0 where absent.
};

// Resources of one agent for one framework in one role. `resources` carry the role as allocation
// info.
struct Offer {
  FrameworkId framework;
  AgentId agent;
  std::string role;
  Resources resources;
};

struct AgentSpec {
  v1::AgentInfo info;  // id, hostname, attributes, domain.
  std::vector<v1::AgentInfo::Capability::Type> capabilities;
  Resources total;  // In unallocated form, with the reservations and volumes made so far.
};

// Decides which framework is offered what (reference 3): the tree of roles is sorted by weighted
// dominant share, the frameworks of a role likewise, and each agent's free resources are offered
// whole to the first framework that may and would take them. Pure: no thread, no I/O, and no clock
// but the one passed in. All calls and callbacks are made on the owner's thread.
//
// Only changes cause work: an agent is visited again when its free resources grew, when a filter on
// it ended, or when a framework that could take them appeared, was activated or revived. Allocation
// over all such agents is batched. It runs at the next tick of the allocation interval or, for
// events, from a zero-delay timer. A cycle without changes visits nothing.
//
// Every resource is in exactly one state: free, offered to a framework, or used by one. The
// allocator does not distinguish the last two (both are "allocated" here).
class Allocator {
 public:
  using OfferCallback = std::function<void(std::vector<Offer>)>;

  Allocator(Options options, Clock& clock, Random& random, OfferCallback offers);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // `used`: what the framework already holds on agents known here (for a framework that
  // reregisters). Inactive frameworks are counted and offered nothing.
  void AddFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                    const std::vector<std::string>& suppressed_roles, bool active,
                    const std::unordered_map<AgentId, Resources>& used);
  // New info of a known framework. What it still holds in roles it left keeps counting there.
  void UpdateFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                       const std::vector<std::string>& suppressed_roles);
  // Removes the framework and frees what it holds.
  void RemoveFramework(const FrameworkId& id);
  void ActivateFramework(const FrameworkId& id);
  // Also removes its filters. What it was offered stays allocated until recovered.
  void DeactivateFramework(const FrameworkId& id);

  // `used`: by framework. What an unknown framework holds counts at once for it and its role;
  // AddFramework may name it again.
  void AddAgent(const AgentSpec& agent, const std::unordered_map<FrameworkId, Resources>& used);
  // New total, attributes or capabilities. Filters on the agent end if attributes or capabilities
  // changed.
  void UpdateAgent(const AgentSpec& agent);
  void RemoveAgent(const AgentId& id);
  void ActivateAgent(const AgentId& id);
  void DeactivateAgent(const AgentId& id);

  // The framework's allocation on the agent changed from `consumed` to `converted` (an offer
  // operation was accepted; both with allocation info). The agent's total changes likewise.
  void Convert(const FrameworkId& framework, const AgentId& agent, const Resources& consumed,
               const Resources& converted);
  // The agent's free resources change from `consumed` to `converted` (an operator's operation,
  // without allocation info). kConflict if not all of `consumed` is free.
  Status ConvertFree(const AgentId& agent, const Resources& consumed, const Resources& converted);
  // The framework uses more of the agent than was known (a task of a returning agent or executor).
  void Allocate(const FrameworkId& framework, const AgentId& agent, const Resources& resources);
  // `resources` are free again. With `filters` the framework is not offered a subset of them on
  // this agent, in the role they were allocated to, for refuse_seconds (default 5, at most 365
  // days, at least one allocation interval). Unknown frameworks and agents are ignored: they may
  // have been removed first.
  void Release(const FrameworkId& framework, const AgentId& agent, const Resources& resources,
               const std::optional<v1::Filters>& filters);

  // If `roles` is empty, all roles of the framework are meant. Revive also ends the filters of
  // those roles.
  void Suppress(const FrameworkId& framework, const std::vector<std::string>& roles);
  void Revive(const FrameworkId& framework, const std::vector<std::string>& roles);

  void UpdateWeights(const std::unordered_map<std::string, double>& weights);

  // While paused nothing is offered. Pauses do not nest.
  void Pause();
  void Resume();

  // Runs one allocation over everything that is due, now. For benchmarks and tests; otherwise
  // timers start the runs.
  void RunNow();

  // --- Data for metrics and state endpoints.
  // For a role's own frameworks, without subroles. `allocated` is over all agents, without
  // allocation info. `dominant_share` is that of the last run.
  struct RoleState {
    double weight = 1.0;
    double dominant_share = 0;
    Resources allocated;
    std::vector<FrameworkId> frameworks;
  };
  // Roles with frameworks, with allocated resources, or with a weight.
  std::unordered_map<std::string, RoleState> Roles() const;
  struct Counters {
    uint64_t runs = 0;
    uint64_t offers = 0;
    uint64_t agents_visited = 0;
    uint64_t active_filters = 0;
    Duration last_run{};
  };
  Counters counters() const;
  const Quantities& total() const;
  const Quantities& allocated() const;

  // Fails if the records contradict each other: amounts, shares, filters, or an agent that counts
  // as settled although a framework would take what it has free. A bug, reported with a sentence.
  // Compares each agent with each client, so it is for tests and simulations.
  Status CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::allocator
