// SPDX-License-Identifier: Apache-2.0
#include "sim/run/soak.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <ranges>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/seconds.h"
#include "base/units.h"
#include "sim/run/isolated_run.h"
#include "sim/run/shrink.h"

namespace tepui::sim {
namespace {

using RealClock = std::chrono::steady_clock;

// Limit for delta debugging: enough for a hundred faults.
constexpr int kMaxShrinkRuns = 300;

Result<std::vector<int>> ParseNumbers(std::string_view text) {
  std::vector<int> numbers;
  if (text.empty()) return numbers;
  for (const auto part : std::views::split(text, ',')) {
    int number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || end != part.data() + part.size()) {
      return Fail(Code::kInvalid, "expected numbers separated by commas, not '{}'", text);
    }
    numbers.push_back(number);
  }
  return numbers;
}

FlagBinding BindNumbers(std::optional<std::vector<int>>* target) {
  return {.value_name = "NUMBERS",
          .parse = [target](std::string_view text) -> Status {
            Result<std::vector<int>> numbers = ParseNumbers(text);
            if (!numbers) return Fail(numbers.error());
            *target = std::move(*numbers);
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            return fmt::format("{}", fmt::join(**target, ","));
          }};
}

// A generous limit for one run: machines differ, and sanitizers are slow.
Duration RealLimit(const RunSpec& spec) {
  return std::chrono::minutes(2) + (spec.length + RunSpec::kConvergence) / 4;
}

// The command that repeats the run.
std::string Command(const RunSpec& spec, const std::string& program) {
  const RunSpec usual;
  std::string command = fmt::format("{} --seed={}", program, spec.seed);
  const auto add = [&](std::string_view flag, int value, int usual_value) {
    if (value != usual_value) command += fmt::format(" --{}={}", flag, value);
  };
  add("masters", spec.size.masters, usual.size.masters);
  add("agents", spec.size.agents, usual.size.agents);
  add("frameworks", spec.size.frameworks, usual.size.frameworks);
  add("faults", spec.faults, usual.faults);
  add("operator_acts", spec.operator_acts, usual.operator_acts);
  if (spec.length != usual.length) command += " --length=" + FormatDuration(spec.length);
  if (spec.only) command += fmt::format(" --only={}", fmt::join(*spec.only, ","));
  return command;
}

void PrintViolation(const Violation& violation) {
  fmt::print("  {} at {}s: {}\n", violation.invariant, Seconds(violation.when.time_since_epoch()),
             violation.what);
}

// Prints faults in order of time, with the numbers that --only accepts.
void PrintFaults(const std::vector<Fault>& faults, std::vector<int> numbers) {
  const auto fault = [&](int number) -> const Fault& {
    return faults[static_cast<size_t>(number)];
  };
  std::ranges::stable_sort(numbers, {}, [&](int number) { return fault(number).at; });
  for (const int number : numbers) fmt::print("  {:>4}: {}\n", number, fault(number).ToString());
}

std::vector<int> NumbersOf(const RunSpec& spec) {
  if (spec.only) return *spec.only;
  std::vector<int> numbers(static_cast<size_t>(spec.faults + spec.operator_acts));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

void Report(const RunSpec& spec, const RunResult& result, const std::string& program) {
  const std::vector<int> numbers = NumbersOf(spec);
  const std::string& invariant = result.violations.front().invariant;
  fmt::print("\nSeed {} breaks an invariant:\n", spec.seed);
  PrintViolation(result.violations.front());
  if (result.violations.size() > 1)
    fmt::print("  ... and {} more after it\n", result.violations.size() - 1);
  fmt::print("Its faults:\n");
  PrintFaults(result.faults, numbers);
  fmt::print("Again: {}\n", Command(spec, program));
  std::fflush(stdout);

  RunSpec less = spec;
  less.stop_at = invariant;
  std::optional<Violation> found;
  const Shrunk shrunk = Shrink(
      numbers,
      [&](const std::vector<int>& rest) {
        less.only = rest;
        const RunResult run = RunIsolated(less, RealLimit(less));
        const auto same = std::ranges::find(run.violations, invariant, &Violation::invariant);
        if (same == run.violations.end()) return false;
        found = *same;
        return true;
      },
      kMaxShrinkRuns);
  less.only = shrunk.numbers;
  fmt::print("\nAfter {} runs with fewer faults, {} of them {}:\n", shrunk.runs,
             shrunk.numbers.size(), shrunk.minimal ? "are what it takes" : "are left");
  PrintFaults(result.faults, shrunk.numbers);
  if (found) PrintViolation(*found);
  fmt::print("Again: {} --trace\n", Command(less, program));
}

// On a terminal a line that is updated every second; in a file a line now and then.
class Progress {
 public:
  void Count(const RunSpec& spec, const RunResult& result) {
    ++runs_;
    launched_ += result.tasks_launched;
    finished_ += result.tasks_finished;
    elections_ += result.elections;
    virtual_ += spec.length + RunSpec::kConvergence;
    const auto now = RealClock::now();
    if (now - shown_ < (terminal_ ? std::chrono::seconds(1) : std::chrono::seconds(30))) return;
    shown_ = now;
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", Line(), terminal_ ? "" : "\n");
  }

  std::string Line() const {
    const double real = Seconds(RealClock::now() - begun_);
    return fmt::format(
        "{} seeds, {:.1f}/s; {} tasks launched, {} finished; {} elections; {:.1f} hours of virtual "
        "time",
        runs_, static_cast<double>(runs_) / std::max(real, 1e-9), launched_, finished_, elections_,
        Seconds(virtual_) / 3600);
  }

  void Clear() const {
    if (terminal_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) == 1;
  const RealClock::time_point begun_ = RealClock::now();
  RealClock::time_point shown_ = begun_;
  uint64_t runs_ = 0;
  uint64_t launched_ = 0;
  uint64_t finished_ = 0;
  uint64_t elections_ = 0;
  Duration virtual_{};
};

// Runs in this process, so that the trace is there up to a crash.
int TraceOne(RunSpec spec) {
  spec.trace_to = stdout;
  const RunResult result = Run(spec);
  for (const Violation& violation : result.violations) PrintViolation(violation);
  return result.violations.empty() ? 0 : 1;
}

}  // namespace

void SoakFlags::Declare(FlagTable* table) {
  table->Group("What to run");
  table->Add("seed", &spec.seed, "Seed of the first run; a random one for --duration.");
  table->Add("seeds", &seeds, "So many runs; one if there is no --duration either.");
  table->Add("duration", &duration, "As many runs as begin within this time.");
  table->Group("The runs");
  table->Add("masters", &spec.size.masters, "Masters of the cluster.");
  table->Add("agents", &spec.size.agents, "Agents of the cluster.");
  table->Add("frameworks", &spec.size.frameworks,
             "Frameworks: batch, service, greedy, hoarder and nonsense in turn.");
  table->Add("faults", &spec.faults, "Faults of a run.");
  table->Add("operator_acts", &spec.operator_acts,
             "Agents that an operator marks gone, and frameworks that it tears down.");
  table->Add("length", &spec.length, "Virtual time in which they happen.");
  table->Group("One run");
  table->AddBinding("only", BindNumbers(&spec.only), "Only the faults of these numbers.");
  table->Add("trace", &trace, "Prints all that happens, with the log of masters and agents.");
}

Status SoakFlags::Check(const FlagTable& table) const {
  if (Status valid = spec.Check(); !valid) return valid;
  if (seeds && *seeds < 1)
    return Fail(Code::kInvalid, "--seeds must be at least 1, not {}", *seeds);
  if (duration && *duration <= Duration::zero())
    return Fail(Code::kInvalid, "--duration must be more than nothing");
  if (seeds && duration) return Fail(Code::kInvalid, "--seeds and --duration exclude each other");
  const bool many = duration || seeds.value_or(1) > 1;
  if (many && (trace || spec.only))
    return Fail(Code::kInvalid, "--trace and --only are for one run: no --seeds, no --duration");
  if (spec.only && !table.Given("seed"))
    return Fail(Code::kInvalid, "--only needs --seed: the faults of each seed are others");
  return {};
}

int Soak(const SoakFlags& flags, const std::string& program) {
  if (flags.trace) return TraceOne(flags.spec);
  const auto end = RealClock::now() + flags.duration.value_or(Duration::zero());
  RunSpec spec = flags.spec;
  Progress progress;
  for (int runs = 0; flags.duration ? RealClock::now() < end : runs < flags.seeds.value_or(1);
       ++runs) {
    const RunResult result = RunIsolated(spec, RealLimit(spec));
    progress.Count(spec, result);
    if (!result.violations.empty()) {
      progress.Clear();
      fmt::print("{}\n", progress.Line());
      Report(spec, result, program);
      return 1;
    }
    ++spec.seed;
  }
  progress.Clear();
  fmt::print("{}\nNo violations, from seed {} to {}.\n", progress.Line(), flags.spec.seed,
             spec.seed - 1);
  return 0;
}

}  // namespace tepui::sim
