// SPDX-License-Identifier: Apache-2.0
#include "server/stream_hub.h"

#include <utility>

namespace tepui::server {

StreamHub::StreamHub(std::function<void(StreamId)> on_closed)
    : on_closed_(std::move(on_closed)), streams_([this](StreamId stream) {
        encoder_.Post([this, stream] {
          if (streams_.Remove(stream)) on_closed_(stream);
        });
      }) {}

StreamHub::~StreamHub() { Stop(); }

StreamHub::StreamId StreamHub::Open(std::unique_ptr<web::EventSink> sink) {
  const StreamId id = ++last_;
  encoder_.Post(
      [this, id, sink = std::move(sink)]() mutable { streams_.Open(id, std::move(sink)); });
  return id;
}

void StreamHub::Answer(StreamId stream, Status status) {
  encoder_.Post([this, stream, status = std::move(status)] { streams_.Answer(stream, status); });
}

void StreamHub::Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) {
  std::vector<Outgoing> batch;
  batch.push_back({stream, std::move(event)});
  Send(std::move(batch));
}

void StreamHub::Close(StreamId stream) { Send(stream, nullptr); }

void StreamHub::Send(std::vector<Outgoing> batch) {
  encoder_.Post([this, batch = std::move(batch)] { streams_.Send(batch); });
}

void StreamHub::Stop() {
  encoder_.Stop();
  streams_.CloseAll();
}

}  // namespace tepui::server
