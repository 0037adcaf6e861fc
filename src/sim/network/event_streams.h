// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/stream_table.h"
#include "sim/network/network.h"

namespace tepui::sim {

// The open event streams of a simulated server, numbered for its core: the table of
// server::StreamHub without its thread. `on_closed` runs once for an accepted stream that ended
// without Close. Belongs to the server's process.
class EventStreams {
 public:
  using StreamId = server::StreamTable::StreamId;

  explicit EventStreams(std::function<void(StreamId)> on_closed);

  // Events go as protobuf. `uuid`, if not empty, becomes the Mesos-Stream-Id header.
  StreamId Open(std::shared_ptr<Network::Exchange> exchange, std::string uuid);
  // Accepts the subscription, and sends the events that were sent so far; or refuses it.
  void Answer(StreamId stream, const Status& status) { table_.Answer(stream, status); }

  // Drops the event if the stream is unknown or has ended.
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event);
  void Close(StreamId stream) { Send(stream, nullptr); }

 private:
  StreamId last_ = 0;
  server::StreamTable table_;
};

}  // namespace tepui::sim
