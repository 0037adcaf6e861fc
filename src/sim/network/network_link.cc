// SPDX-License-Identifier: Apache-2.0
#include "sim/network/network_link.h"

#include <utility>

#include "wire/content_type.h"

namespace tepui::sim {

// The stream of one subscription. Network callbacks hold it weakly, because its connection owns
// them.
struct NetworkLink::Stream {
  StreamHandler handler;
  std::unique_ptr<Network::Connection> connection;
  bool ended = false;  // Ended or dropped: no callback runs any more.

  void End(const std::string& reason) {
    if (!std::exchange(ended, true)) handler.on_end(reason);
  }
};

NetworkLink::NetworkLink(Network& network, Process& process, Host from, Options options)
    : network_(network), process_(process), from_(std::move(from)), options_(std::move(options)) {}

NetworkLink::~NetworkLink() { Disconnect(); }

void NetworkLink::Disconnect() {
  current_.emplace();
  waiting_.clear();
  in_flight_ = false;
  calls_.reset();
  if (const std::shared_ptr<Stream> stream = std::exchange(stream_, nullptr); stream != nullptr) {
    stream->ended = true;
    stream->connection.reset();
  }
}

void NetworkLink::Connect(const Endpoint& endpoint, std::move_only_function<void(Status)> done) {
  Disconnect();
  to_ = endpoint.host;
  net::Request probe;
  probe.target = "/health";
  probe.headers.Set("Host", to_);
  Enqueue({.request = std::move(probe),
           .done = [done = std::move(done)](Result<net::Response> response) mutable {
             if (response) {
               done({});
             } else {
               done(Fail(response.error()));
             }
           }});
}

net::Request NetworkLink::MakeCall(std::string body, const std::string& stream_id) const {
  const std::string type(wire::Name(wire::ContentType::kProtobuf));
  net::Request request;
  request.method = "POST";
  request.target = options_.path;
  request.body = std::move(body);
  request.headers.Set("Host", to_);
  request.headers.Set("Content-Type", type);
  request.headers.Set("Accept", type);
  if (!stream_id.empty()) request.headers.Set("Mesos-Stream-Id", stream_id);
  if (!options_.authorization.empty()) request.headers.Set("Authorization", options_.authorization);
  return request;
}

void NetworkLink::Post(std::string body, const std::string& stream_id,
                       std::move_only_function<void(Result<net::Response>)> done) {
  if (waiting_.size() >= kMaxWaiting) {
    return process_.Post(current_->Bind([done = std::move(done)]() mutable {
      done(Fail(Code::kUnavailable, "{} calls wait already", kMaxWaiting));
    }));
  }
  Enqueue({.request = MakeCall(std::move(body), stream_id), .done = std::move(done)});
}

void NetworkLink::Enqueue(Waiting waiting) {
  waiting_.push_back(std::move(waiting));
  SendNext();
}

void NetworkLink::SendNext() {
  if (in_flight_ || waiting_.empty()) return;
  in_flight_ = true;
  if (calls_ != nullptr) return SendFirst();
  network_.Connect(process_, from_, to_,
                   current_->Bind([this](Result<std::unique_ptr<Network::Connection>> connection) {
                     if (!connection) return Answer(Fail(connection.error()));
                     calls_ = std::move(*connection);
                     SendFirst();
                   }));
}

void NetworkLink::SendFirst() {
  calls_->Send(
      std::move(waiting_.front().request),
      {.on_response = current_->Bind([this](const net::Response& response) { Answer(response); }),
       .on_record = nullptr,
       .on_end = current_->Bind(
           [this](const std::string& reason) { Answer(Fail(Code::kUnavailable, "{}", reason)); })});
}

void NetworkLink::Answer(Result<net::Response> response) {
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  in_flight_ = false;
  if (!response) {
    // Later answers on that connection would be matched to the wrong calls.
    calls_.reset();
    current_.emplace();
  }
  const std::weak_ptr<const bool> alive = current_->Alive();
  first.done(std::move(response));
  if (!alive.expired()) SendNext();
}

void NetworkLink::Subscribe(std::string body, StreamHandler handler) {
  stream_ = std::make_shared<Stream>();
  stream_->handler = std::move(handler);
  network_.Connect(process_, from_, to_,
                   [this, stream = std::weak_ptr(stream_), body = std::move(body)](
                       Result<std::unique_ptr<Network::Connection>> connection) mutable {
                     const std::shared_ptr<Stream> open = stream.lock();
                     if (open == nullptr) return;
                     if (!connection) return open->End(connection.error().message);
                     open->connection = std::move(*connection);
                     OpenStream(open, std::move(body));
                   });
}

void NetworkLink::OpenStream(const std::shared_ptr<Stream>& stream, std::string body) {
  const std::weak_ptr<Stream> weak = stream;
  Network::ResponseHandler handler;
  handler.on_response = [weak](const net::Response& response) {
    const std::shared_ptr<Stream> open = weak.lock();
    if (open == nullptr || open->ended) return;
    open->ended = response.status != 200;
    open->handler.on_response(response);
  };
  handler.on_record = [weak](const std::string& record) {
    const std::shared_ptr<Stream> open = weak.lock();
    if (open != nullptr && !open->ended) open->handler.on_record(record);
  };
  handler.on_end = [weak](const std::string& reason) {
    if (const std::shared_ptr<Stream> open = weak.lock(); open != nullptr) open->End(reason);
  };
  stream->connection->Send(MakeCall(std::move(body), ""), std::move(handler));
}

}  // namespace tepui::sim
