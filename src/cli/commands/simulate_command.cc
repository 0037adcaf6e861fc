// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/units.h"
#include "capacity/check.h"
#include "capacity/plot.h"
#include "capacity/simulation.h"
#include "capacity/trace.h"
#include "capacity/workload_reader.h"
#include "cli/commands/command.h"
#include "cli/flags/simulate_flags.h"
#include "cli/servers/signals.h"

namespace tepui::cli {
namespace {

Result<std::string> ReadText(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status))
    return Fail(Code::kInvalid, "'{}' is a directory, not a file", path);
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Code::kInvalid, "the file '{}' cannot be opened", path);
  std::string text;
  std::string chunk(size_t{1} << 20, '\0');
  while (file && text.size() <= capacity::kMaxTraceBytes) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return Fail(Code::kInvalid, "the file '{}' cannot be read", path);
  if (text.size() > capacity::kMaxTraceBytes) {
    return Fail(Code::kTooLarge, "the file '{}' is larger than {}", path,
                FormatBytes(capacity::kMaxTraceBytes));
  }
  return text;
}

Status WriteText(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return {};
  return Fail(Code::kInvalid, "the file '{}' cannot be written", path);
}

int Complain(const Invocation& invocation, const std::vector<std::string>& problems) {
  fmt::print(stderr, "{} cannot simulate this:\n", invocation.program);
  for (const std::string& problem : problems) fmt::print(stderr, "  {}\n", problem);
  return kUsageError;
}

// Shows the progress of a simulation on a terminal: a large one takes minutes.
class ProgressLine {
 public:
  void Show(double part) {
    const int percent = static_cast<int>(part * 100);
    if (!terminal_ || percent == std::exchange(shown_, percent)) return;
    fmt::print(stderr, "\rsimulated: {:3}%", percent);
    std::fflush(stderr);
  }
  ~ProgressLine() {
    if (terminal_ && shown_ >= 0) fmt::print(stderr, "\r{:16}\r", "");
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  int shown_ = -1;
};

int Report(const SimulatePlan& plan, const capacity::Report& report) {
  const std::string text = plan.json ? capacity::ToJson(report) : capacity::ToTable(report);
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  written = std::fflush(stdout) == 0 && written;
  if (!written) {
    fmt::print(stderr, "The report cannot be written to stdout\n");
    return kFailure;
  }
  if (!plan.plot_path) return kSuccess;
  const Status plotted = WriteText(
      *plan.plot_path, plan.plot_html ? capacity::ToHtml(report) : capacity::ToSvg(report));
  if (plotted) return kSuccess;
  fmt::print(stderr, "--plot: {}\n", plotted.error().message);
  return kFailure;
}

int Run(const Invocation& invocation, const SimulatePlan& plan, const FlagTable& table) {
  const Result<std::string> text = ReadText(plan.workload_path);
  if (!text) return Complain(invocation, {text.error().message});
  const std::filesystem::path directory = std::filesystem::path(plan.workload_path).parent_path();
  auto workload = capacity::ReadWorkload(*text, plan.workload_path, [&](const std::string& path) {
    return ReadText((directory / path).string());
  });
  if (!workload) return Complain(invocation, workload.error());
  const std::vector<std::string> problems = capacity::CheckWorkload(*workload, plan.settings);
  if (!problems.empty()) return Complain(invocation, problems);

  // Checked before minutes of work, not after.
  if (plan.plot_path) {
    if (const Status writable = WriteText(*plan.plot_path, ""); !writable)
      return Complain(invocation, {fmt::format("--plot: {}", writable.error().message)});
  }

  Result<capacity::Report> report = [&] {
    ProgressLine progress;
    return capacity::Simulate(*workload, plan.settings, [&](double part) { progress.Show(part); });
  }();
  if (!report) return Complain(invocation, {report.error().message});
  report->policy = PolicyOf(table);
  return Report(plan, *report);
}

}  // namespace

int SimulateCommand(const Invocation& invocation) {
  UnblockSignals();  // Ctrl-C simply ends the process.
  SimulateFlags flags;
  // The environment is not read, so that only the command line determines the result.
  FlagTable table(
      {.program = invocation.program,
       .purpose =
           "Plans a cluster: simulates agents, frameworks and their load, as a workload file in "
           "JSON describes them, with the allocator of the master in virtual time, and reports "
           "utilisation, waiting times, fairness and offers. Nothing is started and no network is "
           "used; the same file, flags and seed give the same report. docs/capacity-planning.md "
           "explains "
           "the file and has examples.",
       .arguments = "WORKLOAD_FILE",
       .environment_prefix = "",
       .flags_after_arguments = true});
  DeclareSimulateFlags(&table, &flags);
  const FlagResult parsed = table.Parse(invocation.words, {});
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = parsed.problems;
  const SimulatePlan plan = ToSimulatePlan(flags, parsed.arguments, &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);
  for (const std::string& warning : parsed.warnings) fmt::print(stderr, "{}\n", warning);
  return Run(invocation, plan, table);
}

}  // namespace tepui::cli
