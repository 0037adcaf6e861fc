// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"

namespace tepui::master {

// The number of an open event stream. The edge assigns it and never uses it again. 0 means none.
using StreamId = uint64_t;

// Sends the master's events to the subscriber: a scheduler gets mesos.v1.scheduler.Event, an
// agent gets tepui.link.Event. Called on the master's thread; must not block and must not call back
// into the master. Events of a stream are sent in the order of the calls. Events for a stream that
// has ended are dropped (OnStreamClosed follows).
//
// An event for many streams should be one object: the edge encodes it once for all of them.
class Links {
 public:
  virtual ~Links() = default;
  virtual void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) = 0;
  // Ends the stream after what was sent to it. OnStreamClosed does not follow.
  virtual void Close(StreamId stream) = 0;
};

// The answer to one call. Runs once, on the master's thread, possibly after the call returned. For
// a SUBSCRIBE, an error answers the request and no stream opens; success opens the stream (200,
// Mesos-Stream-Id), and events that were sent to it before are sent first, in order. For other
// calls success is 202 (UPDATE_FRAMEWORK: 200).
using Reply = std::move_only_function<void(Status)>;

}  // namespace tepui::master
