// SPDX-License-Identifier: Apache-2.0
// sim_soak: runs the simulated cluster under faults, one seed after another.

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/flags.h"
#include "base/log.h"
#include "base/random.h"
#include "sim/run/soak.h"

namespace tepui::sim {
namespace {

constexpr int kUsageError = 2;

// The cores' log is printed between the lines of the trace only.
void SetUpLogs(bool trace) {
  google::protobuf::SetLogHandler(nullptr);
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stdout_sink_st>());
  logger->set_pattern("    [%l] %v");
  logger->set_level(trace ? spdlog::level::info : spdlog::level::off);
  spdlog::set_default_logger(std::move(logger));
}

int ReportProblems(const std::string& program, const std::vector<std::string>& problems) {
  fmt::print(stderr, "{} cannot start:\n", program);
  for (const std::string& problem : problems) fmt::print(stderr, "  {}\n", problem);
  fmt::print(stderr, "See {} --help\n", program);
  return kUsageError;
}

int Main(std::vector<std::string> words) {
  const std::string program = words.empty() ? "sim_soak" : words.front();
  if (!words.empty()) words.erase(words.begin());
  SoakFlags flags;
  flags.spec.seed = 1;
  FlagTable table(
      {.program = "sim_soak",
       .purpose =
           "Runs real masters, agents and schedulers as a simulated cluster under faults, one seed "
           "after another, until an invariant breaks (exit code 1) or all seeds are through (0).",
       .arguments = "",
       .environment_prefix = ""});
  flags.Declare(&table);
  FlagResult parsed = table.Parse(words, {});
  if (parsed.help) {
    fmt::print("{}", table.Help());
    return 0;
  }
  if (parsed.problems.empty()) {
    if (const Status valid = flags.Check(table); !valid)
      parsed.problems.push_back(valid.error().message);
  }
  if (!parsed.problems.empty()) return ReportProblems(program, parsed.problems);
  // Every soak explores other seeds, far from those that people choose.
  if (flags.duration && !table.Given("seed")) flags.spec.seed = SystemRandom().Next() >> 16;
  SetUpLogs(flags.trace);
  return Soak(flags, program);
}

}  // namespace
}  // namespace tepui::sim

int main(int argc, char** argv) {
  return tepui::sim::Main(std::vector<std::string>(argv, argv + argc));
}
