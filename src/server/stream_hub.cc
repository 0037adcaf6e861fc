// SPDX-License-Identifier: Apache-2.0
#include "server/stream_hub.h"

#include <utility>

#include "wire/recordio.h"

namespace tepui::server {

StreamHub::StreamHub(std::function<void(StreamId)> on_closed) : on_closed_(std::move(on_closed)) {}

StreamHub::~StreamHub() { Stop(); }

StreamHub::StreamId StreamHub::Open(net::Responder responder, wire::ContentType type,
                                    std::string uuid) {
  const StreamId id = ++last_;
  encoder_.Post(
      [this, id, type, responder = std::move(responder), uuid = std::move(uuid)]() mutable {
        Entry entry;
        entry.responder = std::move(responder);
        entry.type = type;
        entry.uuid = std::move(uuid);
        entries_.emplace(id, std::move(entry));
      });
  return id;
}

void StreamHub::Accept(StreamId stream) {
  encoder_.Post([this, stream] { DoAccept(stream); });
}

void StreamHub::Refuse(StreamId stream, net::Response response) {
  encoder_.Post([this, stream, response = std::move(response)]() mutable {
    const auto it = entries_.find(stream);
    if (it == entries_.end() || !it->second.responder) return;
    std::move(*it->second.responder).Send(std::move(response));
    entries_.erase(it);
  });
}

void StreamHub::Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) {
  encoder_.Post([this, stream, event = std::move(event)] { DoSend(stream, *event); });
}

void StreamHub::Close(StreamId stream) {
  encoder_.Post([this, stream] { DoClose(stream); });
}

void StreamHub::Send(std::vector<Outgoing> batch) {
  encoder_.Post([this, batch = std::move(batch)] {
    for (const Outgoing& outgoing : batch) {
      if (outgoing.event != nullptr) {
        DoSend(outgoing.stream, *outgoing.event);
      } else {
        DoClose(outgoing.stream);
      }
    }
  });
}

void StreamHub::Stop() {
  encoder_.Stop();
  for (auto& [id, entry] : entries_) {
    if (entry.stream) entry.stream->Close();
  }
  entries_.clear();
}

void StreamHub::DoAccept(StreamId id) {
  const auto it = entries_.find(id);
  if (it == entries_.end() || !it->second.responder) return;
  Entry& entry = it->second;

  net::Headers headers;
  headers.Add("Content-Type", std::string(wire::Name(entry.type)));
  if (!entry.uuid.empty()) headers.Add("Mesos-Stream-Id", entry.uuid);
  entry.stream = std::move(*entry.responder).StartStream(200, std::move(headers));
  entry.responder.reset();
  if (!entry.early.empty()) entry.stream->Write(std::exchange(entry.early, {}));

  entry.stream->OnClosed([this, id] {
    encoder_.Post([this, id] {
      if (entries_.erase(id) > 0) on_closed_(id);
    });
  });
}

void StreamHub::DoClose(StreamId id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  if (it->second.stream) it->second.stream->Close();
  entries_.erase(it);
}

void StreamHub::DoSend(StreamId id, const google::protobuf::Message& event) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  std::string record = wire::EncodeRecord(wire::Encode(event, it->second.type));
  if (it->second.stream) {
    it->second.stream->Write(std::move(record));
  } else {
    it->second.early += record;
  }
}

}  // namespace tepui::server
