// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>

#include "base/log.h"
#include "cli/commands/command.h"
#include "cli/servers/checkpoint_store.h"
#include "cli/servers/running_agent.h"
#include "cli/servers/servers.h"
#include "cli/servers/signals.h"
#include "election/master_address.h"

namespace tepui::cli {
namespace {

int Serve(server::AgentServerOptions options, const Identity& identity, const std::string& master) {
  SignalWait signals;
  net::IoThreads threads(IoThreadCount());
  auto started = RunningAgent::Start(threads, std::move(options), signals);
  if (!started) {
    spdlog::error("The agent cannot start: {}", started.error().message);
    return kFailure;
  }
  std::vector<std::unique_ptr<RunningAgent>> agents;
  agents.push_back(std::move(*started));
  const RunningAgent& agent = *agents.front();
  spdlog::info("Agent listening on http://{}:{}, its master is at {}", identity.ip, agent.port(),
               master);

  const int signal = signals.Wait().value_or(0);
  if (!agent.ended()) {
    const std::string reason = fmt::format("it got {}", SignalName(signal));
    if (signal == SIGUSR1) {
      agents.front()->Shutdown(reason);
    } else {
      agents.front()->Leave(reason);
    }
    if (!WaitForEnd(agents, signals, signal)) return kFailure;
  }
  if (!agent.outcome()) {
    spdlog::error("The agent ends: {}", agent.outcome().error().message);
    return kFailure;
  }
  spdlog::info("The agent ends");
  return kSuccess;
}

}  // namespace

int AgentCommand(const Invocation& invocation) {
  CommonFlags common;
  common.log.program = "tepui-agent";
  common.port = 5051;
  AgentFlags flags;
  std::string master;
  std::string work_dir;
  FlagTable table(
      {.program = invocation.program,
       .purpose =
           "Runs an agent: it offers this machine's resources through a master and runs the tasks "
           "that frameworks launch on them.",
       .arguments = "",
       .environment_prefix = "MESOS_"});
  DeclareCommonFlags(&table, &common);
  table.Group("Agent");
  table
      .Add("master", &master,
           "Where the master is: host:port, or where the masters meet: zk://host:port,.../path.")
      .Required()
      .Check([&master]() -> Status {
        const auto address = election::ParseMaster(master);
        if (address) return {};
        return Fail(Code::kInvalid, "cannot be used: {}", address.error().message);
      });
  table.Add("work_dir", &work_dir, "Directory for sandboxes and what the agent keeps.")
      .Required()
      .IsPath();
  DeclareAgentFlags(&table, &flags);

  FlagResult parsed = table.Parse(invocation.words, invocation.environment);
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = std::move(parsed.problems);
  CheckCommonFlags(common, &problems);
  const Identity identity =
      problems.empty() ? FindIdentity(common, "0.0.0.0", &problems) : Identity{};
  server::AgentServerOptions options = ToAgentServer(
      flags, common, identity, work_dir, invocation.environment, table.Values(), &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);
  options.store = CheckpointStore(options.agent.work_dir, options.agent.strict, &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);
  const auto address = election::ParseMaster(master);  // Was checked with the flags.
  options.detector = DetectorOf(*address, common.zk_session_timeout);

  if (const Status log = StartLog(common.log); !log) {
    return ReportProblems(invocation.program, {log.error().message});
  }
  for (const std::string& warning : parsed.warnings) spdlog::warn(warning);
  spdlog::info(VersionLine());
  return Serve(std::move(options), identity, election::ToString(*address));
}

}  // namespace tepui::cli
