// SPDX-License-Identifier: Apache-2.0
#include "net/client_connection.h"

#include <array>
#include <utility>

#include "base/units.h"
#include "net/message_format.h"

namespace tepui::net {
namespace {

constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kVectors = 64;
constexpr Duration kIdleTime =
    std::chrono::seconds(55);  // Shorter than the idle timeout of most servers.

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<Loop> loop, Endpoint server, User& user)
    : loop_(std::move(loop)), server_(std::move(server)), user_(&user), deadline_(*loop_) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::Connect(Duration timeout) {
  connect_timeout_ = timeout;
  SetDue(loop_->Now() + timeout);
  connector_ = std::make_shared<Connector>(*loop_, server_);
  connector_->Start([self = shared_from_this()](Result<std::unique_ptr<Transport>> transport) {
    self->OnConnected(std::move(transport));
  });
}

void ClientConnection::OnConnected(Result<std::unique_ptr<Transport>> transport) {
  if (phase_ == Phase::kClosed) return;
  connector_.reset();
  if (!transport) return FailWith(std::move(transport.error()));
  transport_ = std::move(*transport);
  phase_ = in_exchange_ ? Phase::kBusy : Phase::kIdle;
  SetDue(in_exchange_ ? request_due_ : loop_->Now() + kIdleTime);
  SendQueued();
  ArmRead();
}

void ClientConnection::Exchange(const Request& request, MonotonicTime deadline, Duration timeout,
                                size_t max_body_bytes, bool streaming) {
  ++exchanges_;
  in_exchange_ = true;
  answered_ = head_given_ = false;
  sent_ = 0;
  request_due_ = deadline;
  request_timeout_ = timeout;
  parser_.emplace(
      ParseLimits{.max_header_bytes = kMaxHeaderBytes, .max_body_bytes = max_body_bytes},
      ResponseParser::Expect{.head_only = request.method == "HEAD", .streaming = streaming});
  std::string head;
  AppendRequestHead(request, server_.unix_path.empty() ? ToString(server_) : "localhost", head);
  out_.Append(std::string_view(head));
  out_.Append(std::string(request.body));
  if (phase_ == Phase::kConnecting) {
    if (deadline < due_) SetDue(deadline);
    return;
  }
  phase_ = Phase::kBusy;
  SetDue(deadline);
  SendQueued();
  ArmRead();
}

void ClientConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  user_ = nullptr;
  if (connector_ != nullptr) connector_->Cancel();
  if (transport_ != nullptr) transport_->Close();
  deadline_.Clear();
  out_.Clear();
}

void ClientConnection::FailWith(Error error) {
  const auto self = shared_from_this();
  User* user = user_;
  Close();
  if (in_exchange_) {
    user->OnFailure(*this,
                    {.error = std::move(error), .untouched = sent_ == 0, .unanswered = !answered_});
  } else {
    user->OnIdleEnd(*this);
  }
}

void ClientConnection::OnRead(std::string_view bytes) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (!in_exchange_)
    return FailWith({Code::kUnavailable, "The connection ended"});  // Or unexpected bytes arrived.
  if (bytes.empty()) {
    if (answered_ && parser_->PutEnd() == Progress::kDone) {
      HandOver();
      if (phase_ != Phase::kClosed) FinishResponse();
      return;
    }
    return FailWith({Code::kUnavailable,
                     fmt::format("{} closed the connection {}", ToString(server_),
                                 answered_ ? "inside its response" : "before it answered")});
  }
  answered_ = true;
  if (input_.empty()) return TakeResponse(bytes);
  input_.append(bytes);
  TakeResponse(std::exchange(input_, {}));
}

void ClientConnection::TakeResponse(std::string_view bytes) {
  size_t used = 0;
  const Progress progress = parser_->Put(bytes, used);
  if (progress == Progress::kFailed) {
    const ParseFailure& failure = parser_->failure();
    return FailWith({failure.status == 413 ? Code::kTooLarge : Code::kUnavailable,
                     fmt::format("Bad response of {}: {}", ToString(server_), failure.message)});
  }
  HandOver();
  if (phase_ == Phase::kClosed) return;
  if (progress == Progress::kNeedMore) {
    input_.assign(bytes.substr(used));
    return ArmRead();
  }
  // Bytes after the response are unexpected: such a connection cannot be trusted with another
  // request.
  if (used < bytes.size()) input_.assign(bytes.substr(used));
  FinishResponse();
}

// Passes received bytes of a stream to the user, who may close the connection.
void ClientConnection::HandOver() {
  if (!parser_->header_done() || !parser_->streaming()) return;
  const auto self = shared_from_this();
  const std::string body = parser_->TakeBody();
  if (!std::exchange(head_given_, true)) {
    SetDue(MonotonicTime::max());
    user_->OnStreamHead(*this, parser_->TakeResponse());
  }
  if (phase_ != Phase::kClosed && !body.empty()) user_->OnStreamData(*this, body);
}

void ClientConnection::FinishResponse() {
  const auto self = shared_from_this();
  const bool reusable = parser_->keep_alive() && out_.empty() && input_.empty() && !head_given_;
  Response response = head_given_ ? Response() : parser_->TakeResponse();
  in_exchange_ = false;
  User* user = user_;
  if (reusable) {
    phase_ = Phase::kIdle;
    SetDue(loop_->Now() + kIdleTime);
    ArmRead();
  } else {
    Close();
  }
  user->OnResponse(*this, std::move(response), reusable);
}

void ClientConnection::OnReadFailed() {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  FailWith({Code::kUnavailable, fmt::format("{} cut the connection", ToString(server_))});
}

void ClientConnection::OnWritable() {
  waiting_ = false;
  if (phase_ != Phase::kClosed) SendQueued();
}

void ClientConnection::SendQueued() {
  std::array<iovec, kVectors> vectors;
  while (!out_.empty() && !waiting_) {
    const ssize_t count = transport_->Write(std::span(vectors.data(), out_.Peek(vectors)));
    // The server may have sent a refusal before the connection broke, so the rest is read first.
    // The read also reports a broken connection.
    if (count < 0) return ArmRead();
    if (count == 0) {
      waiting_ = true;
      return transport_->StartWait(shared_from_this());
    }
    sent_ += static_cast<size_t>(count);
    out_.Consume(static_cast<size_t>(count));
  }
}

void ClientConnection::ArmRead() {
  if (std::exchange(reading_, true)) return;
  transport_->StartRead(shared_from_this());
}

void ClientConnection::SetDue(MonotonicTime due) {
  due_ = due;
  if (due != MonotonicTime::max()) deadline_.Set(due, shared_from_this());
}

void ClientConnection::OnDeadline() {
  if (phase_ == Phase::kClosed) return;
  if (loop_->Now() < due_) return SetDue(due_);
  const bool connecting = phase_ == Phase::kConnecting && (!in_exchange_ || due_ < request_due_);
  FailWith({Code::kUnavailable,
            connecting ? fmt::format("Cannot connect to {} within {}", ToString(server_),
                                     FormatDuration(connect_timeout_))
                       : fmt::format("{} did not answer within {}", ToString(server_),
                                     FormatDuration(request_timeout_))});
}

}  // namespace tepui::net
