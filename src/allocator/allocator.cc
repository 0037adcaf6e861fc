// SPDX-License-Identifier: Apache-2.0
#include "allocator/allocator.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "allocator/cluster.h"
#include "allocator/cycle.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "base/timer.h"

namespace tepui::allocator {
namespace {

constexpr Duration kDefaultRefusal = std::chrono::seconds(5);
constexpr Duration kMaxRefusal = std::chrono::hours(365 * 24);

// If more clients than this may have become interested in an agent, all clients are asked, which is
// simpler.
constexpr size_t kMaxSomeClients = 8;

// Returns how long a refusal counts (reference 2.3); zero means not at all.
Duration RefusalTime(const v1::Filters& filters) {
  const double seconds = filters.refuse_seconds();
  if (std::isnan(seconds) || seconds < 0) return kDefaultRefusal;
  return std::min(FromSeconds(seconds), kMaxRefusal);
}

}  // namespace

// Decides when agents are visited. Cluster knows what there is and who holds it; Cycle decides who
// gets it.
//
// An agent that a run has visited is settled: no client would take what it has left. Three things
// unsettle it. If the agent itself changes (more is free, it is updated or activated), it is due
// and all clients are asked. If a filter on it ends, the one client is asked. If a client wakes (it
// is added, activated or revived, or changes what it takes), that client is asked about all agents
// with something free.
class Allocator::Impl {
 public:
  Impl(Options options, Clock& clock, Random& random, OfferCallback offers)
      : options_(std::move(options)),
        clock_(clock),
        random_(random),
        offers_(std::move(offers)),
        cluster_(options_),
        cycle_(options_, cluster_),
        origin_(clock.Now()),
        timer_(clock) {
    assert(options_.allocation_interval > Duration::zero());
  }

  void AddFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                    const std::vector<std::string>& suppressed, bool active,
                    const std::unordered_map<AgentId, Resources>& used);
  void UpdateFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                       const std::vector<std::string>& suppressed);
  void RemoveFramework(const FrameworkId& id);
  void SetFrameworkActive(const FrameworkId& id, bool active);
  void SetSuppressed(const FrameworkId& id, const std::vector<std::string>& roles, bool suppressed);

  void AddAgent(const AgentSpec& spec, const std::unordered_map<FrameworkId, Resources>& used);
  void UpdateAgent(const AgentSpec& spec);
  void RemoveAgent(const AgentId& id);
  void SetAgentActive(const AgentId& id, bool active);

  void Convert(const FrameworkId& framework, const AgentId& agent, const Resources& consumed,
               const Resources& converted);
  Status ConvertFree(const AgentId& agent, const Resources& consumed, const Resources& converted);
  void Allocate(const FrameworkId& framework, const AgentId& agent, const Resources& resources);
  void Release(const FrameworkId& framework, const AgentId& agent, const Resources& resources,
               const std::optional<v1::Filters>& filters);

  void UpdateWeights(const std::unordered_map<std::string, double>& weights);
  void SetPaused(bool paused);
  void Run();

  std::unordered_map<std::string, RoleState> Roles() const;
  Counters counters() const;
  const Quantities& total() const { return cluster_.tree.total(); }
  const Quantities& allocated() const;
  Status CheckInvariants() const;

 private:
  void MakeDue(AgentHandle agent);
  void Wake(const std::vector<NodeHandle>& clients);
  Plan MakePlan();
  void Schedule();
  std::optional<MonotonicTime> NextRun() const;
  // Returns the first tick of the allocation interval that is not before `time`.
  MonotonicTime TickAt(MonotonicTime time) const;
  // Returns an empty handle also for frameworks known only as holders of resources.
  FrameworkHandle KnownFramework(const FrameworkId& id) const;
  // Fails if a client would take something of an agent that no run is going to visit for it.
  Status CheckSettled(AgentHandle agent) const;

  const Options options_;
  Clock& clock_;
  Random& random_;
  const OfferCallback offers_;
  Cluster cluster_;
  Cycle cycle_;

  const MonotonicTime origin_;  // Ticks are counted from here.
  Timer timer_;
  bool soon_ = false;  // An event requests a run at once; otherwise the next tick starts it.
  bool paused_ = false;
  HandleSet<AgentHandle> due_;
  HandleSet<NodeHandle> woken_;  // May contain handles that are no longer clients.

  Counters counters_;
  mutable Quantities allocated_;  // Filled by allocated().
};

// --- Frameworks.

FrameworkHandle Allocator::Impl::KnownFramework(const FrameworkId& id) const {
  const FrameworkHandle framework = cluster_.FindFramework(id);
  return framework && cluster_.frameworks[framework].added ? framework : FrameworkHandle();
}

void Allocator::Impl::AddFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                                   const std::vector<std::string>& suppressed, bool active,
                                   const std::unordered_map<AgentId, Resources>& used) {
  assert(!KnownFramework(id));
  const FrameworkHandle framework = cluster_.EnsureFramework(id);
  cluster_.frameworks[framework].added = true;
  cluster_.frameworks[framework].active = active;
  const std::vector<NodeHandle> subscribed = cluster_.SetInfo(framework, info, suppressed);

  // What was added with an agent is counted already.
  for (const auto& [agent_id, resources] : used) {
    const AgentHandle agent = cluster_.FindAgent(agent_id);
    if (!agent) continue;
    for (auto& [role, part] : resources.ByAllocationRole()) {
      Resources missing = part;
      missing.Unallocate();
      const NodeHandle client = cluster_.FindClient(framework, role);
      const Resources* held = client ? cluster_.ledger.Held(client, agent) : nullptr;
      if (held != nullptr) missing -= *held;
      missing.Allocate(role);
      cluster_.Take(framework, agent, missing);
    }
  }
  if (active) Wake(subscribed);
}

void Allocator::Impl::UpdateFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                                      const std::vector<std::string>& suppressed) {
  const FrameworkHandle framework = KnownFramework(id);
  if (!framework) return;
  Wake(cluster_.SetInfo(framework, info, suppressed));
}

void Allocator::Impl::RemoveFramework(const FrameworkId& id) {
  const FrameworkHandle framework = cluster_.FindFramework(id);
  if (!framework) return;
  const std::vector<AgentHandle> freed = cluster_.RemoveFramework(framework);
  if (TEPUI_PLANTED_FAULT("freed-agents-not-visited")) return;
  for (AgentHandle agent : freed) MakeDue(agent);
  Schedule();
}

void Allocator::Impl::SetFrameworkActive(const FrameworkId& id, bool active) {
  const FrameworkHandle framework = KnownFramework(id);
  if (!framework) return;
  cluster_.SetActive(framework, active);
  if (!active) return;
  std::vector<NodeHandle> clients;
  for (const auto& [role, client] : cluster_.frameworks[framework].clients)
    clients.push_back(client);
  Wake(clients);
}

void Allocator::Impl::SetSuppressed(const FrameworkId& id, const std::vector<std::string>& roles,
                                    bool suppressed) {
  const FrameworkHandle framework = KnownFramework(id);
  if (!framework) return;
  std::vector<NodeHandle> clients;
  for (const auto& [role, client] : cluster_.frameworks[framework].clients) {
    const bool named = roles.empty() || std::ranges::find(roles, role) != roles.end();
    if (!named || !cluster_.clients[client.index()].subscribed) continue;
    cluster_.SetSuppressed(client, suppressed);
    if (suppressed) continue;
    cluster_.filters.RemoveClient(client);
    clients.push_back(client);
  }
  if (!suppressed) Wake(clients);
}

// --- Agents.

void Allocator::Impl::AddAgent(const AgentSpec& spec,
                               const std::unordered_map<FrameworkId, Resources>& used) {
  assert(!cluster_.FindAgent(AgentId(spec.info.id().value())));
  const AgentHandle agent = cluster_.AddAgent(spec);
  for (const auto& [framework, resources] : used) {
    if (resources.empty() || TEPUI_PLANTED_FAULT("used-of-returning-agent-free")) continue;
    cluster_.Take(cluster_.EnsureFramework(framework), agent, resources);
  }
  MakeDue(agent);
  soon_ = true;
  Schedule();
}

void Allocator::Impl::UpdateAgent(const AgentSpec& spec) {
  const AgentHandle agent = cluster_.FindAgent(AgentId(spec.info.id().value()));
  if (!agent || !cluster_.UpdateAgent(agent, spec)) return;
  MakeDue(agent);
  soon_ = true;
  Schedule();
}

void Allocator::Impl::RemoveAgent(const AgentId& id) {
  const AgentHandle agent = cluster_.FindAgent(id);
  if (!agent) return;
  due_.Erase(agent);
  cluster_.RemoveAgent(agent);
}

void Allocator::Impl::SetAgentActive(const AgentId& id, bool active) {
  const AgentHandle agent = cluster_.FindAgent(id);
  if (!agent) return;
  cluster_.agents[agent].active = active;
  if (!active) return;
  MakeDue(agent);
  soon_ = true;
  Schedule();
}

// --- Resources.

void Allocator::Impl::Convert(const FrameworkId& framework_id, const AgentId& agent_id,
                              const Resources& consumed, const Resources& converted) {
  const FrameworkHandle framework = cluster_.FindFramework(framework_id);
  const AgentHandle agent = cluster_.FindAgent(agent_id);
  if (!framework || !agent) return;
  cluster_.Release(framework, agent, consumed);
  // One more copy of a shared resource consumes nothing and adds nothing to the agent's total.
  if (!consumed.empty()) {
    Resources total = cluster_.agents[agent].total;
    Resources change = consumed;
    change.Unallocate();
    total -= change;
    change = converted;
    change.Unallocate();
    total += change;
    cluster_.SetTotal(agent, std::move(total));
  }
  cluster_.Take(framework, agent, converted);
  cluster_.ForgetIfIdle(framework);
  MakeDue(agent);
  Schedule();
}

Status Allocator::Impl::ConvertFree(const AgentId& agent_id, const Resources& consumed,
                                    const Resources& converted) {
  const AgentHandle agent = cluster_.FindAgent(agent_id);
  if (!agent) return Fail(Code::kNotFound, "Agent '{}' is not known to the allocator", agent_id);
  Resources held;
  for (const Ledger::Entry& entry : cluster_.ledger.OfAgent(agent)) held += entry.resources;
  const Resources free = cluster_.agents[agent].total - held;
  if (!free.Contains(consumed)) {
    return Fail(Code::kConflict, "Agent '{}' does not have {} free now, only {}", agent_id,
                consumed.ToString(), free.ToString());
  }
  cluster_.SetTotal(agent, cluster_.agents[agent].total - consumed + converted);
  MakeDue(agent);
  Schedule();
  return {};
}

void Allocator::Impl::Allocate(const FrameworkId& framework, const AgentId& agent_id,
                               const Resources& resources) {
  const AgentHandle agent = cluster_.FindAgent(agent_id);
  if (!agent || resources.empty()) return;
  cluster_.Take(cluster_.EnsureFramework(framework), agent, resources);
}

void Allocator::Impl::Release(const FrameworkId& framework_id, const AgentId& agent_id,
                              const Resources& resources,
                              const std::optional<v1::Filters>& filters) {
  const FrameworkHandle framework = cluster_.FindFramework(framework_id);
  const AgentHandle agent = cluster_.FindAgent(agent_id);
  if (!framework || !agent) return;
  const std::vector<Cluster::Part> parts = cluster_.Release(framework, agent, resources);
  if (parts.empty()) return;
  const Duration refusal = filters ? RefusalTime(*filters) : Duration::zero();
  if (refusal > Duration::zero() && cluster_.frameworks[framework].active) {
    // A filter lasts beyond the next tick, so that another client gets its chance at the agent.
    const Duration least = options_.allocation_interval + Duration(1);
    const MonotonicTime end = clock_.Now() + std::max(refusal, least);
    for (const auto& [client, part] : parts) {
      if (cluster_.clients[client.index()].subscribed) {
        cluster_.filters.Install(agent, client, part, end);
      }
    }
  }
  cluster_.ForgetIfIdle(framework);
  MakeDue(agent);
  Schedule();
}

// --- Runs.

void Allocator::Impl::MakeDue(AgentHandle agent) { due_.Insert(agent); }

void Allocator::Impl::Wake(const std::vector<NodeHandle>& clients) {
  for (NodeHandle client : clients) woken_.Insert(client);
  soon_ |= !clients.empty();
  Schedule();
}

MonotonicTime Allocator::Impl::TickAt(MonotonicTime time) const {
  const Duration interval = options_.allocation_interval;
  const auto ticks = (time - origin_ + interval - Duration(1)) / interval;
  return origin_ + ticks * interval;
}

std::optional<MonotonicTime> Allocator::Impl::NextRun() const {
  if (paused_) return std::nullopt;
  const MonotonicTime now = clock_.Now();
  if (soon_) return now;
  if (!due_.empty() || !woken_.empty()) return TickAt(now + Duration(1));
  if (const auto end = cluster_.filters.NextEnd()) return TickAt(std::max(*end, now + Duration(1)));
  return std::nullopt;
}

void Allocator::Impl::Schedule() {
  const std::optional<MonotonicTime> next = NextRun();
  if (!next || (timer_.pending() && timer_.due() <= *next)) return;
  timer_.Set(*next - clock_.Now(), [this] { Run(); });
}

Plan Allocator::Impl::MakePlan() {
  Plan plan;
  for (AgentHandle agent : due_) {
    if (cluster_.with_free.Contains(agent)) plan.visits.push_back({agent});
  }

  std::vector<NodeHandle> woken;
  for (NodeHandle client : woken_) {
    if (client.index() < cluster_.tree.slots() && cluster_.tree.IsActiveClient(client)) {
      woken.push_back(client);
    }
  }
  // Asking only some clients in a random order would require drawing all of them.
  const bool random = options_.role_sorter == SorterPolicy::kRandom ||
                      options_.framework_sorter == SorterPolicy::kRandom;
  const size_t max_some = random ? 1 : kMaxSomeClients;

  std::vector<std::pair<AgentHandle, NodeHandle>> ended;
  while (const auto pair = cluster_.filters.PopEnded(clock_.Now())) {
    if (!due_.Contains(pair->first)) ended.push_back(*pair);
  }
  std::ranges::sort(ended);
  const auto repeated = std::ranges::unique(ended);
  ended.erase(repeated.begin(), repeated.end());

  HandleSet<AgentHandle> planned;
  for (size_t begin = 0, end = 0; begin < ended.size(); begin = end) {
    const AgentHandle agent = ended[begin].first;
    while (end < ended.size() && ended[end].first == agent) ++end;
    if (!cluster_.with_free.Contains(agent)) continue;
    planned.Insert(agent);
    if (!woken.empty() || end - begin > max_some) {
      plan.visits.push_back({agent});
      continue;
    }
    plan.visits.push_back(
        {agent, static_cast<uint32_t>(plan.clients.size()), static_cast<uint32_t>(end - begin)});
    for (size_t i = begin; i < end; ++i) plan.clients.push_back(ended[i].second);
  }

  if (!woken.empty()) {
    const bool all = woken.size() > max_some;
    const auto first = static_cast<uint32_t>(plan.clients.size());
    const auto count = all ? 0 : static_cast<uint32_t>(woken.size());
    if (!all) plan.clients.insert(plan.clients.end(), woken.begin(), woken.end());
    for (AgentHandle agent : cluster_.with_free) {
      if (!due_.Contains(agent) && !planned.Contains(agent)) {
        plan.visits.push_back({agent, first, count});
      }
    }
  }
  return plan;
}

void Allocator::Impl::Run() {
  if (paused_) return;
  const MonotonicTime begin = clock_.Now();
  ++counters_.runs;
  soon_ = false;
  Plan plan = MakePlan();
  due_.Clear();
  woken_.Clear();
  Cycle::Outcome outcome;
  if (!plan.visits.empty()) outcome = cycle_.Run(std::move(plan), random_);
  counters_.agents_visited += outcome.visited;
  counters_.offers += outcome.offers.size();
  for (AgentHandle agent : outcome.again) MakeDue(agent);
  counters_.last_run = clock_.Now() - begin;
  Schedule();
  // The callback must come last: it may call back.
  if (!outcome.offers.empty()) offers_(std::move(outcome.offers));
}

void Allocator::Impl::SetPaused(bool paused) {
  paused_ = paused;
  if (!paused) {
    soon_ |= !due_.empty() || !woken_.empty();
    Schedule();
  }
}

void Allocator::Impl::UpdateWeights(const std::unordered_map<std::string, double>& weights) {
  // A new weight frees no resources, so it takes effect with the next run.
  for (const auto& [role, weight] : weights) cluster_.tree.SetWeight(role, weight);
}

// --- Data for metrics and endpoints.

std::unordered_map<std::string, Allocator::RoleState> Allocator::Impl::Roles() const {
  std::unordered_map<std::string, RoleState> result;
  for (const auto& [role, weight] : cluster_.tree.weights()) result[role].weight = weight;
  cluster_.tree.ForEachRole([&](const std::string& path, NodeHandle own, const auto& clients) {
    RoleState& state = result[path];
    state.dominant_share = cluster_.tree.Share(own) / cluster_.tree.Weight(path);
    for (const auto& [name, client] : clients) {
      if (cluster_.clients[client.index()].subscribed) state.frameworks.emplace_back(name);
      for (const Ledger::Entry& entry : cluster_.ledger.OfClient(client)) {
        state.allocated += entry.resources;
      }
    }
  });
  return result;
}

Allocator::Counters Allocator::Impl::counters() const {
  Counters result = counters_;
  result.active_filters = cluster_.filters.size();
  return result;
}

const Quantities& Allocator::Impl::allocated() const {
  allocated_ = cluster_.tree.Held(cluster_.tree.root());
  return allocated_;
}

Status Allocator::Impl::CheckInvariants() const {
  if (Status held = cluster_.CheckInvariants(); !held) return held;
  const std::optional<MonotonicTime> next = NextRun();
  if (next && (!timer_.pending() || timer_.due() > *next)) {
    return Fail(Code::kInternal, "An allocation run is due, but no timer will start it in time");
  }
  for (AgentHandle agent : cluster_.with_free) {
    if (!cluster_.agents[agent].active || due_.Contains(agent)) continue;
    if (Status settled = CheckSettled(agent); !settled) return settled;
  }
  return {};
}

Status Allocator::Impl::CheckSettled(AgentHandle agent) const {
  for (uint32_t i = 0; i < cluster_.tree.slots(); ++i) {
    const NodeHandle client(i);
    if (!cluster_.tree.IsActiveClient(client) || woken_.Contains(client)) continue;
    if (!cycle_.WouldOffer(agent, client)) continue;
    return Fail(Code::kInternal,
                "Agent {} counts as settled, but framework {} would take some of what it has free",
                cluster_.agents[agent].id, cluster_.frameworks[cluster_.clients[i].framework].id);
  }
  return {};
}

// --- The public interface.

Allocator::Allocator(Options options, Clock& clock, Random& random, OfferCallback offers)
    : impl_(std::make_unique<Impl>(std::move(options), clock, random, std::move(offers))) {}
Allocator::~Allocator() = default;

void Allocator::AddFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                             const std::vector<std::string>& suppressed_roles, bool active,
                             const std::unordered_map<AgentId, Resources>& used) {
  impl_->AddFramework(id, info, suppressed_roles, active, used);
}
void Allocator::UpdateFramework(const FrameworkId& id, const v1::FrameworkInfo& info,
                                const std::vector<std::string>& suppressed_roles) {
  impl_->UpdateFramework(id, info, suppressed_roles);
}
void Allocator::RemoveFramework(const FrameworkId& id) { impl_->RemoveFramework(id); }
void Allocator::ActivateFramework(const FrameworkId& id) { impl_->SetFrameworkActive(id, true); }
void Allocator::DeactivateFramework(const FrameworkId& id) { impl_->SetFrameworkActive(id, false); }
void Allocator::AddAgent(const AgentSpec& agent,
                         const std::unordered_map<FrameworkId, Resources>& used) {
  impl_->AddAgent(agent, used);
}
void Allocator::UpdateAgent(const AgentSpec& agent) { impl_->UpdateAgent(agent); }
void Allocator::RemoveAgent(const AgentId& id) { impl_->RemoveAgent(id); }
void Allocator::ActivateAgent(const AgentId& id) { impl_->SetAgentActive(id, true); }
void Allocator::DeactivateAgent(const AgentId& id) { impl_->SetAgentActive(id, false); }
void Allocator::Convert(const FrameworkId& framework, const AgentId& agent,
                        const Resources& consumed, const Resources& converted) {
  impl_->Convert(framework, agent, consumed, converted);
}
Status Allocator::ConvertFree(const AgentId& agent, const Resources& consumed,
                              const Resources& converted) {
  return impl_->ConvertFree(agent, consumed, converted);
}
void Allocator::Allocate(const FrameworkId& framework, const AgentId& agent,
                         const Resources& resources) {
  impl_->Allocate(framework, agent, resources);
}
void Allocator::Release(const FrameworkId& framework, const AgentId& agent,
                        const Resources& resources, const std::optional<v1::Filters>& filters) {
  impl_->Release(framework, agent, resources, filters);
}
void Allocator::Suppress(const FrameworkId& framework, const std::vector<std::string>& roles) {
  impl_->SetSuppressed(framework, roles, true);
}
void Allocator::Revive(const FrameworkId& framework, const std::vector<std::string>& roles) {
  impl_->SetSuppressed(framework, roles, false);
}
void Allocator::UpdateWeights(const std::unordered_map<std::string, double>& weights) {
  impl_->UpdateWeights(weights);
}
void Allocator::Pause() { impl_->SetPaused(true); }
void Allocator::Resume() { impl_->SetPaused(false); }
void Allocator::RunNow() { impl_->Run(); }
std::unordered_map<std::string, Allocator::RoleState> Allocator::Roles() const {
  return impl_->Roles();
}
Allocator::Counters Allocator::counters() const { return impl_->counters(); }
const Quantities& Allocator::total() const { return impl_->total(); }
const Quantities& Allocator::allocated() const { return impl_->allocated(); }
Status Allocator::CheckInvariants() const { return impl_->CheckInvariants(); }

}  // namespace tepui::allocator
