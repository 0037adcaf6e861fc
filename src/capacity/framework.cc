// SPDX-License-Identifier: Apache-2.0
#include "capacity/framework.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "capacity/placement.h"

namespace tepui::capacity {
namespace {

constexpr Duration kNoEnd = Duration::max();

v1::FrameworkInfo InfoOf(const FrameworkSpec& spec) {
  v1::FrameworkInfo info;
  info.set_user("simulated");
  info.set_name(spec.name);
  for (const std::string& role : spec.roles) info.add_roles(role);
  info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
  info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT);
  for (const auto type : spec.capabilities) info.add_capabilities()->set_type(type);
  return info;
}

v1::Filters FiltersOf(const FrameworkSpec& spec) {
  v1::Filters filters;
  filters.set_refuse_seconds(spec.refuse_seconds);
  return filters;
}

}  // namespace

Framework::Framework(FrameworkId id, const FrameworkSpec& spec, std::vector<uint32_t> roles,
                     uint64_t seed, World& world)
    : id_(std::move(id)),
      spec_(spec),
      roles_(std::move(roles)),
      world_(world),
      random_(seed),
      filters_(FiltersOf(spec)),
      waiting_(spec.shapes.size()),
      first_untried_(spec.shapes.size()),
      waits_(spec.roles.size()) {
  for (const AgentGroup& group : world.agent_groups)
    suits_.push_back(HasAttributes(group.attributes, spec.only_on));
  double sum = 0;
  for (const TaskShape& shape : spec.shapes) shape_limits_.push_back(sum += shape.weight);
}

void Framework::Start() {
  StartLoad();
  suppressed_ = spec_.suppress && !CanLaunch();
  world_.allocator.AddFramework(id_, InfoOf(spec_),
                                suppressed_ ? spec_.roles : std::vector<std::string>(), true, {});
}

// --- Load.

void Framework::StartLoad() {
  if (const auto* service = std::get_if<Service>(&spec_.workload)) {
    Arrive(service->tasks);
  } else if (std::holds_alternative<Trace>(spec_.workload)) {
    ScheduleTraceArrival();
  } else {
    arrivals_.emplace(std::get<Batch>(spec_.workload).arrivals, random_);
    ScheduleArrival();
  }
}

// Tasks that arrive at the present instant arrive without a timer, so at the start before the first
// offers are made.
void Framework::ScheduleArrival() {
  while (const auto batch = arrivals_->Next(world_.end)) {
    const Duration delay = batch->at - world_.clock.Now().time_since_epoch();
    if (delay <= Duration::zero()) {
      Arrive(batch->tasks);
      continue;
    }
    world_.clock.After(delay, [this, tasks = batch->tasks] {
      Arrive(tasks);
      ScheduleArrival();
      OnWork();
    });
    return;
  }
}

void Framework::Arrive(uint64_t tasks) {
  const auto* batch = std::get_if<Batch>(&spec_.workload);
  const auto* service = std::get_if<Service>(&spec_.workload);
  for (uint64_t i = 0; i < tasks; ++i) {
    const uint32_t shape = DrawShape();
    Duration duration = kNoEnd;
    if (batch != nullptr) duration = batch->duration.Draw(random_);
    if (service != nullptr && service->duration) duration = service->duration->Draw(random_);
    AddTask(shape, duration);
  }
}

void Framework::ScheduleTraceArrival() {
  ArriveFromTrace();
  const std::vector<TraceTask>& tasks = std::get<Trace>(spec_.workload).tasks;
  if (next_trace_task_ == tasks.size() || tasks[next_trace_task_].arrival >= world_.end) return;
  const Duration now = world_.clock.Now().time_since_epoch();
  world_.clock.After(tasks[next_trace_task_].arrival - now, [this] {
    ScheduleTraceArrival();
    OnWork();
  });
}

void Framework::ArriveFromTrace() {
  const std::vector<TraceTask>& tasks = std::get<Trace>(spec_.workload).tasks;
  const Duration now = world_.clock.Now().time_since_epoch();
  for (; next_trace_task_ < tasks.size(); ++next_trace_task_) {
    const TraceTask& task = tasks[next_trace_task_];
    if (task.arrival > now) return;
    AddTask(task.shape, task.duration);
  }
}

void Framework::AddTask(uint32_t shape, Duration duration) {
  if (--world_.tasks_left < 0) return;
  ++arrived_;
  waiting_.Add(shape, world_.clock.Now(), duration);
  world_.meter.Wait(roles_, 1, world_.clock.Now());
}

uint32_t Framework::DrawShape() {
  if (shape_limits_.size() == 1) return 0;
  const double point = random_.Fraction() * shape_limits_.back();
  const auto place = std::ranges::upper_bound(shape_limits_, point) - shape_limits_.begin();
  return static_cast<uint32_t>(
      std::min<size_t>(static_cast<size_t>(place), shape_limits_.size() - 1));
}

// --- Decisions.

void Framework::OnWork() {
  UseHeld();
  if (!suppressed_ || !CanLaunch()) return;
  suppressed_ = false;
  world_.allocator.Revive(id_, {});
}

void Framework::OnOffers(std::vector<allocator::Offer> offers) {
  offers_.made += offers.size();
  offers_.outstanding += offers.size();
  if (spec_.decision_time == Duration::zero()) {
    Decide(std::move(offers));
    return;
  }
  for (const allocator::Offer& offer : offers)
    world_.meter.Offer(offer.resources, 1, world_.clock.Now());
  world_.clock.After(spec_.decision_time, [this, offers = std::move(offers)]() mutable {
    for (const allocator::Offer& offer : offers)
      world_.meter.Offer(offer.resources, -1, world_.clock.Now());
    Decide(std::move(offers));
  });
}

void Framework::Decide(std::vector<allocator::Offer> offers) {
  for (allocator::Offer& offer : offers) Answer(std::move(offer));
  if (!spec_.suppress || suppressed_ || CanLaunch()) return;
  suppressed_ = true;
  world_.allocator.Suppress(id_, {});
}

void Framework::Answer(allocator::Offer offer) {
  const bool suits = Suits(offer.agent);
  if (suits && Use(offer)) return;
  if (suits && spec_.hold_offers > Duration::zero()) {
    Hold(std::move(offer));
  } else {
    Decline(offer);
  }
}

void Framework::Decline(const allocator::Offer& offer) {
  ++offers_.declined;
  --offers_.outstanding;
  world_.allocator.Release(id_, offer.agent, offer.resources, filters_);
}

bool Framework::Suits(const AgentId& agent) const {
  return spec_.only_on.empty() || suits_[world_.group_of_agent.at(agent)];
}

bool Framework::Use(allocator::Offer& offer) {
  bool used = false;
  uint64_t number = 0;
  for (int misses = 0; misses < kMaxMisses && CanLaunch();) {
    const auto head = waiting_.FirstFrom(number);
    if (!head) break;
    number = head->number + 1;
    if (Fits(spec_.shapes[head->shape].resources, offer.resources)) {
      Launch(*head, offer);
      used = true;
    } else {
      ++misses;
    }
  }
  if (!used) return false;
  ++offers_.accepted;
  --offers_.outstanding;
  if (!offer.resources.empty())
    world_.allocator.Release(id_, offer.agent, offer.resources, filters_);
  return true;
}

void Framework::Launch(const WaitingTasks::Head& head, allocator::Offer& offer) {
  const MonotonicTime now = world_.clock.Now();
  const Quantities& amounts = spec_.shapes[head.shape].resources;
  const auto role =
      static_cast<uint32_t>(std::ranges::find(spec_.roles, offer.role) - spec_.roles.begin());
  assert(role < spec_.roles.size());

  const WaitingTasks::Task task = waiting_.Pop(head.shape);
  waits_[role].push_back(now - task.since);
  world_.meter.Wait(roles_, -1, now);
  world_.meter.Run(roles_[role], amounts, 1, now);
  ++running_count_;

  RunningTask running{.agent = offer.agent,
                      .resources = Take(amounts, &offer.resources),
                      .role = role,
                      .shape = head.shape};
  // A task that outlasts the simulation needs no slot.
  if (task.duration > world_.end - now.time_since_epoch()) return;
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(running_.size()));
    running_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  running_[slot] = std::move(running);
  world_.clock.After(task.duration, [this, slot] { OnTaskEnd(slot); });
}

void Framework::OnTaskEnd(uint32_t slot) {
  const RunningTask task = std::exchange(running_[slot], {});
  free_slots_.push_back(slot);
  --running_count_;
  ++finished_;
  world_.meter.Run(roles_[task.role], spec_.shapes[task.shape].resources, -1, world_.clock.Now());
  world_.allocator.Release(id_, task.agent, task.resources, std::nullopt);
  if (std::holds_alternative<Service>(spec_.workload)) Arrive(1);
  OnWork();
}

// --- Offers that are held.

void Framework::Hold(allocator::Offer offer) {
  const MonotonicTime now = world_.clock.Now();
  HeldOffer held{.offer = std::move(offer), .end = now + spec_.hold_offers, .times_out = false};
  if (world_.offer_timeout) {
    const MonotonicTime timeout = now - spec_.decision_time + *world_.offer_timeout;
    if (timeout <= held.end) held = {std::move(held.offer), timeout, true};
  }
  world_.meter.Offer(held.offer.resources, 1, now);
  held_.emplace_back(std::move(held));
  ScheduleHeldEnd();
}

void Framework::UseHeld() {
  uint64_t number = 0;
  for (int misses = 0; misses < kMaxMisses && !held_.empty() && CanLaunch();) {
    const auto head = waiting_.FirstFrom(number);
    if (!head) return;
    number = head->number + 1;
    if (!UseHeldFor(head->shape)) ++misses;
  }
}

bool Framework::UseHeldFor(uint32_t shape) {
  uint64_t& next = first_untried_[shape];
  for (next = std::max(next, first_held_); next < first_held_ + held_.size(); ++next) {
    std::optional<HeldOffer>& held = held_[next - first_held_];
    if (!held || !Fits(spec_.shapes[shape].resources, held->offer.resources)) continue;
    allocator::Offer offer = std::move(held->offer);
    world_.meter.Offer(offer.resources, -1, world_.clock.Now());
    held.reset();
    const bool used = Use(offer);
    assert(used);
    static_cast<void>(used);
    while (!held_.empty() && !held_.front()) DropHeldFront();
    return true;
  }
  return false;
}

void Framework::DropHeldFront() {
  held_.pop_front();
  ++first_held_;
}

// One timer for all held offers: the front is the first to end.
void Framework::ScheduleHeldEnd() {
  if (held_timer_ || held_.empty()) return;
  held_timer_ = true;
  world_.clock.After(held_.front()->end - world_.clock.Now(), [this] {
    held_timer_ = false;
    const MonotonicTime now = world_.clock.Now();
    while (!held_.empty() && (!held_.front() || held_.front()->end <= now)) {
      const std::optional<HeldOffer> held = std::move(held_.front());
      DropHeldFront();
      if (!held) continue;
      world_.meter.Offer(held->offer.resources, -1, now);
      if (held->times_out) {
        ++offers_.rescinded;
        --offers_.outstanding;
        world_.allocator.Release(id_, held->offer.agent, held->offer.resources, std::nullopt);
      } else {
        Decline(held->offer);
      }
    }
    ScheduleHeldEnd();
  });
}

// --- Results.

TaskCounts Framework::Tasks() const {
  TaskCounts counts{.arrived = arrived_,
                    .finished = finished_,
                    .running = running_count_,
                    .waiting = waiting_.size(),
                    .longest_waiting = {}};
  if (!waiting_.empty()) counts.longest_waiting = world_.clock.Now() - waiting_.OldestSince();
  return counts;
}

}  // namespace tepui::capacity
