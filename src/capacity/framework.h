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

// What the frameworks of a simulation share. Everything outlives them.
struct World {
  Clock& clock;
  allocator::Allocator& allocator;
  Meter& meter;
  const std::vector<AgentGroup>& agent_groups;
  const std::unordered_map<AgentId, uint32_t>& group_of_agent;
  Duration end{};  // Of the simulation.
  std::optional<Duration> offer_timeout;
  // How many tasks may still arrive. Below zero the simulation is to be given up: less than these
  // have arrived.
  int64_t tasks_left = 0;
};

// A framework that decides like an ordinary Mesos scheduler. An offer is filled with waiting tasks,
// the oldest first, leaving out those that do not fit; what is left of it and offers without use
// are declined for refuse_seconds. As its spec says, it decides at once or after a time, keeps
// offers that it cannot use (hold_offers), suppresses while it has nothing to launch.
//
// Its load draws from its own random numbers in an order that offers have no part in, but for the
// replacements of a service; so the same load meets different policies.
//
// Bounded: an offer is given up after kMaxMisses shapes that do not fit.
class Framework {
 public:
  static constexpr int kMaxMisses = 256;

  // `roles`: the meter's numbers of the spec's. `spec` outlives this.
  Framework(FrameworkId id, const FrameworkSpec& spec, std::vector<uint32_t> roles, uint64_t seed,
            World& world);
  Framework(const Framework&) = delete;
  Framework& operator=(const Framework&) = delete;

  // Subscribes, with the load that is there at the start. Call once, before time moves.
  void Start();
  void OnOffers(std::vector<allocator::Offer> offers);

  // --- Results.
  TaskCounts Tasks() const;
  const OfferCounts& offers() const { return offers_; }
  // Of the tasks launched in the spec's role of that index.
  const std::vector<Duration>& waits(size_t role) const { return waits_[role]; }
  const FrameworkSpec& spec() const { return spec_; }

 private:
  struct RunningTask {
    AgentId agent;
    Resources resources;
    uint32_t role = 0;  // Index of the spec's.
    uint32_t shape = 0;
  };
  struct HeldOffer {
    allocator::Offer offer;
    MonotonicTime end{};
    bool times_out = false;  // It is rescinded then, not declined.
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
  // Tasks came, or one more may run.
  void OnWork();
  void Decide(std::vector<allocator::Offer> offers);
  void Answer(allocator::Offer offer);
  // True if tasks were launched; the offer is accepted then.
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
  std::vector<double> shape_limits_;  // Sums of weights up to and with each shape.

  std::optional<ArrivalProcess> arrivals_;
  size_t next_trace_task_ = 0;

  WaitingTasks waiting_;
  std::vector<RunningTask> running_;
  std::vector<uint32_t> free_slots_;  // Of running_.
  uint64_t running_count_ = 0;
  bool suppressed_ = false;

  // By order of their end. Those used meanwhile are empty, but for the front.
  std::deque<std::optional<HeldOffer>> held_;
  uint64_t first_held_ = 0;              // The number of the front.
  std::vector<uint64_t> first_untried_;  // By shape: those before fit none of it.
  bool held_timer_ = false;

  uint64_t arrived_ = 0;
  uint64_t finished_ = 0;
  OfferCounts offers_;
  std::vector<std::vector<Duration>> waits_;  // By role, of the spec's.
};

}  // namespace tepui::capacity
