// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "net/client_connection.h"
#include "net/http.h"
#include "net/loop.h"

namespace tepui::net {

// Lets handlers run until it is shut. Shut waits for a running handler, unless that handler calls
// it.
class HandlerGate {
 public:
  void Run(const std::function<void()>& handler);
  void Shut();

 private:
  Mutex mutex_;
  CondVar idle_;
  bool shut_ TEPUI_GUARDED_BY(mutex_) = false;
  // The thread of the running handler, if there is one.
  std::thread::id runner_ TEPUI_GUARDED_BY(mutex_);
};

// A streaming exchange on a connection of its own.
class SubscriptionTask final : public LoopMember, public ClientConnection::User {
 public:
  SubscriptionTask(std::shared_ptr<Loop> loop, Endpoint server, const Client::Options& options,
                   StreamHandler handler);
  ~SubscriptionTask() override;

  // To be called on the loop's thread.
  void Start(const Request& request);
  void Close() override;  // If the handler's on_end has not run, runs it with kUnavailable.

  // Calls on_end: the exchange never began. May be called on any thread.
  void Refuse(Error error);
  // May be called on any thread.
  void Cancel();

 private:
  void OnResponse(ClientConnection& connection, Response response, bool reusable) override;
  void OnFailure(ClientConnection& connection, Failure failure) override;
  void OnIdleEnd(ClientConnection&) override {}
  void OnStreamHead(ClientConnection& connection, const Response& head) override;
  void OnStreamData(ClientConnection& connection, std::string_view bytes) override;

  void End(std::optional<Error> error);

  const std::shared_ptr<Loop> loop_;
  const Endpoint server_;
  const Client::Options options_;
  const StreamHandler handler_;
  HandlerGate gate_;
  std::shared_ptr<ClientConnection> connection_;
  bool streaming_ = false;
  bool ended_ = false;
};

}  // namespace tepui::net
