// How long allocation runs take and how much memory they need: the allocator's lines of the budget,
// and the rows of Mesos' own benchmarks (reference 12.1) at several sizes. Each row runs in a
// process of its own, so that its peak memory is its own. No argument: the budget's rows; --grid:
// agents x frameworks as Mesos' DeclineOffers has them.

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "allocator/allocator.h"
#include "base/random.h"
#include "base/virtual_clock.h"

namespace tepui::allocator {
namespace {

class Bench {
 public:
  Bench(int agents, int frameworks, bool role_each, SorterPolicy policy = SorterPolicy::kDrf)
      : random_(1) {
    Options options;
    options.role_sorter = policy;
    options.framework_sorter = policy;
    options.min_allocatable = {*Quantities::Parse("cpus:0.01"), *Quantities::Parse("mem:32")};
    allocator_ =
        std::make_unique<Allocator>(options, clock_, random_, [this](std::vector<Offer> offers) {
          offers_.insert(offers_.end(), std::make_move_iterator(offers.begin()),
                         std::make_move_iterator(offers.end()));
        });
    allocator_->Pause();
    for (int i = 0; i < frameworks; ++i)
      AddFramework(i, role_each ? fmt::format("role-{}", i) : "role");
    for (int i = 0; i < agents; ++i) AddAgent(i);
  }

  // Milliseconds of one run.
  double Run() {
    allocator_->Resume();
    const auto begin = std::chrono::steady_clock::now();
    allocator_->RunNow();
    const auto end = std::chrono::steady_clock::now();
    allocator_->Pause();
    return std::chrono::duration<double, std::milli>(end - begin).count();
  }

  // Milliseconds to give back all offers, for `refuse_seconds`.
  double Decline(double refuse_seconds) {
    v1::Filters filters;
    filters.set_refuse_seconds(refuse_seconds);
    const auto begin = std::chrono::steady_clock::now();
    for (const Offer& offer : offers_) {
      allocator_->Recover(offer.framework, offer.agent, offer.resources, filters);
    }
    const auto end = std::chrono::steady_clock::now();
    offers_.clear();
    return std::chrono::duration<double, std::milli>(end - begin).count();
  }

  size_t offers() const { return offers_.size(); }
  Allocator& allocator() { return *allocator_; }
  static FrameworkId Framework(int i) {
    return FrameworkId(fmt::format("6d1d12a7-4f6e-4c0a-9b0e-3f1f2c5a9e77-{:04}", i));
  }

 private:
  void AddFramework(int i, const std::string& role) {
    v1::FrameworkInfo info;
    info.set_user("bench");
    info.set_name("bench");
    info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
    info.add_roles(role);
    allocator_->AddFramework(Framework(i), info, {}, true, {});
  }

  void AddAgent(int i) {
    AgentSpec spec;
    spec.info.mutable_id()->set_value(fmt::format("6d1d12a7-4f6e-4c0a-9b0e-3f1f2c5a9e77-S{}", i));
    spec.info.set_hostname(fmt::format("host-{}", i));
    spec.capabilities = {v1::AgentInfo::Capability::MULTI_ROLE,
                         v1::AgentInfo::Capability::HIERARCHICAL_ROLE};
    spec.total = *Resources::Parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    allocator_->AddAgent(spec, {});
  }

  VirtualClock clock_;
  SeededRandom random_;
  std::vector<Offer> offers_;
  std::unique_ptr<Allocator> allocator_;
};

constexpr double kForever = 365.0 * 24 * 3600;

// What one row measured.
struct Row {
  double milliseconds = 0;
  size_t offers = 0;
};

// Of several rounds the fastest: what the run costs where nothing else wants the processor.
Row FreeAgain(Bench& bench) {
  bench.Run();
  Row best;
  for (int round = 0; round < 9; ++round) {
    bench.Decline(0);
    const double time = bench.Run();
    if (round == 0 || time < best.milliseconds) best = {time, bench.offers()};
  }
  return best;
}

// The run after the last of the frameworks has refused the last of the agents: looks at all, and
// finds no taker.
Row LastRefusal(Bench& bench) {
  double last = 0;
  for (;;) {
    last = bench.Run();
    if (bench.offers() == 0) return {last, 0};
    bench.Decline(kForever);
  }
}

Row Unchanged(Bench& bench) {
  bench.Run();
  return {bench.Run(), 0};
}

Row FirstRun(Bench& bench) {
  const double time = bench.Run();
  return {time, bench.offers()};
}

// All but one in a hundred frameworks are suppressed (Mesos' ExtremeSuppressOffers).
Row MostSuppressed(Bench& bench, int frameworks) {
  bench.Run();
  for (int i = 0; i < frameworks; ++i) {
    if (i % 100 != 0) bench.allocator().Suppress(Bench::Framework(i), {});
  }
  bench.Decline(0);
  const double time = bench.Run();
  return {time, bench.offers()};
}

// One framework revives while all agents are refused by all.
Row OneRevives(Bench& bench) {
  LastRefusal(bench);
  bench.allocator().Revive(Bench::Framework(0), {});
  const double time = bench.Run();
  return {time, bench.offers()};
}

struct Scenario {
  std::string name;
  int agents;
  int frameworks;
  bool role_each;
  SorterPolicy policy;
  std::function<Row(Bench&)> measure;
};

long ResidentKib() {
  long pages = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// In a child process; its peak is taken from what wait4 reports.
void Report(const Scenario& scenario) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const auto begin = std::chrono::steady_clock::now();
    Bench bench(scenario.agents, scenario.frameworks, scenario.role_each, scenario.policy);
    const double set_up =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const long before = ResidentKib();
    const Row row = scenario.measure(bench);
    fmt::print(
        "{:<42} {:>6} x {:<5} {:>10.3f} ms {:>7} offers {:>9.1f} ms set-up {:>5} MiB at rest",
        scenario.name, scenario.agents, scenario.frameworks, row.milliseconds, row.offers, set_up,
        before / 1024);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  struct rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
    fmt::print("{:<42} failed\n", scenario.name);
    return;
  }
  fmt::print(" {:>5} MiB peak\n", usage.ru_maxrss / 1024);
}

std::vector<Scenario> Budget() {
  const auto drf = SorterPolicy::kDrf;
  const auto random = SorterPolicy::kRandom;
  const auto suppressed = [](Bench& bench) { return MostSuppressed(bench, 2000); };
  return {
      {"every agent free again, one role", 20000, 2000, false, drf, FreeAgain},
      {"every agent free again, a role each", 20000, 2000, true, drf, FreeAgain},
      {"first allocation, a role each", 20000, 2000, true, drf, FirstRun},
      {"every framework refused every agent", 1000, 100, false, drf, LastRefusal},
      {"the same, a role each", 1000, 100, true, drf, LastRefusal},
      {"nothing changed", 20000, 2000, false, drf, Unchanged},
      {"99 % suppressed", 20000, 2000, false, drf, suppressed},
      {"one revives, all refused by all", 20000, 100, false, drf, OneRevives},
      {"free again, random, one role", 20000, 2000, false, random, FreeAgain},
      {"free again, random, a role each", 20000, 2000, true, random, FreeAgain},
  };
}

std::vector<Scenario> Grid() {
  std::vector<Scenario> grid;
  for (int agents : {1000, 5000, 10000, 20000, 30000, 50000}) {
    for (int frameworks : {1, 50, 100, 200, 500, 1000, 3000, 6000}) {
      grid.push_back({"every agent free again, one role", agents, frameworks, false,
                      SorterPolicy::kDrf, FreeAgain});
    }
  }
  return grid;
}

}  // namespace
}  // namespace tepui::allocator

int main(int argc, char** argv) {
  const bool grid = argc > 1 && std::strcmp(argv[1], "--grid") == 0;
  for (const auto& scenario : grid ? tepui::allocator::Grid() : tepui::allocator::Budget()) {
    tepui::allocator::Report(scenario);
  }
}
