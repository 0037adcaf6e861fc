// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "web/event_sink.h"

namespace tepui::server {

// The open event streams of one server, by number: decides what reaches the sink behind a stream,
// and when. Belongs to one thread. StreamHub is the table with a thread of its own; the simulator
// uses the table alone.
class StreamTable {
 public:
  using StreamId = uint64_t;
  using Event = std::shared_ptr<const google::protobuf::Message>;

  // `on_ended` runs once for each accepted stream whose sink reports its end, on the thread of the
  // report, which may come from inside a call of the table. The owner then calls Remove, outside of
  // such a call.
  explicit StreamTable(std::function<void(StreamId)> on_ended);

  // Adds a stream under a number that was not used before. Its sink gets nothing before Answer.
  void Open(StreamId stream, std::unique_ptr<web::EventSink> sink);

  // Accepts the subscription, and writes the events that were sent so far; or refuses it with this
  // error, and removes the stream. Does nothing if the stream is unknown or already accepted.
  void Answer(StreamId stream, const Status& status);

  // An entry without an event closes its stream.
  struct Outgoing {
    StreamId stream = 0;
    Event event;
  };
  // Sends and closes in the order of the batch. Entries for a stream that is unknown or has ended
  // are dropped. An event that stands in several entries is encoded once for each content type.
  void Send(std::span<const Outgoing> batch);

  // Returns false if the stream is unknown: it was closed or refused before.
  bool Remove(StreamId stream);

  // Closes every accepted stream, and refuses the others.
  void CloseAll();

 private:
  struct Entry {
    std::unique_ptr<web::EventSink> sink;
    bool accepted = false;
    std::vector<Event> early;  // Sent before the stream was accepted.
  };
  using Entries = std::unordered_map<StreamId, Entry>;

  void Close(Entries::iterator it);

  const std::function<void(StreamId)> on_ended_;
  Entries entries_;
};

}  // namespace tepui::server
