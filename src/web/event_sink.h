// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "wire/content_type.h"

namespace tepui::web {

// One event for the sinks of all streams that it goes to. Belongs to one thread.
class OutgoingEvent {
 public:
  // `message` must outlive this. `shared` says that several sinks may ask for the bytes: then they
  // are kept.
  OutgoingEvent(const google::protobuf::Message& message, bool shared)
      : message_(message), shared_(shared) {}

  const google::protobuf::Message& message() const { return message_; }

  // Returns the event as a RecordIO record. A shared event is encoded once for each content type.
  std::string Record(wire::ContentType type);

 private:
  const google::protobuf::Message& message_;
  const bool shared_;
  std::array<std::optional<std::string>, 2> records_;  // By content type.
};

// The receiver of the events of one stream: the reader of an HTTP response, for instance. The
// owner calls the methods on one thread at a time; they must not block. A sink bounds what it keeps
// for a slow receiver, and ends itself at that bound.
//
// A sink that is destroyed before it was accepted or refused refuses the subscription. Destroying
// an accepted sink does not end it; Close does.
class EventSink {
 public:
  virtual ~EventSink() = default;

  // The subscription is accepted; events follow. `on_ended` runs once, on any thread and possibly
  // before a method of the sink returns, when the stream has ended for whatever reason.
  virtual void Accept(std::move_only_function<void()> on_ended) = 0;
  // The subscription is refused; nothing follows.
  virtual void Refuse(const Error& why) = 0;

  // Only after Accept. After the end an event is dropped.
  virtual void Write(OutgoingEvent& event) = 0;
  // Ends the stream after what was written to it. Only after Accept.
  virtual void Close() = 0;
};

}  // namespace tepui::web
