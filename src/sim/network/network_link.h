// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/timer.h"
#include "client/link.h"
#include "sim/network/network.h"

namespace tepui::sim {

// A client library's Link over the simulated network: like client::HttpLink it has a connection for
// calls, one at a time and in order, and one for the event stream. Callbacks run in `process`.
class NetworkLink final : public client::Link {
 public:
  // Calls that wait for their turn; further ones fail.
  static constexpr size_t kMaxWaiting = 10'000;

  struct Options {
    std::string path;           // "/api/v1/scheduler".
    std::string authorization;  // Value of the Authorization header; none is sent if empty.
  };

  NetworkLink(Network& network, Process& process, Host from, Options options);
  ~NetworkLink() override;

  // The endpoint's host is the name of a simulated machine.
  void Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) override;
  void Subscribe(std::string body, StreamHandler handler) override;
  void Post(std::string body, const std::string& stream_id,
            std::move_only_function<void(Result<net::Response>)> done) override;
  void Disconnect() override;

 private:
  struct Waiting {
    net::Request request;
    std::move_only_function<void(Result<net::Response>)> done;
  };
  struct Stream;

  net::Request MakeCall(std::string body, const std::string& stream_id) const;
  void Enqueue(Waiting waiting);
  void SendNext();
  void SendFirst();
  void Answer(Result<net::Response> response);
  void OpenStream(const std::shared_ptr<Stream>& stream, std::string body);

  Network& network_;
  Process& process_;
  const Host from_;
  const Options options_;

  Host to_;
  std::deque<Waiting> waiting_;
  bool in_flight_ = false;  // The first of `waiting_` is in flight.
  std::unique_ptr<Network::Connection> calls_;
  std::shared_ptr<Stream> stream_;
  std::optional<Lifetime> current_{std::in_place};  // That of the present connection for calls.
};

}  // namespace tepui::sim
