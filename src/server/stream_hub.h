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
// thread of its own, and tells when a peer has gone. Every method is thread-safe; what one thread
// calls happens in its order.
//
// Bound: an event waits here only until the encoder has come to it; the encoded bytes count against
// the stream's backlog limit (net::ServerOptions), which cuts a reader that is too slow.
class StreamHub {
 public:
  using StreamId = uint64_t;

  // `on_closed` runs on the encoder's thread, once for an accepted stream that ended without Close.
  explicit StreamHub(std::function<void(StreamId)> on_closed);
  ~StreamHub();

  // Takes the obligation to answer a SUBSCRIBE. Nothing is sent before Accept or Refuse. `uuid`, if
  // not empty, becomes the Mesos-Stream-Id header.
  StreamId Open(net::Responder responder, wire::ContentType type, std::string uuid);

  // Answers 200 and writes what was sent so far.
  void Accept(StreamId stream);
  void Refuse(StreamId stream, net::Response response);

  // Unknown and ended streams: dropped.
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event);
  void Close(StreamId stream);

  // Several of these at once, in their order. Without an event: Close.
  struct Outgoing {
    StreamId stream = 0;
    std::shared_ptr<const google::protobuf::Message> event;
  };
  void Send(std::vector<Outgoing> batch);

  // Ends every stream and the encoder. Idempotent.
  void Stop();

 private:
  struct Entry {
    std::optional<net::Responder> responder;  // Until accepted.
    std::shared_ptr<net::Stream> stream;      // From then on.
    wire::ContentType type;
    std::string uuid;
    std::string early;  // Encoded before the stream was accepted.
  };

  void DoAccept(StreamId id);
  void DoSend(StreamId id, const google::protobuf::Message& event);
  void DoClose(StreamId id);

  std::function<void(StreamId)> on_closed_;
  std::atomic<StreamId> last_{0};
  std::unordered_map<StreamId, Entry> entries_;  // The encoder's thread only.
  EventLoop encoder_{"encoder"};                 // Last: its thread ends before the rest goes.
};

}  // namespace tepui::server
