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

// One connection of a client: connects, then one exchange after another. On its loop's thread only.
class ClientConnection final : public IoEvents,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  // Who uses it. Told nothing anymore once it has called Close.
  class User {
   public:
    virtual ~User() = default;
    // The exchange is done; `reusable` if the connection can take another, else it is closed.
    virtual void OnResponse(ClientConnection& connection, Response response, bool reusable) = 0;
    // The connection is closed. `untouched`: no byte of the request was sent; `unanswered`: no byte
    // of the response came.
    struct Failure {
      Error error;
      bool untouched;
      bool unanswered;
    };
    virtual void OnFailure(ClientConnection& connection, Failure failure) = 0;
    // The peer has closed it between exchanges, or it was idle for too long. It is closed.
    virtual void OnIdleEnd(ClientConnection& connection) = 0;
    // Of a streaming exchange answered with 200: its head, its body piecewise, and then OnResponse
    // without a body.
    virtual void OnStreamHead(ClientConnection& connection, const Response& head) = 0;
    virtual void OnStreamData(ClientConnection& connection, std::string_view bytes) = 0;
  };

  ClientConnection(std::shared_ptr<Loop> loop, Destination destination, User& user);
  ~ClientConnection() override;

  void Connect(Duration timeout);

  // At once or as soon as it is connected. Not during another exchange. After a streaming one has
  // its head its deadline holds no more.
  void Exchange(const Request& request, MonotonicTime deadline, Duration timeout,
                size_t max_body_bytes, bool streaming);

  // Whether it has had an exchange before the one at hand.
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
  const Destination destination_;
  User* user_;                            // Null once closed.
  std::shared_ptr<Connector> connector_;  // Until connected.
  std::unique_ptr<Transport> transport_;  // From then on.
  LazyDeadline deadline_;
  MonotonicTime due_;
  Phase phase_ = Phase::kConnecting;

  std::optional<ResponseParser> parser_;
  std::string input_;  // Read but not parsed yet.
  SendQueue out_;
  size_t sent_ = 0;  // Bytes of the request at hand.
  int exchanges_ = 0;
  bool in_exchange_ = false;
  bool answered_ = false;  // Bytes of the response have come.
  bool head_given_ = false;
  bool reading_ = false;
  bool waiting_ = false;
  MonotonicTime request_due_;
  Duration connect_timeout_{};
  Duration request_timeout_{};
};

}  // namespace tepui::net
