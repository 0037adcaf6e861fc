// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "net/http.h"
#include "wire/content_type.h"

namespace tepui::server {

// The event streams of one server: numbers them for the core, encodes what the core sends on a
// thread of its own, and reports when a peer has gone. Every method is thread-safe; the calls of
// one thread take effect in their order.
//
// Bound: an event waits here only until the encoder has come to it; the encoded bytes count against
// the stream's backlog limit (net::ServerOptions), which cuts a reader that is too slow.
class StreamHub {
 public:
  using StreamId = uint64_t;

  // `on_closed` runs on the encoder's thread, once for each accepted stream that ended without
  // Close.
  explicit StreamHub(std::function<void(StreamId)> on_closed);
  ~StreamHub();

  // Takes over the obligation to answer a SUBSCRIBE. Nothing is sent before Accept or Refuse.
  // `uuid`, if not empty, becomes the Mesos-Stream-Id header.
  StreamId Open(net::Responder responder, wire::ContentType type, std::string uuid);

  // Answers 200 and writes the events that were sent so far.
  void Accept(StreamId stream);
  void Refuse(StreamId stream, net::Response response);

  // Drops the event if the stream is unknown or has ended.
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event);
  void Close(StreamId stream);

  // Several Send and Close calls at once, in their order. An entry without an event is a Close.
  struct Outgoing {
    StreamId stream = 0;
    std::shared_ptr<const google::protobuf::Message> event;
  };
  void Send(std::vector<Outgoing> batch);

  // Ends every stream and the encoder. Idempotent.
  void Stop();

 private:
  struct Entry {
    std::optional<net::Responder> responder;  // Set until accepted.
    std::shared_ptr<net::Stream> stream;      // Set once accepted.
    wire::ContentType type;
    std::string uuid;
    std::string early;  // Encoded before the stream was accepted.
  };

  void DoAccept(StreamId id);
  void DoSend(StreamId id, const google::protobuf::Message& event);
  void DoClose(StreamId id);

  std::function<void(StreamId)> on_closed_;
  std::atomic<StreamId> last_{0};
  std::unordered_map<StreamId, Entry> entries_;  // Used on the encoder's thread only.
  EventLoop encoder_{
      "encoder"};  // Must be last: its thread ends before the other members are destroyed.
};

}  // namespace tepui::server
