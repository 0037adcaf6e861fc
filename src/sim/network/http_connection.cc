// SPDX-License-Identifier: Apache-2.0
#include "sim/network/http_connection.h"

#include <utility>
#include <vector>

namespace tepui::sim {

// A request that waits for its answer at the client.
struct HttpConnection::Waiting {
  Network::ResponseHandler handler;
  MonotonicTime sent{};
  bool answered = false;  // At least the head of the answer arrived.
};

// The answer that the server owes to one request.
struct HttpConnection::Answer {
  enum class State { kOwed, kStreaming, kComplete };
  State state = State::kOwed;
  bool streamed = false;
  // Outputs that wait for earlier answers.
  std::vector<std::move_only_function<void()>> held;
  std::move_only_function<void()> on_closed;
};

namespace {

// The server program's handle of an answer.
class SimulatedExchange final : public Network::Exchange {
 public:
  SimulatedExchange(std::shared_ptr<HttpConnection> connection,
                    std::shared_ptr<HttpConnection::Answer> answer)
      : connection_(std::move(connection)), answer_(std::move(answer)) {}
  ~SimulatedExchange() override {
    // The call that does not apply is ignored.
    net::Response response;
    response.status = 500;
    response.body = "The request was dropped unanswered";
    connection_->Respond(*answer_, std::move(response));
    connection_->End(*answer_);
  }

  void Respond(net::Response response) override {
    connection_->Respond(*answer_, std::move(response));
  }
  void Start(net::Headers headers) override { connection_->Start(*answer_, std::move(headers)); }
  void Write(std::string record) override { connection_->Write(*answer_, std::move(record)); }
  void End() override { connection_->End(*answer_); }
  void OnClosed(std::move_only_function<void()> callback) override {
    connection_->OnClosed(*answer_, std::move(callback));
  }

 private:
  const std::shared_ptr<HttpConnection> connection_;
  const std::shared_ptr<HttpConnection::Answer> answer_;
};

}  // namespace

HttpConnection::HttpConnection(Shared& shared, uint64_t id, const Address& client,
                               const Address& server, Duration request_timeout,
                               std::shared_ptr<const Network::Handler> handler)
    : TcpConnection(shared, id, client, server),
      request_timeout_(request_timeout),
      handler_(std::move(handler)) {}

// --- The server's side.

void HttpConnection::OnRequest(net::Request request) {
  request.peer = host(Side::kClient);
  answers_.push_back(std::make_shared<Answer>());
  const auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
  (*handler_)(std::move(request), std::make_shared<SimulatedExchange>(self, answers_.back()));
}

void HttpConnection::Respond(Answer& answer, net::Response response) {
  if (answer.state != Answer::State::kOwed) return;
  answer.state = Answer::State::kComplete;
  answer.on_closed = nullptr;
  Output(answer, [this, response = std::move(response)]() mutable {
    const size_t bytes = response.body.size();
    Send(Side::kServer, "response", bytes,
         [this, response = std::move(response)] { OnResponse(response); });
  });
}

void HttpConnection::Start(Answer& answer, net::Headers headers) {
  if (answer.state != Answer::State::kOwed) return;
  answer.state = Answer::State::kStreaming;
  answer.streamed = true;
  Output(answer, [this, headers = std::move(headers)]() mutable {
    net::Response head;
    head.headers = std::move(headers);
    Send(Side::kServer, "stream", 0, [this, head = std::move(head)] { OnStart(head); });
  });
}

void HttpConnection::Write(Answer& answer, std::string record) {
  if (answer.state != Answer::State::kStreaming) return;
  Output(answer, [this, record = std::move(record)]() mutable {
    const size_t bytes = record.size();
    Send(Side::kServer, "record", bytes,
         [this, record = std::move(record)]() mutable { OnRecord(std::move(record)); });
  });
}

void HttpConnection::End(Answer& answer) {
  if (answer.state != Answer::State::kStreaming) return;
  answer.state = Answer::State::kComplete;
  answer.on_closed = nullptr;
  Output(answer, [this] { Send(Side::kServer, "end", 0, [this] { OnEnd(); }); });
}

void HttpConnection::OnClosed(Answer& answer, std::move_only_function<void()> callback) {
  if (answer.state == Answer::State::kComplete) return;
  if (!server_told_) {
    answer.on_closed = std::move(callback);
  } else if (process(Side::kServer) != nullptr) {
    process(Side::kServer)->Post(std::move(callback));
  }
}

void HttpConnection::NotifyServer() {
  server_told_ = true;
  for (const auto& answer : std::exchange(answers_, {})) {
    if (answer->on_closed) process(Side::kServer)->Post(std::move(answer->on_closed));
  }
}

void HttpConnection::Output(Answer& answer, std::move_only_function<void()> out) {
  if (answers_.empty()) return;  // The connection is gone.
  if (&answer != answers_.front().get()) {
    answer.held.push_back(std::move(out));
    return;
  }
  out();
  CompleteAnswers();
}

void HttpConnection::CompleteAnswers() {
  while (!answers_.empty() && answers_.front()->state == Answer::State::kComplete) {
    const bool streamed = answers_.front()->streamed;
    answers_.pop_front();
    if (streamed) {
      Close(Side::kServer);
      NotifyServer();
      return;
    }
    if (answers_.empty()) return;
    const std::shared_ptr<Answer> next = answers_.front();
    for (auto& out : std::exchange(next->held, {})) out();
  }
}

// --- The client's side.

void HttpConnection::SendRequest(net::Request request, Network::ResponseHandler handler) {
  Process* client = process(Side::kClient);
  if (client == nullptr) return;
  if (!broken_.empty()) {
    client->Post([self = shared_from_this(), this, on_end = std::move(handler.on_end)] {
      if (process(Side::kClient) != nullptr && !closed_by_client_ && on_end) on_end(broken_);
    });
    return;
  }
  waiting_.push_back(
      std::make_shared<Waiting>(std::move(handler), client->Now(), /*answered=*/false));
  if (timeout_ == 0) WatchTimeout();
  const size_t bytes = request.body.size();
  Send(Side::kClient, "request", bytes,
       [this, request = std::move(request)]() mutable { OnRequest(std::move(request)); });
}

void HttpConnection::CloseByClient() {
  closed_by_client_ = true;
  waiting_.clear();
  StopTimeout();
  Abort(Side::kClient);
}

void HttpConnection::OnResponse(const net::Response& response) {
  if (waiting_.empty()) return;
  const std::shared_ptr<Waiting> first = waiting_.front();
  waiting_.pop_front();
  if (first->handler.on_response) first->handler.on_response(response);
}

void HttpConnection::OnStart(const net::Response& head) {
  if (waiting_.empty()) return;
  const std::shared_ptr<Waiting> first = waiting_.front();
  first->answered = true;
  if (first->handler.on_response) first->handler.on_response(head);
}

void HttpConnection::OnRecord(std::string record) {
  if (waiting_.empty()) return;
  const std::shared_ptr<Waiting> first = waiting_.front();
  if (first->handler.on_record) first->handler.on_record(std::move(record));
}

void HttpConnection::OnEnd() {
  if (waiting_.empty()) return;
  const std::shared_ptr<Waiting> first = waiting_.front();
  waiting_.pop_front();
  if (first->handler.on_end) first->handler.on_end("the server ended the stream");
}

void HttpConnection::OnBroken(Side side, const std::string& reason) {
  if (side == Side::kClient) {
    FailWaiting(reason);
  } else {
    NotifyServer();
  }
}

void HttpConnection::OnGone(Side side) {
  if (side == Side::kClient) {
    waiting_.clear();
  } else {
    // Moved aside first: destroying them may destroy an exchange, which answers.
    const auto answers = std::exchange(answers_, {});
  }
}

void HttpConnection::FailWaiting(const std::string& reason) {
  broken_ = reason;
  StopTimeout();
  // A handler may drop the connection, which clears the others.
  while (!waiting_.empty()) {
    const std::shared_ptr<Waiting> first = waiting_.front();
    waiting_.pop_front();
    if (first->handler.on_end) first->handler.on_end(reason);
  }
}

// One timer for all waiting requests: it watches the oldest, which was sent first.
void HttpConnection::WatchTimeout() {
  timeout_ = 0;
  Process* client = process(Side::kClient);
  if (waiting_.empty() || waiting_.front()->answered || client == nullptr) return;
  const Duration left = waiting_.front()->sent + request_timeout_ - client->Now();
  if (left > Duration::zero()) {
    timeout_ = client->After(left, [self = shared_from_this(), this] { WatchTimeout(); });
    return;
  }
  Abort(Side::kClient);
  FailWaiting(
      fmt::format("{} has not answered within {} s", host(Side::kServer),
                  std::chrono::duration_cast<std::chrono::seconds>(request_timeout_).count()));
}

void HttpConnection::StopTimeout() {
  if (timeout_ != 0 && process(Side::kClient) != nullptr) {
    process(Side::kClient)->Cancel(timeout_);
  }
  timeout_ = 0;
}

}  // namespace tepui::sim
