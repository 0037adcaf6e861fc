// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// The number that the edge gave to an executor's open event stream. It is never used again; 0 means
// none.
using StreamId = uint64_t;

// The agent's outgoing connections. The methods are called on the agent's thread, and must not
// block or call back into the agent.
class Links {
 public:
  virtual ~Links() = default;

  // --- To the master. The edge keeps one link and reports its end with
  // Agent::OnMasterDisconnected.

  // Opens the link with this subscription. The edge does not retry it.
  virtual void Subscribe(link::Call::Subscribe subscribe) = 0;
  // Sends calls in order. A call is dropped while there is no link; the core sends again what
  // matters.
  virtual void Send(link::Call call) = 0;
  // Drops the link; OnMasterDisconnected does not follow.
  virtual void Disconnect() = 0;

  // --- To the edge. Called once, when the agent knows its id from its checkpoint or its
  // registration.
  virtual void Identify(const AgentId& id) = 0;

  // --- To the subscriber on the agent: an executor gets mesos.v1.executor.Event. Events of a
  // stream are sent in the order of the calls; those for a stream that has ended are dropped.
  virtual void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) = 0;
  // Ends the stream after what was sent to it. OnStreamClosed does not follow.
  virtual void Close(StreamId stream) = 0;
};

}  // namespace tepui::agent
