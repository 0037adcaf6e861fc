// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "base/seconds.h"
#include "sim/nodes/election.h"

namespace tepui::sim {
namespace {

using Kind = Fault::Kind;
using std::chrono::milliseconds;

// Relative frequency of each kind.
constexpr std::pair<Kind, int> kKinds[] = {
    {Kind::kCrash, 20},           {Kind::kPause, 12},          {Kind::kPartition, 16},
    {Kind::kOneWayPartition, 12}, {Kind::kIsolation, 8},       {Kind::kReset, 8},
    {Kind::kSlowNetwork, 4},      {Kind::kClockSkew, 4},       {Kind::kSlowStore, 6},
    {Kind::kFailingStore, 5},     {Kind::kFailingLaunches, 5}, {Kind::kContainerDeath, 8},
    {Kind::kShutdown, 6},         {Kind::kAgentDeath, 16},
};

// An operator acts until this long after the fault that is the reason: agents are away then, or
// unreachable, or known from the registry only.
constexpr milliseconds kLatestAct = std::chrono::minutes(4);
// The acts' seeds are those of faults with such numbers, which no run has.
constexpr uint64_t kFirstAct = uint64_t{1} << 32;

// How long a fault lasts: blinks that should have no effect, faults that end connections, faults
// that end sessions, and faults that make agents unreachable and executors exit.
struct Span {
  milliseconds min, max;
  int weight;
};
constexpr Span kSpans[] = {
    {milliseconds(50), milliseconds(2'000), 3},
    {milliseconds(2'000), milliseconds(20'000), 4},
    {milliseconds(20'000), milliseconds(100'000), 3},
    {milliseconds(100'000), milliseconds(240'000), 1},
};

// The seed of fault `number`: far from those of its neighbours and of other runs (the finalizer of
// SplitMix64).
uint64_t SeedOf(uint64_t seed, uint64_t number) {
  uint64_t mixed = seed + (number + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

int64_t Between(Random& random, int64_t min, int64_t max) {
  return min + static_cast<int64_t>(random.Below(static_cast<uint64_t>(max - min) + 1));
}

template <class List, class Weight>
const auto& Weighted(const List& list, Weight weight, Random& random) {
  int sum = 0;
  for (const auto& entry : list) sum += weight(entry);
  auto left = static_cast<int>(random.Below(static_cast<uint64_t>(sum)));
  const auto* chosen = std::begin(list);
  while (left >= weight(*chosen)) left -= weight(*chosen++);
  return *chosen;
}

// Draws the faults of one cluster.
class Draw {
 public:
  Draw(uint64_t seed, const ClusterSize& size) : random_(seed), size_(size) {}

  Fault Make(milliseconds length) {
    Fault fault;
    fault.kind = Weighted(kKinds, [](const auto& entry) { return entry.second; }, random_).first;
    Aim(&fault);
    Measure(&fault);
    const bool instant = fault.kind == Kind::kReset || fault.kind == Kind::kContainerDeath;
    const milliseconds lasts = instant ? milliseconds::zero() : std::min(HowLong(), length);
    fault.lasts = lasts;
    fault.at = milliseconds(Between(random_, 0, (length - lasts).count()));
    return fault;
  }

  Fault MakeAct(const std::vector<Fault>& faults, milliseconds length) {
    Fault act;
    const bool teardown = size_.frameworks > 0 && random_.Below(3) == 0;
    act.kind = teardown ? Kind::kTeardown : Kind::kMarkGone;
    act.target = teardown ? Framework() : Agent();
    act.at = milliseconds(Between(random_, 0, length.count()));
    act.amount = random_.Below(4) == 0 ? Between(random_, 1, 2) : 0;
    if (faults.empty() || random_.Below(2) == 0) return act;
    const Fault& reason = faults[random_.Below(faults.size())];
    for (const std::string& host : {reason.target, reason.other}) {
      if (host.starts_with(teardown ? "framework-" : "agent-")) act.target = host;
    }
    const auto after = milliseconds(Between(random_, 0, kLatestAct.count()));
    act.at = std::min<Duration>(reason.at + after, length);
    return act;
  }

 private:
  milliseconds HowLong() {
    const Span& span = Weighted(kSpans, [](const Span& entry) { return entry.weight; }, random_);
    return milliseconds(Between(random_, span.min.count(), span.max.count()));
  }

  std::string One(std::string_view kind, int count) {
    return fmt::format("{}-{}", kind, random_.Below(static_cast<uint64_t>(count)));
  }
  std::string Master() { return One("master", size_.masters); }
  std::string Agent() { return One("agent", size_.agents); }
  std::string Framework() { return One("framework", size_.frameworks); }

  std::string Node() {
    const uint64_t kinds = size_.frameworks > 0 ? 3 : 2;
    switch (random_.Below(kinds)) {
      case 0:
        return Master();
      case 1:
        return Agent();
      default:
        return Framework();
    }
  }

  // Two hosts that communicate, in either order.
  std::pair<std::string, std::string> Pair() {
    std::pair<std::string, std::string> pair;
    const uint64_t ways = size_.frameworks > 0 ? 4 : 3;
    switch (random_.Below(ways)) {
      case 0:
        pair = {Master(), Agent()};
        break;
      case 1:
        pair = {Master(), Election::kCoordination};
        break;
      case 2:
        pair = {Agent(), Election::kCoordination};
        break;
      default:
        pair = {Master(), Framework()};
        break;
    }
    if (random_.Below(2) == 0) std::swap(pair.first, pair.second);
    return pair;
  }

  void Aim(Fault* fault) {
    switch (fault->kind) {
      case Kind::kCrash:
      case Kind::kPause:
      case Kind::kIsolation:
      case Kind::kClockSkew:
        fault->target = Node();
        return;
      case Kind::kPartition:
      case Kind::kOneWayPartition:
      case Kind::kReset:
        std::tie(fault->target, fault->other) = Pair();
        return;
      case Kind::kSlowStore:
      case Kind::kFailingStore:
        fault->target = random_.Below(2) == 0 ? Master() : Agent();
        return;
      case Kind::kFailingLaunches:
      case Kind::kContainerDeath:
      case Kind::kShutdown:
      case Kind::kAgentDeath:
        fault->target = Agent();
        return;
      case Kind::kSlowNetwork:
      case Kind::kMarkGone:
      case Kind::kTeardown:
        return;
    }
  }

  void Measure(Fault* fault) {
    switch (fault->kind) {
      case Kind::kCrash:
        if (fault->target.starts_with("agent")) fault->amount = random_.Below(4) == 0 ? 1 : 0;
        return;
      case Kind::kSlowNetwork:
        fault->amount = Between(random_, 2, 50);
        return;
      case Kind::kClockSkew:
        fault->amount = Between(random_, 1, 3600) * (random_.Below(2) == 0 ? 1 : -1);
        return;
      case Kind::kSlowStore:
        fault->amount = Between(random_, 50, 10'000);
        return;
      case Kind::kShutdown:
        fault->amount = random_.Below(3) == 0 ? 1 : 0;
        return;
      default:
        return;
    }
  }

  SeededRandom random_;
  const ClusterSize size_;
};

}  // namespace

std::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kCrash:
      return "crash";
    case Kind::kPause:
      return "pause";
    case Kind::kPartition:
      return "partition";
    case Kind::kOneWayPartition:
      return "one-way-partition";
    case Kind::kIsolation:
      return "isolation";
    case Kind::kReset:
      return "reset";
    case Kind::kSlowNetwork:
      return "slow-network";
    case Kind::kClockSkew:
      return "clock-skew";
    case Kind::kSlowStore:
      return "slow-store";
    case Kind::kFailingStore:
      return "failing-store";
    case Kind::kFailingLaunches:
      return "failing-launches";
    case Kind::kContainerDeath:
      return "container-death";
    case Kind::kShutdown:
      return "shutdown";
    case Kind::kAgentDeath:
      return "agent-death";
    case Kind::kMarkGone:
      return "mark-gone";
    case Kind::kTeardown:
      return "teardown";
  }
  return "unknown";
}

std::string Fault::ToString() const {
  std::string text = fmt::format("{}s +{}s {}", Seconds(at), Seconds(lasts), Name(kind));
  if (!target.empty()) text += " " + target;
  if (!other.empty()) text += " " + other;
  switch (kind) {
    case Kind::kCrash:
      return text + (amount == 1 ? " for good" : "");
    case Kind::kSlowNetwork:
      return text + fmt::format(" x{}", amount);
    case Kind::kClockSkew:
      return text + fmt::format(" {:+}s", amount);
    case Kind::kSlowStore:
      return text + fmt::format(" {}ms", amount);
    case Kind::kShutdown:
      return text + (amount == 1 ? " SIGUSR1" : " SIGTERM");
    case Kind::kMarkGone:
      return text + (amount == 1 ? " twice" : amount == 2 ? " unknown" : "");
    case Kind::kTeardown:
      return text + (amount == 1 ? " twice" : amount == 2 ? " again" : "");
    default:
      return text;
  }
}

std::vector<Fault> MakeFaults(uint64_t seed, const ClusterSize& size, int count, Duration length) {
  std::vector<Fault> faults;
  for (int i = 0; i < count; ++i) {
    // In whole milliseconds, so that the printed fault is exact.
    faults.push_back(Draw(SeedOf(seed, static_cast<uint64_t>(i)), size)
                         .Make(std::chrono::duration_cast<milliseconds>(length)));
  }
  return faults;
}

std::vector<Fault> MakeOperatorActs(uint64_t seed, const ClusterSize& size,
                                    const std::vector<Fault>& faults, int count, Duration length) {
  std::vector<Fault> acts;
  for (int i = 0; i < count; ++i) {
    acts.push_back(Draw(SeedOf(seed, kFirstAct + static_cast<uint64_t>(i)), size)
                       .MakeAct(faults, std::chrono::duration_cast<milliseconds>(length)));
  }
  return acts;
}

}  // namespace tepui::sim
