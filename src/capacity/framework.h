// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "allocator/allocator.h"
#include "base/clock.h"
#include "base/random.h"
#include "capacity/load.h"
#include "capacity/meter.h"
#include "capacity/report.h"
#include "capacity/waiting_tasks.h"
#include "capacity/workload.h"

namespace tepui::capacity {

// State shared by the frameworks of a simulation. Everything outlives them.
struct World {
  Clock& clock;
  allocator::Allocator& allocator;
  Meter& meter;
  const std::vector<AgentGroup>& agent_groups;
  const std::unordered_map<AgentId, uint32_t>& group_of_agent;
  Duration end{};  // The end of the simulation.
  std::optional<Duration> offer_timeout;
  // How many tasks may still arrive. Below zero more have arrived than allowed, and the simulation
  // must stop.
  int64_t tasks_left = 0;
};

// A framework that decides like an ordinary Mesos scheduler. It fills an offer with waiting tasks,
// the oldest first, skipping those that do not fit; it declines the rest of the offer, and unused
// offers, for refuse_seconds. As its spec demands, it decides at once or after a time, keeps offers
// that it cannot use (hold_offers), and suppresses while it has nothing to launch.
//
// Its load draws from its own random numbers in an order that does not depend on offers, except for
// the replacements of a service; so different policies get the same load.
//
// Bounded: at most kMaxMisses shapes that do not fit are tried for an offer.
class Framework {
 public:
  static constexpr int kMaxMisses = 256;

  // `roles` are the meter's numbers for the roles of the spec. `spec` outlives this.
  Framework(FrameworkId id, const FrameworkSpec& spec, std::vector<uint32_t> roles, uint64_t seed,
            World& world);
  Framework(const Framework&) = delete;
  Framework& operator=(const Framework&) = delete;

  // Subscribes, with the load that exists at the start. Must be called once, before time moves.
  void Start();
  void OnOffers(std::vector<allocator::Offer> offers);

  // --- Results.
  TaskCounts Tasks() const;
  const OfferCounts& offers() const { return offers_; }
  // Waits of the tasks launched in the role with that index in the spec.
  const std::vector<Duration>& waits(size_t role) const { return waits_[role]; }
  const FrameworkSpec& spec() const { return spec_; }

 private:
  struct RunningTask {
    AgentId agent;
    Resources resources;
    uint32_t role = 0;  // Index into the spec's roles.
    uint32_t shape = 0;
  };
  struct HeldOffer {
    allocator::Offer offer;
    MonotonicTime end{};
    bool times_out = false;  // The offer is rescinded at its end, not declined.
  };

  // --- Load.
  void StartLoad();
  void ScheduleArrival();
  void Arrive(uint64_t tasks);
  void ScheduleTraceArrival();
  void ArriveFromTrace();
  void AddTask(uint32_t shape, Duration duration);
  uint32_t DrawShape();

  // --- Decisions.
  bool CanLaunch() const { return !waiting_.empty() && running_count_ < spec_.max_running; }
  // Called when tasks arrived or one more may run.
  void OnWork();
  void Decide(std::vector<allocator::Offer> offers);
  void Answer(allocator::Offer offer);
  // Returns true if tasks were launched; the offer is accepted then.
  bool Use(allocator::Offer& offer);
  void Launch(const WaitingTasks::Head& head, allocator::Offer& offer);
  void OnTaskEnd(uint32_t slot);
  void Decline(const allocator::Offer& offer);
  bool Suits(const AgentId& agent) const;

  // --- Offers that are held.
  void Hold(allocator::Offer offer);
  void UseHeld();
  bool UseHeldFor(uint32_t shape);
  void DropHeldFront();
  void ScheduleHeldEnd();

  const FrameworkId id_;
  const FrameworkSpec& spec_;
  const std::vector<uint32_t> roles_;
  World& world_;
  SeededRandom random_;
  const std::optional<v1::Filters> filters_;
  std::vector<bool> suits_;           // By agent group.
  std::vector<double> shape_limits_;  // Sums of the weights up to and including each shape.

  std::optional<ArrivalProcess> arrivals_;
  size_t next_trace_task_ = 0;

  WaitingTasks waiting_;
  std::vector<RunningTask> running_;
  std::vector<uint32_t> free_slots_;  // Free slots of running_.
  uint64_t running_count_ = 0;
  bool suppressed_ = false;

  // Ordered by their end. Used ones are empty, except that the front never is.
  std::deque<std::optional<HeldOffer>> held_;
  uint64_t first_held_ = 0;              // The number of the front element.
  std::vector<uint64_t> first_untried_;  // By shape: it fits into no held offer before this number.
  bool held_timer_ = false;

  uint64_t arrived_ = 0;
  uint64_t finished_ = 0;
  OfferCounts offers_;
  std::vector<std::vector<Duration>> waits_;  // By index of the spec's roles.
};

}  // namespace tepui::capacity
