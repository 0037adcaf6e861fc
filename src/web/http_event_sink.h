// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/http.h"
#include "web/event_sink.h"

namespace tepui::web {

// The answer to an HTTP request as a stream of RecordIO records (reference 1.1). Takes over the
// obligation to answer. Its bound is the stream's backlog (net::ServerOptions).
class HttpEventSink final : public EventSink {
 public:
  // `uuid`, if not empty, becomes the Mesos-Stream-Id header.
  HttpEventSink(net::Responder responder, wire::ContentType type, std::string uuid)
      : responder_(std::move(responder)), type_(type), uuid_(std::move(uuid)) {}

  // Answers 200.
  void Accept(std::move_only_function<void()> on_ended) override;
  // Answers with the status of the error's kind (responses.h).
  void Refuse(const Error& why) override;
  void Write(OutgoingEvent& event) override;
  void Close() override;

 private:
  std::optional<net::Responder> responder_;  // Set until the request is answered.
  std::shared_ptr<net::Stream> stream_;      // Set once accepted.
  const wire::ContentType type_;
  const std::string uuid_;
};

}  // namespace tepui::web
