// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/timer.h"
#include "sim/network/network.h"

namespace tepui::sim {

// The open event streams of a simulated server, numbered for its core, with the rules of
// server::StreamHub: Accept or Refuse answers a SUBSCRIBE, records sent to the stream before Accept
// follow directly after the answer, and `on_closed` runs once for an accepted stream that ended
// without Close. Belongs to the server's process.
class EventStreams {
 public:
  using StreamId = uint64_t;

  explicit EventStreams(std::function<void(StreamId)> on_closed);

  // `uuid`, if not empty, becomes the Mesos-Stream-Id header.
  StreamId Open(std::shared_ptr<Network::Exchange> exchange, std::string uuid);
  void Accept(StreamId stream);
  void Refuse(StreamId stream, net::Response response);

  // Sends an encoded event; dropped if the stream is unknown or has ended.
  void Send(StreamId stream, std::string record);
  void Close(StreamId stream);

 private:
  struct Entry {
    std::shared_ptr<Network::Exchange> exchange;
    std::string uuid;
    bool accepted = false;
    std::vector<std::string> early;  // Records sent before the stream was accepted.
  };

  const std::function<void(StreamId)> on_closed_;
  StreamId last_ = 0;
  std::map<StreamId, Entry> entries_;
  Lifetime lifetime_;  // For callbacks of the network.
};

}  // namespace tepui::sim
