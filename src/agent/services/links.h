#pragma once

#include <cstdint>

#include "base/ids.h"
#include "mesos/v1/executor/executor.pb.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// An executor's open event stream, numbered by the edge; never used again. 0 is none.
using StreamId = uint64_t;

// The agent's ways out. Called on the agent's thread; must not block nor call back into the agent.
class Links {
 public:
  virtual ~Links() = default;

  // --- To the master. The edge keeps one link, and reports its end by Agent::OnMasterDisconnected.

  // Opens the link with this subscription. The edge does not retry it.
  virtual void Subscribe(link::Call::Subscribe subscribe) = 0;
  // In order; dropped while there is no link (the core sends again what matters).
  virtual void Send(link::Call call) = 0;
  // Drops the link; OnMasterDisconnected does not follow.
  virtual void Disconnect() = 0;

  // --- To the edge. The agent has this id, from its checkpoint or from its registration. Called
  // once.
  virtual void Identify(const AgentId& id) = 0;

  // --- To executors.
  virtual void Send(StreamId stream, mesos::v1::executor::Event event) = 0;
  virtual void Close(StreamId stream) = 0;
};

}  // namespace tepui::agent
