// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "client/link.h"

namespace tepui::client {

// A link whose far end is controlled by the test.
class FakeLink final : public Link {
 public:
  struct Posted {
    std::string body;
    std::string stream_id;
    std::move_only_function<void(Result<net::Response>)> done;
  };

  void Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) override {
    Disconnect();
    endpoints.push_back(endpoint);
    connecting = std::move(done);
  }
  void Subscribe(std::string body, StreamHandler handler) override {
    subscribed.push_back(std::move(body));
    stream = std::move(handler);
  }
  void Post(std::string body, const std::string& stream_id,
            std::move_only_function<void(Result<net::Response>)> done) override {
    posted.push_back({std::move(body), stream_id, std::move(done)});
  }
  void Disconnect() override {
    ++disconnects;
    connecting = nullptr;
    stream = {};
    posted.clear();
  }

  // --- What the far end does.
  void FinishConnect(Status status = {}) { std::exchange(connecting, nullptr)(std::move(status)); }
  void AnswerSubscribe(net::Response response) { std::function(stream.on_response)(response); }
  void SendRecord(const std::string& record) { std::function(stream.on_record)(record); }
  void EndStream(const std::string& reason) { std::function(stream.on_end)(reason); }
  void AnswerPost(Result<net::Response> response) {
    Posted first = std::move(posted.front());
    posted.pop_front();
    first.done(std::move(response));
  }

  std::vector<Endpoint> endpoints;      // Endpoints of all calls of Connect.
  std::vector<std::string> subscribed;  // Bodies of all calls of Subscribe.
  std::deque<Posted> posted;            // Calls that are not answered yet.
  std::move_only_function<void(Status)> connecting;
  StreamHandler stream;
  int disconnects = 0;
};

}  // namespace tepui::client
