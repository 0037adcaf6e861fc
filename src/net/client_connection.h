// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/connector.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/parser.h"
#include "net/send_queue.h"
#include "net/transport.h"

namespace tepui::net {

// One connection of a client: connects, then does one exchange after another. Used on its loop's
// thread only.
class ClientConnection final : public IoEvents,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  // The owner of a connection. It gets no more calls after it called Close.
  class User {
   public:
    virtual ~User() = default;
    // The exchange is done. If `reusable`, the connection can take another; else it is closed.
    virtual void OnResponse(ClientConnection& connection, Response response, bool reusable) = 0;
    // The connection is closed. `untouched`: no byte of the request was sent. `unanswered`: no byte
    // of the response arrived.
    struct Failure {
      Error error;
      bool untouched;
      bool unanswered;
    };
    virtual void OnFailure(ClientConnection& connection, Failure failure) = 0;
    // The connection is closed: the peer closed it between exchanges, or it was idle for too long.
    virtual void OnIdleEnd(ClientConnection& connection) = 0;
    // A streaming exchange that is answered with 200 reports its head, then its body in pieces, and
    // then calls OnResponse without a body.
    virtual void OnStreamHead(ClientConnection& connection, const Response& head) = 0;
    virtual void OnStreamData(ClientConnection& connection, std::string_view bytes) = 0;
  };

  ClientConnection(std::shared_ptr<Loop> loop, Endpoint server, User& user);
  ~ClientConnection() override;

  void Connect(Duration timeout);

  // Sends the request at once or as soon as the connection is established. Must not be called
  // during another exchange. Once a streaming exchange has its head, its deadline no longer
  // applies.
  void Exchange(const Request& request, MonotonicTime deadline, Duration timeout,
                size_t max_body_bytes, bool streaming);

  // Returns true if the connection had an exchange before the present one.
  bool used() const { return exchanges_ > 1; }

  void Close();

 private:
  enum class Phase { kConnecting, kIdle, kBusy, kClosed };

  void OnRead(std::string_view bytes) override;
  void OnReadFailed() override;
  void OnWritable() override;
  void OnDeadline() override;

  void OnConnected(Result<std::unique_ptr<Transport>> transport);
  void TakeResponse(std::string_view bytes);
  void HandOver();
  void FinishResponse();
  void SendQueued();
  void ArmRead();
  void FailWith(Error error);
  void SetDue(MonotonicTime due);

  const std::shared_ptr<Loop> loop_;
  const Endpoint server_;
  User* user_;                            // Null once the connection is closed.
  std::shared_ptr<Connector> connector_;  // Set until connected.
  std::unique_ptr<Transport> transport_;  // Set once connected.
  LazyDeadline deadline_;
  MonotonicTime due_;
  Phase phase_ = Phase::kConnecting;

  std::optional<ResponseParser> parser_;
  std::string input_;  // Bytes that are read but not parsed yet.
  SendQueue out_;
  size_t sent_ = 0;  // Bytes of the present request.
  int exchanges_ = 0;
  bool in_exchange_ = false;
  bool answered_ = false;  // Bytes of the response have arrived.
  bool head_given_ = false;
  bool reading_ = false;
  bool waiting_ = false;
  MonotonicTime request_due_;
  Duration connect_timeout_{};
  Duration request_timeout_{};
};

}  // namespace tepui::net
