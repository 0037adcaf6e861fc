// SPDX-License-Identifier: Apache-2.0
#include "allocator/cycle.h"

#include <algorithm>
#include <utility>

namespace tepui::allocator {

Cycle::Cycle(const Options& options, Cluster& cluster)
    : options_(options),
      cluster_(cluster),
      candidates_(cluster.tree, options.role_sorter, options.framework_sorter) {}

Cycle::Outcome Cycle::Run(Plan plan, Random& random) {
  ++run_;
  outcome_ = Outcome();
  cluster_.tree.Refresh();
  hidden_in_visit_.resize(cluster_.tree.slots(), 0);
  // A generator of its own is used because drawing from the kernel for every agent would cost more
  // than everything else.
  SeededRandom fast(random.Next());
  random_ = &fast;
  for (size_t i = plan.visits.size(); i > 1; --i) {
    std::swap(plan.visits[i - 1], plan.visits[fast.Below(i)]);
  }
  outcome_.offers.reserve(plan.visits.size());
  for (const Visit& visit : plan.visits) VisitAgent(visit, plan);
  return std::exchange(outcome_, Outcome());
}

void Cycle::VisitAgent(const Visit& visit, const Plan& plan) {
  Agent& agent = cluster_.agents[visit.agent];
  if (!agent.active) return;
  ++outcome_.visited;
  if (++visit_number_ == 0) {  // The number wrapped around: old marks would look new.
    std::fill(hidden_in_visit_.begin(), hidden_in_visit_.end(), 0);
    visit_number_ = 1;
  }
  agent_ = visit.agent;
  available_ = agent.free;
  if ((agent.contents & kShared) != 0) {
    // A shared resource is offered once a run (reference 3).
    if (agent.shared_offered_run != run_) agent.shared_offered = Resources();
    agent.shared_offered_run = run_;
    available_ += agent.shared - agent.shared_offered;
  }
  unreserved_known_ = false;
  gifts_.clear();
  if (TooLittle()) return;
  if (visit.clients == 0) {
    VisitAll();
  } else {
    VisitSome(std::span(plan.clients).subspan(visit.first_client, visit.clients));
  }
  Settle();
}

void Cycle::VisitAll() {
  if (!MarkHidden()) return;
  candidates_.Start(*random_);
  while (const NodeHandle own = candidates_.NextRole()) {
    const size_t gifts = gifts_.size();
    const Client& first = cluster_.clients[cluster_.tree.Ranked(own).front().index()];
    if (!EnterRole(first.role)) continue;
    while (NodeHandle client = candidates_.NextClient()) {
      if (hidden_in_visit_[client.index()] == visit_number_) continue;
      TryOffer(client);
      if (pool_->empty()) break;
    }
    if (gifts_.size() != gifts && TooLittle()) return;
  }
}

bool Cycle::TooLittle() const {
  if (available_.empty()) return true;
  // If it is below the flag's minimum, it is too little for all clients without a minimum of their
  // own.
  return cluster_.own_minimums == 0 && !Allocatable(available_, options_.min_allocatable);
}

void Cycle::VisitSome(std::span<const NodeHandle> clients) {
  std::vector<NodeHandle> ordered;
  for (NodeHandle client : clients) {
    if (cluster_.tree.IsActiveClient(client)) ordered.push_back(client);
  }
  std::ranges::sort(ordered,
                    [this](NodeHandle a, NodeHandle b) { return cluster_.tree.Before(a, b); });
  const auto repeated = std::ranges::unique(ordered);
  ordered.erase(repeated.begin(), repeated.end());
  for (NodeHandle client : ordered) {
    if (EnterRole(cluster_.clients[client.index()].role)) TryOffer(client);
  }
}

bool Cycle::MarkHidden() {
  if (!cluster_.filters.AnyOn(agent_)) return true;
  size_t hidden = 0;
  cluster_.filters.ForEachHidden(agent_, available_, [&](NodeHandle client) {
    hidden_in_visit_[client.index()] = visit_number_;
    hidden += cluster_.tree.IsActiveClient(client);
  });
  return hidden < cluster_.tree.active_clients();
}

bool Cycle::EnterRole(const std::string& role) {
  const Agent& agent = cluster_.agents[agent_];
  if (!agent.has_reserved) {
    pool_ = &available_;
    return !available_.empty();
  }
  const bool has_reservation = std::ranges::any_of(available_, [&](const Resource& resource) {
    return resource.is_reserved() && resource.is_allocatable_to(role);
  });
  if (has_reservation) {
    role_pool_ = available_.AllocatableTo(role);
    pool_ = &role_pool_;
  } else {
    if (!unreserved_known_) unreserved_ = available_.Unreserved();
    unreserved_known_ = true;
    pool_ = &unreserved_;
  }
  return !pool_->empty();
}

bool Cycle::MayUse(const Agent& agent, const Client& client) {
  return (client.abilities & agent.demands) == agent.demands;
}

Resources Cycle::Without(uint8_t lacking, const Resources& resources) {
  return resources.Filter([lacking](const Resource& resource) {
    return !((lacking & kRevocable) != 0 && resource.is_revocable()) &&
           !((lacking & kShared) != 0 && resource.is_shared()) &&
           !((lacking & kRefined) != 0 && resource.reservations().size() > 1);
  });
}

bool Cycle::Allocatable(const Resources& resources, const std::vector<Quantities>& minimum) {
  if (minimum.empty()) return !resources.empty();
  return std::ranges::any_of(minimum, [&](const Quantities& least) {
    return std::ranges::all_of(least, [&](const Quantities::Entry& entry) {
      return resources.Scalar(entry.first) >= entry.second;
    });
  });
}

bool Cycle::Wants(AgentHandle agent, NodeHandle handle, const Resources& offer) const {
  const Client& client = cluster_.clients[handle.index()];
  const std::vector<Quantities>& minimum =
      client.min_allocatable ? *client.min_allocatable : options_.min_allocatable;
  return !offer.empty() && Allocatable(offer, minimum) &&
         !cluster_.filters.Hides(agent, handle, offer);
}

void Cycle::TryOffer(NodeHandle handle) {
  const Agent& agent = cluster_.agents[agent_];
  const Client& client = cluster_.clients[handle.index()];
  if (!MayUse(agent, client)) return;

  const Resources* offer = pool_;
  Resources usable;
  const auto lacking = static_cast<uint8_t>(agent.contents & ~client.abilities);
  if (lacking != 0) {
    usable = Without(lacking, *pool_);
    offer = &usable;
  }
  if (Wants(agent_, handle, *offer)) Give(handle, *offer);
}

bool Cycle::WouldOffer(AgentHandle handle, NodeHandle client_handle) const {
  const Agent& agent = cluster_.agents[handle];
  const Client& client = cluster_.clients[client_handle.index()];
  if (!MayUse(agent, client)) return false;
  const Resources pool = (agent.free + agent.shared).AllocatableTo(client.role);
  const auto lacking = static_cast<uint8_t>(agent.contents & ~client.abilities);
  return Wants(handle, client_handle, Without(lacking, pool));
}

void Cycle::Give(NodeHandle client, const Resources& offer) {
  if (&offer == &available_) {  // The usual case: the offer is everything available.
    gifts_.push_back({client, std::move(available_)});
    available_ = Resources();
    return;
  }
  gifts_.push_back({client, offer});
  available_ -= gifts_.back().resources;
  unreserved_known_ = false;
  EnterRole(cluster_.clients[client.index()].role);
}

// Records the offers only now, so that the order of candidates is fixed during the visit.
void Cycle::Settle() {
  Agent& agent = cluster_.agents[agent_];
  const bool has_shared = (agent.contents & kShared) != 0;
  bool shared_offered = false;
  for (Gift& gift : gifts_) {
    const Client& client = cluster_.clients[gift.client.index()];
    if (gifts_.size() == 1 && available_.empty() && !has_shared) {
      cluster_.TakeAllForOffer(gift.client, agent_);
    } else {
      cluster_.TakeForOffer(gift.client, agent_, gift.resources);
    }
    if (has_shared) {
      const Resources shared = gift.resources.Shared();
      agent.shared_offered += shared;
      shared_offered |= !shared.empty();
    }
    gift.resources.Allocate(client.role);
    outcome_.offers.push_back({cluster_.frameworks[client.framework].id, agent.id, client.role,
                               std::move(gift.resources)});
  }
  if (shared_offered) outcome_.again.push_back(agent_);
}

}  // namespace tepui::allocator
