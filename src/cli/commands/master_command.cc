// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <atomic>

#include "base/log.h"
#include "cli/commands/command.h"
#include "cli/servers/servers.h"
#include "cli/servers/signals.h"

namespace tepui::cli {
namespace {

int Serve(server::MasterServerOptions options, const Identity& identity) {
  SignalWait signals;
  std::atomic<bool> ended = false;
  options.on_exit = [&](const Error& why) {
    spdlog::error("The master ends: {}", why.message);
    ended.store(true, std::memory_order_release);
    signals.Wake();
  };
  net::IoThreads threads(IoThreadCount());
  const auto server = server::MasterServer::Start(threads, std::move(options));
  if (!server) {
    spdlog::error("The master cannot start: {}", server.error().message);
    return kFailure;
  }
  spdlog::info("Master listening on http://{}:{} (id {})", identity.ip, (*server)->port(),
               (*server)->id());
  const int signal = signals.Wait().value_or(0);
  if (ended.load(std::memory_order_acquire)) return kFailure;
  spdlog::info("Master ends: got {}", SignalName(signal));
  return kSuccess;
}

}  // namespace

int MasterCommand(const Invocation& invocation) {
  CommonFlags common;
  common.log.program = "tepui-master";
  common.port = 5050;
  MasterFlags flags;
  std::optional<std::string> work_dir;
  FlagTable table(
      {.program = invocation.program,
       .purpose =
           "Runs a master: it admits agents and frameworks and offers the agents' resources to the "
           "frameworks.",
       .arguments = "",
       .environment_prefix = "MESOS_"});
  DeclareCommonFlags(&table, &common);
  DeclareMasterFlags(&table, &flags);
  table.Group("Master");
  table
      .Add("work_dir", &work_dir,
           "Directory for what the master keeps: the registry (registry.db), unless --zk is given.")
      .IsPath();

  FlagResult parsed = table.Parse(invocation.words, invocation.environment);
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = std::move(parsed.problems);
  CheckCommonFlags(common, &problems);
  // Discovery and look-ups may take long, so they are skipped if the flags are wrong already.
  const Identity identity =
      problems.empty() ? FindIdentity(common, "0.0.0.0", &problems) : Identity{};
  server::MasterServerOptions options =
      ToMasterServer(flags, common, identity, work_dir.value_or(""), table.Values(), &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);

  if (const Status log = StartLog(common.log); !log) {
    return ReportProblems(invocation.program, {log.error().message});
  }
  for (const std::string& warning : parsed.warnings) spdlog::warn(warning);
  spdlog::info(VersionLine());
  return Serve(std::move(options), identity);
}

}  // namespace tepui::cli
