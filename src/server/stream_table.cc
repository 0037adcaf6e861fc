// SPDX-License-Identifier: Apache-2.0
#include "server/stream_table.h"

#include <cassert>
#include <utility>

namespace tepui::server {

StreamTable::StreamTable(std::function<void(StreamId)> on_ended) : on_ended_(std::move(on_ended)) {}

void StreamTable::Open(StreamId stream, std::unique_ptr<web::EventSink> sink) {
  Entry& entry = entries_[stream];
  assert(entry.sink == nullptr);
  entry.sink = std::move(sink);
}

void StreamTable::Answer(StreamId stream, const Status& status) {
  const auto it = entries_.find(stream);
  if (it == entries_.end() || it->second.accepted) return;
  Entry& entry = it->second;
  if (!status) {
    entry.sink->Refuse(status.error());
    entries_.erase(it);
    return;
  }
  entry.accepted = true;
  entry.sink->Accept([this, stream] { on_ended_(stream); });
  for (const Event& early : std::exchange(entry.early, {})) {
    web::OutgoingEvent event(*early, /*shared=*/false);
    entry.sink->Write(event);
  }
}

void StreamTable::Send(std::span<const Outgoing> batch) {
  // Contains only events that have a second owner. No other event can stand in the batch twice.
  std::unordered_map<const google::protobuf::Message*, web::OutgoingEvent> shared;
  for (const auto& [stream, event] : batch) {
    const auto it = entries_.find(stream);
    if (it == entries_.end()) continue;
    Entry& entry = it->second;
    if (event == nullptr) {
      Close(it);
    } else if (!entry.accepted) {
      entry.early.push_back(event);
    } else if (event.use_count() > 1) {
      entry.sink->Write(shared.try_emplace(event.get(), *event, /*shared=*/true).first->second);
    } else {
      web::OutgoingEvent only(*event, /*shared=*/false);
      entry.sink->Write(only);
    }
  }
}

bool StreamTable::Remove(StreamId stream) { return entries_.erase(stream) > 0; }

void StreamTable::CloseAll() {
  while (!entries_.empty()) Close(entries_.begin());
}

void StreamTable::Close(Entries::iterator it) {
  if (it->second.accepted) it->second.sink->Close();
  entries_.erase(it);
}

}  // namespace tepui::server
