// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/endpoint.h"
#include "base/result.h"
#include "net/http.h"

namespace tepui::client {

// A client core's connection to its server: one streaming request, and a connection for calls,
// which are sent in order. All calls and callbacks run on the core's thread; no callback runs from
// inside a call.
class Link {
 public:
  virtual ~Link() = default;

  // `done` runs with success once the server has answered something, or with the reason why it
  // cannot be reached.
  virtual void Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) = 0;

  struct StreamHandler {
    // Status and headers. The body is there only if the status is not 200; nothing follows then.
    std::function<void(const net::Response&)> on_response;
    std::function<void(const std::string& record)> on_record;
    // The stream, or the request before any response, failed or was ended by the server, for
    // `reason`.
    std::function<void(const std::string& reason)> on_end;
  };
  // POSTs an encoded call whose response is a stream of records.
  virtual void Subscribe(std::string body, StreamHandler handler) = 0;

  // POSTs an encoded call. `stream_id` goes into Mesos-Stream-Id unless it is empty.
  virtual void Post(std::string body, const std::string& stream_id,
                    std::move_only_function<void(Result<net::Response>)> done) = 0;

  // Drops everything since Connect: no callback passed before runs afterwards.
  virtual void Disconnect() = 0;
};

}  // namespace tepui::client
