// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "net/client_connection.h"
#include "net/http.h"
#include "net/loop.h"

namespace tepui::net {

// A request and the callback for its response. The callback always runs: if the call is dropped
// without an answer, it gets kUnavailable.
class ClientCall {
 public:
  ClientCall(Request request, Client::Callback callback, std::shared_ptr<std::atomic<int>> pending);
  ~ClientCall();
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;

  void Finish(Result<Response> result);

  const Request request;
  MonotonicTime deadline;
  bool retried = false;

 private:
  Client::Callback callback_;
  const std::shared_ptr<std::atomic<int>> pending_;  // Counts the unfinished calls of a client.
};

// The connections of one Client and the calls that wait for one. On its loop's thread only.
class ClientPool final : public LoopMember, public IoEvents, public ClientConnection::User {
 public:
  ClientPool(std::shared_ptr<Loop> loop, Endpoint server, Client::Options options);
  ~ClientPool() override;

  void Submit(std::unique_ptr<ClientCall> call);
  // Ends pending calls with kUnavailable.
  void Close() override;

 private:
  struct Busy {
    std::unique_ptr<ClientCall> call;
    std::shared_ptr<ClientConnection> connection;
  };

  // Only the deadline is used: that of the waiting calls.
  void OnRead(std::string_view) override {}
  void OnReadFailed() override {}
  void OnWritable() override {}
  void OnDeadline() override;

  void OnResponse(ClientConnection& connection, Response response, bool reusable) override;
  void OnFailure(ClientConnection& connection, Failure failure) override;
  void OnIdleEnd(ClientConnection& connection) override;
  void OnStreamHead(ClientConnection&, const Response&) override {}
  void OnStreamData(ClientConnection&, std::string_view) override {}

  void Dispatch();
  void Begin(std::shared_ptr<ClientConnection> connection, std::unique_ptr<ClientCall> call);
  Busy TakeBusy(ClientConnection& connection);
  void CloseIdle();
  size_t Limit() const;

  const std::shared_ptr<Loop> loop_;
  const Endpoint server_;
  const Client::Options options_;
  LazyDeadline deadline_;
  bool closed_ = false;

  std::deque<std::unique_ptr<ClientCall>>
      waiting_;             // All have the same timeout, so the first is due first.
  std::vector<Busy> busy_;  // There are few, so it is searched linearly.
  std::vector<std::shared_ptr<ClientConnection>>
      idle_;  // The most recently used is last, and is taken first.
};

}  // namespace tepui::net
