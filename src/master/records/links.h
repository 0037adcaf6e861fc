#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "tepui/link.pb.h"

namespace tepui::master {

// An open event stream (of a scheduler or an agent), numbered by the edge; never used again. 0 is
// none.
using StreamId = uint64_t;

// The master's way out. Called on the master's thread, must not block and must not call back into
// the master. Events for a stream go out in the order of the calls; for a stream that has ended
// they are dropped (OnStreamClosed follows).
class Links {
 public:
  virtual ~Links() = default;
  virtual void Send(StreamId stream, std::shared_ptr<const mesos::v1::scheduler::Event> event) = 0;
  virtual void Send(StreamId stream, std::shared_ptr<const link::Event> event) = 0;
  // Ends the stream after what was sent. OnStreamClosed does not follow.
  virtual void Close(StreamId stream) = 0;
};

// The answer to one call. Runs once, on the master's thread, possibly later than the call returned.
//   SUBSCRIBE: an error answers the request and no stream opens; success opens it (200,
//   Mesos-Stream-Id), events that were sent to the stream before go out first in order. others:
//   success is 202 (UPDATE_FRAMEWORK 200).
using Reply = std::move_only_function<void(Status)>;

}  // namespace tepui::master
