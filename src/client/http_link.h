// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "client/link.h"
#include "net/http.h"
#include "wire/content_type.h"

namespace tepui::client {

// A Link over net::Client. Used on the loop's thread only, and destroyed there or after the loop
// has stopped.
class HttpLink final : public Link {
 public:
  struct Options {
    std::string path;  // "/api/v1/scheduler".
    wire::ContentType content_type = wire::ContentType::kProtobuf;
    std::string authorization;  // Value of the Authorization header; none is sent if empty.
    int max_pending_calls = 10'000;
    size_t max_record_bytes = 64 << 20;
  };

  HttpLink(net::IoThreads& threads, EventLoop& loop, Options options);
  ~HttpLink() override;

  void Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) override;
  void Subscribe(std::string body, StreamHandler handler) override;
  void Post(std::string body, const std::string& stream_id,
            std::move_only_function<void(Result<net::Response>)> done) override;
  void Disconnect() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The "Basic ..." value of RFC 7617.
std::string BasicAuthorization(std::string_view principal, std::string_view secret);

}  // namespace tepui::client
