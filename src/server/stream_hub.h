// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/mutex.h"
#include "base/result.h"
#include "server/stream_table.h"
#include "web/event_sink.h"

namespace tepui::server {

// The event streams of one server: numbers them for the core, encodes what the core sends on a
// thread of its own, and reports when a receiver has gone. Every method is thread-safe; the calls
// of one thread take effect in their order.
//
// Bound: an event waits here only until its stream is accepted and the encoder has come to it; then
// it counts against the bound of its sink, which cuts a receiver that is too slow. While
// kMostWaiting events wait for the encoder, Send waits too. So the calls that make so many events
// wait for the core, where the memory of their senders counts.
class StreamHub {
 public:
  static constexpr size_t kMostWaiting = 50'000;

  using StreamId = StreamTable::StreamId;
  using Outgoing = StreamTable::Outgoing;

  // `on_closed` runs on the encoder's thread, once for each accepted stream that ended without
  // Close.
  explicit StreamHub(std::function<void(StreamId)> on_closed);
  ~StreamHub();

  // Takes over the sink of a subscriber. It gets nothing before Answer.
  StreamId Open(std::unique_ptr<web::EventSink> sink);

  // Accepts the subscription and writes the events that were sent so far, or refuses it with this
  // error.
  void Answer(StreamId stream, Status status);

  // Drops the event if the stream is unknown or has ended.
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event);
  void Close(StreamId stream);

  // Makes several Send and Close calls at once, in their order; an entry without an event is a
  // Close. An event that goes to many streams in one batch is encoded once for each content type.
  void Send(std::vector<Outgoing> batch);

  // Ends every stream and the encoder. Idempotent.
  void Stop();

 private:
  void Enter(size_t events);
  void Leave(size_t events);

  const std::function<void(StreamId)> on_closed_;
  Mutex mutex_;
  CondVar fewer_;
  size_t waiting_ TEPUI_GUARDED_BY(mutex_) = 0;
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;
  std::atomic<StreamId> last_{0};
  StreamTable streams_;  // Used on the encoder's thread only.
  EventLoop encoder_{
      "encoder"};  // Must be last: its thread ends before the other members are destroyed.
};

}  // namespace tepui::server
