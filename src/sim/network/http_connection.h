// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "sim/network/network.h"
#include "sim/network/tcp.h"

namespace tepui::sim {

// HTTP/1.1 on one simulated connection: pipelined requests, answers in the same order, and a
// streaming answer only as the last one.
class HttpConnection final : public TcpConnection {
 public:
  HttpConnection(Shared& shared, uint64_t id, const Address& client, const Address& server,
                 Duration request_timeout, std::shared_ptr<const Network::Handler> handler);

  // --- The client's side.
  void SendRequest(net::Request request, Network::ResponseHandler handler);
  void CloseByClient();

  // --- The server's side: how an Exchange uses its part of the connection.
  struct Answer;
  void Respond(Answer& answer, net::Response response);
  void Start(Answer& answer, net::Headers headers);
  void Write(Answer& answer, std::string record);
  void End(Answer& answer);
  void OnClosed(Answer& answer, std::move_only_function<void()> callback);

 private:
  struct Waiting;

  void OnBroken(Side side, const std::string& reason) override;
  void OnGone(Side side) override;

  // --- Runs in the server's process.
  void OnRequest(net::Request request);
  // Runs `out` now if `answer` is the oldest that is not complete, otherwise later.
  void Output(Answer& answer, std::move_only_function<void()> out);
  void CompleteAnswers();
  void NotifyServer();

  // --- Runs in the client's process.
  void OnResponse(const net::Response& response);
  void OnStart(const net::Response& head);
  void OnRecord(std::string record);
  void OnEnd();
  void FailWaiting(const std::string& reason);
  void WatchTimeout();
  void StopTimeout();

  const Duration request_timeout_;
  const std::shared_ptr<const Network::Handler> handler_;
  // Shared with calls in progress, which may drop the connection.
  std::deque<std::shared_ptr<Waiting>> waiting_;
  TimerId timeout_ = 0;
  std::string broken_;  // The reason that the client's program received; empty if none.
  std::deque<std::shared_ptr<Answer>> answers_;
  bool closed_by_client_ = false;
  bool server_told_ = false;  // The server's program was notified that the connection is gone.
};

}  // namespace tepui::sim
