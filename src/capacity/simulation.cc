// SPDX-License-Identifier: Apache-2.0
#include "capacity/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "base/virtual_clock.h"
#include "capacity/framework.h"
#include "capacity/meter.h"

namespace tepui::capacity {
namespace {

using AgentCapability = v1::AgentInfo::Capability;

// A seed for each random generator, from its name, so that its numbers do not depend on which
// others exist (FNV-1a).
uint64_t SeedOf(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

allocator::Options AllocationOf(const Workload& workload, const Settings& settings) {
  allocator::Options options = settings.allocation;
  options.weights.insert(workload.weights.begin(), workload.weights.end());
  return options;
}

Quantities TotalOf(const Workload& workload) {
  Quantities total;
  for (const AgentGroup& group : workload.agents) {
    for (const auto& [name, amount] : group.resources.ScalarQuantities())
      total.Add(name, amount * static_cast<int64_t>(group.count));
  }
  return total;
}

std::vector<std::string> RolesOf(const Workload& workload) {
  std::vector<std::string> roles;
  for (const FrameworkSpec& spec : workload.frameworks) {
    for (const std::string& role : spec.roles) {
      if (std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
    }
  }
  return roles;
}

// Sorts the times.
Waits Summarize(std::vector<Duration>* times) {
  Waits waits;
  if (times->empty()) return waits;
  std::ranges::sort(*times);
  const size_t count = times->size();
  // The smallest time that at least `percent` of a hundred times do not exceed.
  const auto quantile = [&](size_t percent) { return (*times)[(count * percent + 99) / 100 - 1]; };
  double sum = 0;
  for (const Duration time : *times) sum += static_cast<double>(time.count());
  waits.tasks = count;
  waits.min = times->front();
  waits.mean = Duration(static_cast<int64_t>(sum / static_cast<double>(count)));
  waits.p50 = quantile(50);
  waits.p95 = quantile(95);
  waits.p99 = quantile(99);
  waits.max = times->back();
  return waits;
}

void Add(const TaskCounts& more, TaskCounts* counts) {
  counts->arrived += more.arrived;
  counts->finished += more.finished;
  counts->running += more.running;
  counts->waiting += more.waiting;
  counts->longest_waiting = std::max(counts->longest_waiting, more.longest_waiting);
}

void Add(const OfferCounts& more, OfferCounts* counts) {
  counts->made += more.made;
  counts->accepted += more.accepted;
  counts->declined += more.declined;
  counts->rescinded += more.rescinded;
  counts->outstanding += more.outstanding;
}

void Append(const std::vector<Duration>& more, std::vector<Duration>* times) {
  times->insert(times->end(), more.begin(), more.end());
}

class Simulation {
 public:
  Simulation(const Workload& workload, const Settings& settings)
      : workload_(workload),
        seed_(settings.seed),
        options_(AllocationOf(workload, settings)),
        roles_(RolesOf(workload)),
        random_(SeedOf(settings.seed, "allocator")),
        meter_(TotalOf(workload), roles_, options_.weights,
               options_.fair_sharing_excluded_resource_names),
        allocator_(options_, clock_, random_,
                   [this](std::vector<allocator::Offer> offers) { Deliver(std::move(offers)); }),
        world_{.clock = clock_,
               .allocator = allocator_,
               .meter = meter_,
               .agent_groups = workload.agents,
               .group_of_agent = group_of_agent_,
               .end = workload.duration,
               .offer_timeout = settings.offer_timeout,
               .tasks_left = 2 * Limits::kTasks} {}

  Result<Report> Run(const Progress& progress) {
    // Nothing runs before the clock moves, so the first offers are made when all frameworks and
    // agents are there.
    AddFrameworks();
    AddAgents();
    for (int i = 1; i <= Meter::kIntervals; ++i) {
      // Computed in whole nanoseconds, so that the end is exact.
      const Duration end = workload_.duration / Meter::kIntervals * i +
                           workload_.duration % Meter::kIntervals * i / Meter::kIntervals;
      clock_.Advance(end - clock_.Now().time_since_epoch());
      meter_.EndInterval(clock_.Now());
      if (world_.tasks_left < 0) {
        return Fail(Code::kTooLarge,
                    "More than {} tasks arrived in the first {}; lower rates or simulate a "
                    "shorter time",
                    2 * Limits::kTasks, FormatDuration(end));
      }
      progress(static_cast<double>(i) / Meter::kIntervals);
    }
    return MakeReport();
  }

 private:
  void AddFrameworks() {
    for (const FrameworkSpec& spec : workload_.frameworks) {
      std::vector<uint32_t> roles;
      for (const std::string& role : spec.roles)
        roles.push_back(static_cast<uint32_t>(std::ranges::find(roles_, role) - roles_.begin()));
      for (uint64_t i = 0; i < spec.count; ++i) {
        // Short ids of one length need no allocation per offer, and sort by number.
        FrameworkId id(fmt::format("f{:05}", frameworks_.size()));
        frameworks_.push_back(std::make_unique<Framework>(
            id, spec, roles, SeedOf(seed_, fmt::format("{} {}", spec.name, i)), world_));
        by_id_.emplace(std::move(id), frameworks_.back().get());
        frameworks_.back()->Start();
      }
    }
  }

  void AddAgents() {
    for (uint32_t group = 0; group < workload_.agents.size(); ++group) {
      const AgentGroup& of = workload_.agents[group];
      allocator::AgentSpec spec;
      spec.capabilities = {AgentCapability::MULTI_ROLE, AgentCapability::HIERARCHICAL_ROLE,
                           AgentCapability::RESERVATION_REFINEMENT};
      spec.total = of.resources;
      *spec.info.mutable_attributes() = of.attributes;
      if (of.domain) *spec.info.mutable_domain() = *of.domain;
      for (uint64_t i = 0; i < of.count; ++i) {
        const AgentId id(fmt::format("a{:06}", group_of_agent_.size()));
        spec.info.mutable_id()->set_value(id.value());
        spec.info.set_hostname(id.value());
        group_of_agent_.emplace(id, group);
        allocator_.AddAgent(spec, {});
      }
    }
  }

  // Gives each framework its offers; frameworks come in the order of their first offer.
  void Deliver(std::vector<allocator::Offer> offers) {
    std::unordered_map<Framework*, size_t> places;
    std::vector<std::pair<Framework*, std::vector<allocator::Offer>>> parts;
    for (allocator::Offer& offer : offers) {
      Framework* const framework = by_id_.at(offer.framework);
      const auto [place, is_new] = places.emplace(framework, parts.size());
      if (is_new) parts.emplace_back(framework, std::vector<allocator::Offer>());
      parts[place->second].second.push_back(std::move(offer));
    }
    for (auto& [framework, part] : parts) framework->OnOffers(std::move(part));
  }

  Report MakeReport() {
    assert(meter_.Held() == allocator_.allocated());
    Report report;
    report.duration = workload_.duration;
    report.seed = seed_;
    report.agents = group_of_agent_.size();
    report.resources = meter_.ResourceUses(clock_.Now());
    std::vector<std::vector<Duration>> role_waits(roles_.size());
    std::vector<Duration> all_waits;
    size_t next = 0;
    for (const FrameworkSpec& spec : workload_.frameworks) {
      FrameworkResult result{.name = spec.name,
                             .count = spec.count,
                             .roles = spec.roles,
                             .tasks = {},
                             .offers = {},
                             .waits = {}};
      std::vector<Duration> waits;
      for (uint64_t i = 0; i < spec.count; ++i, ++next) {
        const Framework& framework = *frameworks_[next];
        Add(framework.Tasks(), &result.tasks);
        Add(framework.offers(), &result.offers);
        for (size_t role = 0; role < spec.roles.size(); ++role) {
          Append(framework.waits(role), &waits);
          const auto number = std::ranges::find(roles_, spec.roles[role]) - roles_.begin();
          Append(framework.waits(role), &role_waits[static_cast<size_t>(number)]);
        }
      }
      Append(waits, &all_waits);
      result.waits = Summarize(&waits);
      Add(result.tasks, &report.tasks);
      Add(result.offers, &report.offers);
      report.frameworks.push_back(std::move(result));
    }
    report.waits = Summarize(&all_waits);
    for (uint32_t role = 0; role < roles_.size(); ++role) {
      report.roles.push_back(meter_.Role(role));
      report.roles.back().waits = Summarize(&role_waits[role]);
    }
    report.fairness = meter_.FairnessOfAll();
    report.allocation_runs = allocator_.counters().runs;
    report.agents_visited = allocator_.counters().agents_visited;
    report.series = meter_.TakeSeries(workload_.duration / Meter::kIntervals);
    return report;
  }

  const Workload& workload_;
  const uint64_t seed_;
  const allocator::Options options_;
  const std::vector<std::string> roles_;  // By the meter's number.
  VirtualClock clock_;
  SeededRandom random_;
  Meter meter_;
  std::unordered_map<AgentId, uint32_t> group_of_agent_;
  std::unordered_map<FrameworkId, Framework*> by_id_;
  allocator::Allocator allocator_;
  World world_;
  // In the order of the workload, `count` times each.
  std::vector<std::unique_ptr<Framework>> frameworks_;
};

}  // namespace

Result<Report> Simulate(const Workload& workload, const Settings& settings,
                        const Progress& progress) {
  return Simulation(workload, settings).Run(progress);
}

}  // namespace tepui::capacity
