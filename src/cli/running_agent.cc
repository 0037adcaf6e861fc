#include "cli/running_agent.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace tepui::cli {

Result<std::unique_ptr<RunningAgent>> RunningAgent::Start(net::IoThreads& threads,
                                                          http::AgentServerOptions options,
                                                          SignalWait& signals) {
  std::unique_ptr<RunningAgent> agent(new RunningAgent);
  options.on_exit = [exit = agent->exit_, &signals](Status outcome) {
    exit->outcome = std::move(outcome);
    exit->ended.store(true, std::memory_order_release);
    signals.Wake();
  };
  auto server = http::AgentServer::Start(threads, std::move(options));
  if (!server) return Fail(std::move(server.error()));
  agent->server_ = std::move(*server);
  return agent;
}

bool WaitForEnd(const std::vector<std::unique_ptr<RunningAgent>>& agents, SignalWait& signals,
                Duration grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  const auto all_ended = [&] {
    return std::ranges::all_of(agents, [](const auto& agent) { return agent->ended(); });
  };
  while (!all_ended()) {
    const auto left =
        std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    const std::optional<int> woken = left > Duration::zero() ? signals.Wait(left) : std::nullopt;
    if (!woken) {
      spdlog::warn("Leaving although not every task could be ended in time");
      return false;
    }
    if (*woken != 0) {
      spdlog::warn("Leaving at once: a second signal came");
      return false;
    }
  }
  return true;
}

}  // namespace tepui::cli
