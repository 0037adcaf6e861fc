// SPDX-License-Identifier: Apache-2.0
// Agents: pings and disconnection (reference 2.9).

#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/units.h"
#include "master/core/master_impl.h"

namespace tepui::master {

namespace {

const std::shared_ptr<const link::Event>& PingEvent() {
  static const auto event = [] {
    auto ping = std::make_shared<link::Event>();
    ping->set_type(link::Event::PING);
    ping->mutable_ping()->set_connected(true);
    return std::shared_ptr<const link::Event>(std::move(ping));
  }();
  return event;
}

}  // namespace

void Master::Impl::StartPings(Agent& agent) {
  agent.awaits_pong = false;
  agent.missed_pings = 0;
  PingTick(agent);
}

// A disconnected agent misses every ping, so it gets the same timeout as one that stops answering.
void Master::Impl::PingTick(Agent& agent) {
  if (agent.awaits_pong && ++agent.missed_pings >= options_.max_agent_ping_timeouts) {
    const AgentId id = agent.id;
    ScheduleUnreachable(
        agent, fmt::format("Agent did not answer {} pings, one each {}", agent.missed_pings,
                           FormatDuration(options_.agent_ping_timeout)));
    if (!membership_.IsAdmitted(id) || membership_.IsLeaving(id)) return;
  }
  agent.awaits_pong = true;
  Send(agent, PingEvent());
  agent.ping.Set(options_.agent_ping_timeout, [this, &agent] { PingTick(agent); });
}

void Master::Impl::Disconnect(Agent& agent) {
  assert(agent.connected);
  spdlog::info("Agent {} ({}) disconnected", agent.id, agent.info.hostname());
  agents_by_stream_.erase(agent.stream);
  agents_by_stream_uuid_.erase(agent.stream_uuid);
  membership_.Disconnect(agent.id);
  agent.connected = false;
  agent.stream = 0;
  agent.stream_uuid.clear();
  agent.awaits_pong = true;
  RescindOffers(agent);
  allocator_.DeactivateAgent(agent.id);
  publisher_.AgentChanged(agent);
  if (membership_.IsLeaving(agent.id)) return;
  agent.reregister.Set(options_.agent_reregister_timeout, [this, &agent] {
    ScheduleUnreachable(agent,
                        fmt::format("Agent did not reregister within {} after its connection ended",
                                    FormatDuration(options_.agent_reregister_timeout)));
  });
}

void Master::Impl::StopWatching(Agent& agent) {
  agent.ping.Cancel();
  agent.reregister.Cancel();
  CancelUnreachable(agent.id);
}

}  // namespace tepui::master
