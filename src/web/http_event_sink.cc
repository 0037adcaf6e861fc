// SPDX-License-Identifier: Apache-2.0
#include "web/http_event_sink.h"

#include <utility>

#include "web/responses.h"

namespace tepui::web {

void HttpEventSink::Accept(std::move_only_function<void()> on_ended) {
  net::Headers headers;
  headers.Add("Content-Type", std::string(wire::Name(type_)));
  if (!uuid_.empty()) headers.Add("Mesos-Stream-Id", uuid_);
  stream_ = std::move(*responder_).StartStream(200, std::move(headers));
  responder_.reset();
  stream_->OnClosed(std::move(on_ended));
}

void HttpEventSink::Refuse(const Error& why) {
  std::move(*responder_).Send(ErrorResponse(why));
  responder_.reset();
}

void HttpEventSink::Write(OutgoingEvent& event) {
  if (!stream_->closed()) stream_->Write(event.Record(type_));
}

void HttpEventSink::Close() { stream_->Close(); }

}  // namespace tepui::web
