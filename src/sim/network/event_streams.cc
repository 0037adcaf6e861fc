// SPDX-License-Identifier: Apache-2.0
#include "sim/network/event_streams.h"

#include <utility>

#include "wire/content_type.h"

namespace tepui::sim {

EventStreams::EventStreams(std::function<void(StreamId)> on_closed)
    : on_closed_(std::move(on_closed)) {}

EventStreams::StreamId EventStreams::Open(std::shared_ptr<Network::Exchange> exchange,
                                          std::string uuid) {
  const StreamId id = ++last_;
  entries_[id] = {
      .exchange = std::move(exchange), .uuid = std::move(uuid), .accepted = false, .early = {}};
  return id;
}

void EventStreams::Accept(StreamId stream) {
  const auto found = entries_.find(stream);
  if (found == entries_.end() || found->second.accepted) return;
  Entry& entry = found->second;
  entry.accepted = true;
  net::Headers headers;
  headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
  if (!entry.uuid.empty()) headers.Add("Mesos-Stream-Id", entry.uuid);
  entry.exchange->Start(std::move(headers));
  for (std::string& record : std::exchange(entry.early, {})) {
    entry.exchange->Write(std::move(record));
  }
  entry.exchange->OnClosed(lifetime_.Bind([this, stream] {
    if (entries_.erase(stream) > 0) on_closed_(stream);
  }));
}

void EventStreams::Refuse(StreamId stream, net::Response response) {
  const auto found = entries_.find(stream);
  if (found == entries_.end() || found->second.accepted) return;
  found->second.exchange->Respond(std::move(response));
  entries_.erase(found);
}

void EventStreams::Send(StreamId stream, std::string record) {
  const auto found = entries_.find(stream);
  if (found == entries_.end()) return;
  if (found->second.accepted) {
    found->second.exchange->Write(std::move(record));
  } else {
    found->second.early.push_back(std::move(record));
  }
}

void EventStreams::Close(StreamId stream) {
  const auto found = entries_.find(stream);
  if (found == entries_.end()) return;
  if (found->second.accepted) found->second.exchange->End();
  entries_.erase(found);
}

}  // namespace tepui::sim
