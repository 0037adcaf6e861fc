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
  const size_t events = batch.size();
  Enter(events);
  encoder_.Post([this, events, batch = std::move(batch)] {
    streams_.Send(batch);
    Leave(events);
  });
}

void StreamHub::Enter(size_t events) {
  const MutexLock lock(mutex_);
  while (waiting_ >= kMostWaiting && !stopped_) fewer_.Wait(mutex_);
  waiting_ += events;
}

void StreamHub::Leave(size_t events) {
  const MutexLock lock(mutex_);
  waiting_ -= events;
  fewer_.NotifyAll();
}

void StreamHub::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    fewer_.NotifyAll();
  }
  encoder_.Stop();
  streams_.CloseAll();
}

}  // namespace tepui::server
