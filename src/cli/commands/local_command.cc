// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>

#include "base/log.h"
#include "cli/commands/command.h"
#include "cli/servers/running_agent.h"
#include "cli/servers/servers.h"
#include "cli/servers/signals.h"

namespace tepui::cli {
namespace {

// Each agent takes several threads of this process.
constexpr int kMaxAgents = 64;

struct LocalFlags {
  CommonFlags common;
  MasterFlags master;
  AgentFlags agent;
  std::string work_dir;
  int num_agents = 1;
};

void Declare(FlagTable* table, LocalFlags* flags) {
  flags->common.log.program = "tepui-local";
  flags->common.port = 5050;
  // Master and agents end together, so nothing has to be kept.
  flags->master.registry = "in_memory";
  flags->work_dir = TemporaryDirectory() + "/mesos/work";
  table->Group("Local cluster");
  table->Add("work_dir", &flags->work_dir, "Directory for everything that master and agents keep.")
      .IsPath();
  table
      ->Add("num_agents", &flags->num_agents,
            "How many agents to run; each offers all of the machine's resources, or --resources.")
      .Alias("num_slaves")
      .Check([flags]() -> Status {
        if (flags->num_agents >= 1 && flags->num_agents <= kMaxAgents) return {};
        return Fail(Code::kInvalid, "must be from 1 to {}, not {}", kMaxAgents, flags->num_agents);
      });
  DeclareCommonFlags(table, &flags->common);
  DeclareMasterFlags(table, &flags->master);
  DeclareAgentFlags(table, &flags->agent);
}

// Like mesos-local, keeps the work, runtime and cache directories of the agents apart; each agent
// gets a subdirectory of a directory given by flag.
AgentFlags FlagsOfAgent(const LocalFlags& flags, const FlagTable& table, int index) {
  AgentFlags agent = flags.agent;
  const std::string own = fmt::format("{}/agents/{}", flags.work_dir, index);
  const auto place = [&](std::string_view name, const std::string& directory,
                         std::string_view leaf) {
    if (!table.Given(name)) return fmt::format("{}/{}", own, leaf);
    return flags.num_agents == 1 ? directory : fmt::format("{}/{}", directory, index);
  };
  std::string& runtime_dir = agent.containerizer.runtime_dir;
  runtime_dir = place("runtime_dir", runtime_dir, "run");
  agent.fetcher_cache_dir = place("fetcher_cache_dir", agent.fetcher_cache_dir, "fetch");
  std::string& cgroups_root = agent.containerizer.isolation.cgroups_root;
  if (flags.num_agents > 1) cgroups_root = fmt::format("{}/agent{}", cgroups_root, index);
  return agent;
}

std::vector<server::AgentServerOptions> ToAgentServers(const LocalFlags& flags,
                                                       const FlagTable& table,
                                                       const Identity& identity,
                                                       const std::vector<std::string>& environment,
                                                       std::vector<std::string>* problems) {
  CommonFlags common = flags.common;
  common.port = 0;
  std::vector<server::AgentServerOptions> agents;
  for (int i = 0; i < flags.num_agents && problems->empty(); ++i) {
    agents.push_back(ToAgentServer(FlagsOfAgent(flags, table, i), common, identity,
                                   fmt::format("{}/agents/{}/work", flags.work_dir, i), environment,
                                   table.Values(), problems));
  }
  return agents;
}

int Serve(server::MasterServerOptions master_options,
          std::vector<server::AgentServerOptions> agent_options, const Identity& identity) {
  SignalWait signals;
  net::IoThreads threads(IoThreadCount());
  const auto master = server::MasterServer::Start(threads, std::move(master_options));
  if (!master) {
    spdlog::error("The master cannot start: {}", master.error().message);
    return kFailure;
  }
  const std::string address = fmt::format("{}:{}", identity.ip, (*master)->port());
  spdlog::info("Master listening on http://{} (id {})", address, (*master)->id());

  std::vector<std::unique_ptr<RunningAgent>> agents;
  for (server::AgentServerOptions& options : agent_options) {
    options.detector = DetectorOf(Endpoint{.host = identity.ip, .port = (*master)->port()},
                                  CommonFlags().zk_session_timeout);
    auto agent = RunningAgent::Start(threads, std::move(options), signals);
    if (!agent) {
      spdlog::error("An agent cannot start: {}", agent.error().message);
      return kFailure;
    }
    spdlog::info("Agent listening on http://{}:{}", identity.ip, (*agent)->port());
    agents.push_back(std::move(*agent));
  }
  fmt::print(
      "A cluster with {} {} runs at http://{}\n  try:  tepui run --master={} --name=hello "
      "--command='echo hello'\n"
      "  see:  curl http://{}/state\nCtrl-C ends it.\n",
      agents.size(), agents.size() == 1 ? "agent" : "agents", address, address, address);
  fflush(stdout);

  // An agent that ends by itself was shut down or refused: the cluster continues without it, as a
  // real one does.
  int signal = 0;
  while (signal == 0) {
    signal = signals.Wait().value_or(0);
    for (const auto& agent : agents) {
      if (agent->ended() && !agent->outcome())
        spdlog::error("An agent ended: {}", agent->outcome().error().message);
    }
  }
  spdlog::info("The cluster ends: got {}", SignalName(signal));
  for (const auto& agent : agents) {
    if (!agent->ended()) agent->Shutdown("the local cluster ends");
  }
  return WaitForEnd(agents, signals, signal) ? kSuccess : kFailure;
}

}  // namespace

int LocalCommand(const Invocation& invocation) {
  LocalFlags flags;
  FlagTable table(
      {.program = invocation.program,
       .purpose =
           "Runs a master and agents in one process, to try things out. It listens on 127.0.0.1 "
           "unless "
           "--ip says otherwise: whoever can reach it can run commands on this machine. Every flag "
           "of master and agent may be given.",
       .arguments = "",
       .environment_prefix = "MESOS_"});
  Declare(&table, &flags);
  FlagResult parsed = table.Parse(invocation.words, invocation.environment);
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = std::move(parsed.problems);
  CheckCommonFlags(flags.common, &problems);
  const Identity identity =
      problems.empty() ? FindIdentity(flags.common, "127.0.0.1", &problems) : Identity{};
  server::MasterServerOptions master = ToMasterServer(flags.master, flags.common, identity,
                                                      flags.work_dir, table.Values(), &problems);
  std::vector<server::AgentServerOptions> agents =
      ToAgentServers(flags, table, identity, invocation.environment, &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);

  if (const Status log = StartLog(flags.common.log); !log) {
    return ReportProblems(invocation.program, {log.error().message});
  }
  for (const std::string& warning : parsed.warnings) spdlog::warn(warning);
  return Serve(std::move(master), std::move(agents), identity);
}

}  // namespace tepui::cli
