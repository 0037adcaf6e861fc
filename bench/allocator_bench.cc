// SPDX-License-Identifier: Apache-2.0
// How long allocation runs take and how much memory they need: the allocator's lines of the budget,
// and Mesos' own benchmarks (reference 12.1) over its grid of agents x frameworks. Each measurement
// runs in a process of its own, so that its peak memory is its own.
//
//   allocator_bench                the budget's lines
//   allocator_bench --grid=small   every variant at four sizes
//   allocator_bench --grid=full    every variant at all of them: takes an hour

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "allocator/allocator.h"
#include "base/random.h"
#include "base/virtual_clock.h"
#include "child.h"
#include "report.h"

namespace tepui::bench {
namespace {

using allocator::Allocator;
using allocator::Offer;
using allocator::SorterPolicy;

constexpr double kForever = 365.0 * 24 * 3600;

// Resources of an agent besides cpus, memory, disk and ports.
enum class Machine {
  kPlain,
  kReserved,      // Half of them are reserved dynamically, with 12 labels per agent.
  kVolume,        // A persistent volume of 1 GB, and ports in 16 pieces.
  kSharedVolume,  // Like kVolume, but shared.
};

struct Size {
  int agents = 20'000;
  int frameworks = 2000;
  bool role_each = false;
};

std::string RoleOf(const Size& size, int framework) {
  return size.role_each ? fmt::format("role-{}", framework) : "role";
}

Resources MachineOf(Machine machine, const Size& size, int index) {
  if (machine == Machine::kPlain)
    return *Resources::Parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
  const std::string role = RoleOf(size, index % size.frameworks);
  v1::Resource::ReservationInfo reservation;
  reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation.set_role(role);
  if (machine == Machine::kReserved) {
    for (int i = 0; i < 12; ++i) {
      v1::Label* label = reservation.mutable_labels()->add_labels();
      label->set_key(fmt::format("key-{}", i));
      label->set_value(fmt::format("value-{}-{}", index, i));
    }
    const Resources half = *Resources::Parse("cpus:12;mem:2048;disk:2048");
    return half + *Resources::Parse("ports:[31000-32000]") + *half.PushReservation(reservation);
  }
  std::string ports = "ports:[";
  for (int i = 0; i < 16; ++i)
    ports += fmt::format("{}{}-{}", i == 0 ? "" : ",", 31'000 + i * 60, 31'000 + i * 60 + 50);
  v1::Resource volume;
  volume.set_name("disk");
  volume.set_type(v1::Value::SCALAR);
  volume.mutable_scalar()->set_value(1024);
  *volume.add_reservations() = reservation;
  volume.mutable_disk()->mutable_persistence()->set_id(fmt::format("volume-{}", index));
  volume.mutable_disk()->mutable_volume()->set_container_path("data");
  volume.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  if (machine == Machine::kSharedVolume) volume.mutable_shared();
  return *Resources::Parse("cpus:24;mem:4096;disk:3072;" + ports + "]") +
         *Resources::FromProto(volume);
}

double Milliseconds(const std::function<void()>& work) {
  const SteadyClock::time_point begin = SteadyClock::now();
  work();
  return SecondsSince(begin) * 1000;
}

class Cluster {
 public:
  Cluster(const Size& size, Machine machine, SorterPolicy policy) : size_(size), random_(1) {
    allocator::Options options;
    options.role_sorter = policy;
    options.framework_sorter = policy;
    options.min_allocatable = {*Quantities::Parse("cpus:0.01"), *Quantities::Parse("mem:32")};
    allocator_ =
        std::make_unique<Allocator>(options, clock_, random_, [this](std::vector<Offer> offers) {
          offers_.insert(offers_.end(), std::make_move_iterator(offers.begin()),
                         std::make_move_iterator(offers.end()));
        });
    allocator_->Pause();
    add_frameworks_ms_ = Milliseconds([this] {
      for (int i = 0; i < size_.frameworks; ++i) AddFramework(i);
    });
    std::vector<allocator::AgentSpec> specs;
    for (int i = 0; i < size_.agents; ++i) specs.push_back(Spec(machine, i));
    add_agents_ms_ = Milliseconds([&] {
      for (const allocator::AgentSpec& spec : specs) allocator_->AddAgent(spec, {});
    });
  }

  // Returns the milliseconds of one run.
  double Run() {
    allocator_->Resume();
    const double time = Milliseconds([this] { allocator_->RunNow(); });
    allocator_->Pause();
    return time;
  }

  // Returns the milliseconds that it takes to decline all offers for `refuse_seconds`.
  double Decline(double refuse_seconds) {
    v1::Filters filters;
    filters.set_refuse_seconds(refuse_seconds);
    const double time = Milliseconds([&] {
      for (const Offer& offer : offers_)
        allocator_->Release(offer.framework, offer.agent, offer.resources, filters);
    });
    offers_.clear();
    return time;
  }

  const Size& size() const { return size_; }
  size_t offers() const { return offers_.size(); }
  Allocator& allocator() { return *allocator_; }
  double add_frameworks_ms() const { return add_frameworks_ms_; }
  double add_agents_ms() const { return add_agents_ms_; }
  static FrameworkId Framework(int i) {
    return FrameworkId(fmt::format("6d1d12a7-4f6e-4c0a-9b0e-3f1f2c5a9e77-{:04}", i));
  }

 private:
  void AddFramework(int i) {
    v1::FrameworkInfo info;
    info.set_user("bench");
    info.set_name("bench");
    for (const auto type : {v1::FrameworkInfo::Capability::MULTI_ROLE,
                            v1::FrameworkInfo::Capability::SHARED_RESOURCES,
                            v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT}) {
      info.add_capabilities()->set_type(type);
    }
    info.add_roles(RoleOf(size_, i));
    allocator_->AddFramework(Framework(i), info, {}, true, {});
  }

  allocator::AgentSpec Spec(Machine machine, int i) const {
    allocator::AgentSpec spec;
    spec.info.mutable_id()->set_value(fmt::format("6d1d12a7-4f6e-4c0a-9b0e-3f1f2c5a9e77-S{}", i));
    spec.info.set_hostname(fmt::format("host-{}", i));
    spec.capabilities = {v1::AgentInfo::Capability::MULTI_ROLE,
                         v1::AgentInfo::Capability::HIERARCHICAL_ROLE,
                         v1::AgentInfo::Capability::RESERVATION_REFINEMENT};
    spec.total = MachineOf(machine, size_, i);
    return spec;
  }

  const Size size_;
  VirtualClock clock_;
  SeededRandom random_;
  std::vector<Offer> offers_;
  std::unique_ptr<Allocator> allocator_;
  double add_frameworks_ms_ = 0;
  double add_agents_ms_ = 0;
};

// --- What is timed: milliseconds of one run, after the steps that lead up to it.

double FirstRun(Cluster& cluster) { return cluster.Run(); }

// The median of several rounds, because the first ones have to allocate memory.
double FreeAgain(Cluster& cluster) {
  cluster.Run();
  std::vector<double> times;
  for (int round = 0; round < 6; ++round) {
    cluster.Decline(0);
    times.push_back(cluster.Run());
  }
  return Quantile(times, 0.5);
}

// The run after all frameworks have refused all agents for good: it looks at everything and finds
// no taker.
double LastRefusal(Cluster& cluster) {
  for (;;) {
    const double time = cluster.Run();
    if (cluster.offers() == 0) return time;
    cluster.Decline(kForever);
  }
}

double Unchanged(Cluster& cluster) {
  cluster.Run();
  return cluster.Run();
}

// All but one in a hundred frameworks are suppressed (Mesos' ExtremeSuppressOffers).
double MostSuppressed(Cluster& cluster) {
  cluster.Run();
  for (int i = 0; i < cluster.size().frameworks; ++i) {
    if (i % 100 != 0) cluster.allocator().Suppress(Cluster::Framework(i), {});
  }
  cluster.Decline(0);
  return cluster.Run();
}

// One framework revives while all frameworks refuse all agents.
double OneRevives(Cluster& cluster) {
  LastRefusal(cluster);
  cluster.allocator().Revive(Cluster::Framework(0), {});
  return cluster.Run();
}

using Timed = double (*)(Cluster&);

struct Scenario {
  std::string name;
  Timed timed;
  Machine machine = Machine::kPlain;
  // Takes as many steps as agents times frameworks, so it is skipped at the largest sizes.
  bool quadratic = false;
};

const std::vector<Scenario>& Variants() {
  static const std::vector<Scenario> variants = {
      {.name = "free again", .timed = FreeAgain},
      {.name = "first run", .timed = FirstRun},
      {.name = "all refused", .timed = LastRefusal, .quadratic = true},
      {.name = "99 % suppressed", .timed = MostSuppressed},
      {.name = "reservations", .timed = FreeAgain, .machine = Machine::kReserved},
      {.name = "volumes", .timed = FreeAgain, .machine = Machine::kVolume},
      {.name = "shared volumes", .timed = FreeAgain, .machine = Machine::kSharedVolume},
  };
  return variants;
}

void Measure(const Report& report, const Scenario& scenario, const Size& size,
             SorterPolicy policy = SorterPolicy::kDrf) {
  report.Repeat({.name = fmt::format(
                     "{}, {}, {}x{}{}", scenario.name, size.role_each ? "a role each" : "one role",
                     size.agents, size.frameworks, policy == SorterPolicy::kDrf ? "" : ", random"),
                 .unit = "ms",
                 .values = {}},
                [&](Measurement* measurement) {
                  return MeasureInChild(measurement, [&](Measurement* own) {
                    Cluster cluster(size, scenario.machine, policy);
                    const double time = scenario.timed(cluster);
                    own->facts = {{"offers", static_cast<double>(cluster.offers())},
                                  {"add_agents_ms", cluster.add_agents_ms()},
                                  {"add_frameworks_ms", cluster.add_frameworks_ms()}};
                    return time;
                  });
                });
}

void Budget(const Report& report) {
  const Size large{}, large_each{.role_each = true};
  const Size small{.agents = 1000, .frameworks = 100};
  const Size small_each{.agents = 1000, .frameworks = 100, .role_each = true};
  for (const Scenario& scenario : Variants()) {
    Measure(report, scenario, scenario.quadratic ? small : large);
    Measure(report, scenario, scenario.quadratic ? small_each : large_each);
  }
  Measure(report, {.name = "nothing changed", .timed = Unchanged}, large);
  Measure(report, {.name = "one revives, all refused by all", .timed = OneRevives},
          {.agents = 20'000, .frameworks = 100});
  Measure(report, Variants().front(), large, SorterPolicy::kRandom);
  Measure(report, Variants().front(), large_each, SorterPolicy::kRandom);
}

void Grid(const Report& report, bool full) {
  // Beyond this number the filters alone would not fit into memory.
  constexpr int64_t kMostFilters = 20'000'000;
  const std::vector<int> agents =
      full ? std::vector{1000, 5000, 10'000, 20'000, 50'000} : std::vector{1000, 10'000};
  const std::vector<int> frameworks =
      full ? std::vector{1, 100, 1000, 2000, 6000} : std::vector{1, 1000};
  for (const Scenario& scenario : Variants()) {
    for (const bool role_each : {false, true}) {
      for (const int agent_count : agents) {
        for (const int framework_count : frameworks) {
          if (scenario.quadratic && int64_t{agent_count} * framework_count > kMostFilters) continue;
          if (role_each && framework_count == 1) continue;  // Same as one role.
          Measure(report, scenario,
                  {.agents = agent_count, .frameworks = framework_count, .role_each = role_each});
        }
      }
    }
  }
}

int Main(int argc, char** argv) {
  CommandLine line(
      "allocator_bench",
      "Measures allocation runs: the lines of the budget, or the grid of Mesos' benchmark.");
  Report report("allocator_bench");
  report.DeclareFlags(&line, 3);
  std::string grid;
  line.AddChoice("grid", &grid, {"small", "full"}, "small or full");
  line.Parse(argc, argv);
  if (grid.empty()) {
    Budget(report);
  } else {
    Grid(report, grid == "full");
  }
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
