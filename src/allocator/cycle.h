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

// One agent to look at in a run.
struct Visit {
  AgentHandle agent;
  // Only these clients may want something they could not have had before; empty: anybody may.
  // Indices into the plan.
  uint32_t first_client = 0;
  uint32_t clients = 0;
};

struct Plan {
  std::vector<Visit> visits;
  std::vector<NodeHandle> clients;
};

// One allocation run: goes over the agents of a plan, in random order, and offers what each has
// free, whole, to the first candidate that may and would take it; what is left (reservations for
// others, things it cannot use) to the next. The order of candidates is that of the moment the
// visit begins; it is updated between agents.
//
// An agent that was visited is settled: until something changes, nobody wants what it has left. The
// caller knows what can change (allocator.cc); that is what makes the next run small.
//
// Roles' quotas will bound what a candidate gets here (TryOffer), after a pass of its own over
// roles with guarantees; offer constraints belong with the abilities in MayUse.
class Cycle {
 public:
  Cycle(const Options& options, Cluster& cluster);

  struct Outcome {
    std::vector<Offer> offers;
    // Agents with shared resources that were offered: in the next run they can be offered again.
    std::vector<AgentHandle> again;
    uint64_t visited = 0;
  };
  Outcome Run(Plan plan, Random& random);

 private:
  void VisitAgent(const Visit& visit, const Plan& plan);
  void VisitAll();
  // Nobody would take what is left.
  bool TooLittle() const;
  void VisitSome(std::span<const NodeHandle> clients);
  // Marks clients whose filters hide all there is. False if that leaves no client.
  bool MarkHidden();
  // Sets pool_ to what of the agent the role may have. False if that is nothing.
  bool EnterRole(const std::string& role);
  void TryOffer(NodeHandle client);
  bool MayUse(const Client& client) const;
  static bool Allocatable(const Resources& resources, const std::vector<Quantities>& minimum);
  void Give(NodeHandle client, const Resources& offer);
  void Settle();

  const Options& options_;
  Cluster& cluster_;
  Candidates candidates_;
  Random* random_ = nullptr;
  uint64_t run_ = 0;
  Outcome outcome_;

  // --- The visit at hand.
  AgentHandle agent_;
  Resources available_;   // What is left of it.
  Resources unreserved_;  // Of that; used if the agent has reservations.
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
      hidden_in_visit_;  // By node index: the last visit that the client is hidden from.
};

}  // namespace tepui::allocator
