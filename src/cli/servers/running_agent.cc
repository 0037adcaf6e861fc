// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/running_agent.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"

namespace tepui::cli {

Result<std::unique_ptr<RunningAgent>> RunningAgent::Start(net::IoThreads& threads,
                                                          server::AgentServerOptions options,
                                                          SignalWait& signals) {
  std::unique_ptr<RunningAgent> agent(new RunningAgent);
  options.on_exit = [exit = agent->exit_, &signals](Status outcome) {
    exit->outcome = std::move(outcome);
    exit->ended.store(true, std::memory_order_release);
    signals.Wake();
  };
  auto server = server::AgentServer::Start(threads, std::move(options));
  if (!server) return Fail(server.error());
  agent->server_ = std::move(*server);
  return agent;
}

bool WaitForEnd(const std::vector<std::unique_ptr<RunningAgent>>& agents, SignalWait& signals,
                int first_signal) {
  const auto all_ended = [&] {
    return std::ranges::all_of(agents, [](const auto& agent) { return agent->ended(); });
  };
  while (!all_ended()) {
    const int signal = signals.Wait().value_or(0);
    if (signal == 0) continue;
    if (signal == SIGINT || signal == first_signal) {
      spdlog::warn("Exiting at once: received a second signal");
      return false;
    }
    spdlog::info("Got {}; waiting until the tasks have ended", SignalName(signal));
  }
  return true;
}

}  // namespace tepui::cli
