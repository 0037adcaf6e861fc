// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "allocator/allocator.h"
#include "allocator/candidates.h"
#include "allocator/cluster.h"
#include "base/random.h"

namespace tepui::allocator {

// One agent to visit in a run.
struct Visit {
  AgentHandle agent;
  // Only these clients may want something that they could not have before; indices into the plan.
  // Empty: any client may.
  uint32_t first_client = 0;
  uint32_t clients = 0;
};

struct Plan {
  std::vector<Visit> visits;
  std::vector<NodeHandle> clients;
};

// One allocation run: goes over the agents of a plan, in random order, and offers what each has
// free, whole, to the first candidate that may and would take it, and what is left (reservations
// for others, things it cannot use) to the next. The order of candidates is fixed when a visit
// begins and updated between agents.
//
// A visited agent is settled: until something changes, no client wants what it has left. The caller
// knows what can change (allocator.cc), which keeps the next run small.
//
// Roles' quotas will bound what a candidate gets here (TryOffer), after a separate pass over roles
// with guarantees; offer constraints belong with the abilities in MayUse.
class Cycle {
 public:
  Cycle(const Options& options, Cluster& cluster);

  struct Outcome {
    std::vector<Offer> offers;
    // Agents whose shared resources were offered: they can be offered again in the next run.
    std::vector<AgentHandle> again;
    uint64_t visited = 0;
  };
  Outcome Run(Plan plan, Random& random);

  // Returns true if a visit of the agent would offer the client what the agent has free now.
  bool WouldOffer(AgentHandle agent, NodeHandle client) const;

 private:
  void VisitAgent(const Visit& visit, const Plan& plan);
  void VisitAll();
  // Returns true if no client would take what is left.
  bool TooLittle() const;
  void VisitSome(std::span<const NodeHandle> clients);
  // Marks clients whose filters hide everything there is. Returns false if that leaves no client.
  bool MarkHidden();
  // Sets pool_ to the part of the agent that the role may have. Returns false if there is none.
  bool EnterRole(const std::string& role);
  void TryOffer(NodeHandle client);
  static bool MayUse(const Agent& agent, const Client& client);
  // Returns `resources` without the parts that demand an ability in `lacking`.
  static Resources Without(uint8_t lacking, const Resources& resources);
  // Returns true if the offer is large enough, and no filter of the client hides it.
  bool Wants(AgentHandle agent, NodeHandle client, const Resources& offer) const;
  static bool Allocatable(const Resources& resources, const std::vector<Quantities>& minimum);
  void Give(NodeHandle client, const Resources& offer);
  void Settle();

  const Options& options_;
  Cluster& cluster_;
  Candidates candidates_;
  Random* random_ = nullptr;
  uint64_t run_ = 0;
  Outcome outcome_;

  // --- The present visit.
  AgentHandle agent_;
  Resources available_;   // What is left of the agent.
  Resources unreserved_;  // The unreserved part of available_; used if the agent has reservations.
  bool unreserved_known_ = false;
  Resources role_pool_;
  const Resources* pool_ = nullptr;  // What the current role may have.
  struct Gift {
    NodeHandle client;
    Resources resources;
  };
  std::vector<Gift> gifts_;

  uint32_t visit_number_ = 0;
  std::vector<uint32_t>
      hidden_in_visit_;  // By node index: the last visit in which the client is hidden.
};

}  // namespace tepui::allocator
