// SPDX-License-Identifier: Apache-2.0
#include "sim/network/network.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/network/http_connection.h"

namespace tepui::sim {

namespace {

using Side = TcpConnection::Side;

// The interval after which TCP repeats a SYN.
constexpr Duration kFirstSynRetry = std::chrono::seconds(1);

class ClientConnection final : public Network::Connection {
 public:
  explicit ClientConnection(std::shared_ptr<HttpConnection> connection)
      : connection_(std::move(connection)) {}
  ~ClientConnection() override { connection_->CloseByClient(); }
  void Send(net::Request request, Network::ResponseHandler handler) override {
    connection_->SendRequest(std::move(request), std::move(handler));
  }

 private:
  const std::shared_ptr<HttpConnection> connection_;
};

}  // namespace

class Network::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(World& world, const Options& options)
      : options_(options),
        paths_(world, {options.min_latency, options.max_latency}),
        shared_{.world = world,
                .paths = paths_,
                .limits = {options.retransmission, options.max_in_flight_bytes},
                .on_over = [this](uint64_t id) { connections_.erase(id); }} {}

  // Others may own connections, which then outlive this.
  ~Impl() {
    for (const auto& [id, connection] : std::exchange(connections_, {})) connection->Abandon();
    for (const auto& [host, service] : services_) service.process->ForgetAtEnd(service.at_end);
  }

  void Serve(const Host& host, Process& process, Handler handler);
  void Connect(Process& process, const Host& from, const Host& to, Connected done);

  void Reset(const Host& one, const Host& other) {
    for (const auto& [id, connection] : connections_) {
      const Host& client = connection->host(Side::kClient);
      const Host& server = connection->host(Side::kServer);
      if ((client == one && server == other) || (client == other && server == one)) {
        connection->Cut();
      }
    }
  }

  Paths& paths() { return paths_; }
  size_t most_in_flight_bytes() const { return shared_.most_in_flight_bytes; }
  size_t open_connections() const { return connections_.size(); }

 private:
  // The process that serves a host.
  struct Service {
    Process* process;
    uint64_t at_end;
    std::shared_ptr<const Handler> handler;
  };
  // An attempt of a client to connect.
  struct Attempt {
    Process* process = nullptr;  // Null if it has ended.
    uint64_t at_end = 0;
    Host from;
    Host to;
    Connected done;  // Empty once the outcome is decided.
    TimerId timeout = 0;
    Duration retry_delay = kFirstSynRetry;
  };
  using AttemptPtr = std::shared_ptr<Attempt>;

  void SendSyn(const AttemptPtr& attempt);
  void RetrySyn(const AttemptPtr& attempt);
  void OnSyn(const AttemptPtr& attempt);
  void OnSynAnswer(const AttemptPtr& attempt);
  void Decide(Attempt& attempt, Result<std::unique_ptr<Connection>> outcome);
  // Runs `work` after `delay` unless the network is gone or the outcome is decided.
  TimerId Later(const AttemptPtr& attempt, Duration delay,
                void (Impl::*work)(const AttemptPtr& attempt));
  void OnConnectTimeout(const AttemptPtr& attempt);

  const Options options_;
  Paths paths_;
  TcpConnection::Shared shared_;
  std::map<Host, Service> services_;
  std::map<uint64_t, std::shared_ptr<HttpConnection>> connections_;
  uint64_t last_connection_ = 0;
};

void Network::Impl::Serve(const Host& host, Process& process, Handler handler) {
  if (!process.alive()) return;
  const auto old = services_.find(host);
  if (old != services_.end()) old->second.process->ForgetAtEnd(old->second.at_end);
  const uint64_t at_end = process.AtEnd([weak = weak_from_this(), host] {
    if (const auto self = weak.lock()) self->services_.erase(host);
  });
  services_[host] = {&process, at_end, std::make_shared<const Handler>(std::move(handler))};
}

void Network::Impl::Connect(Process& process, const Host& from, const Host& to, Connected done) {
  if (!process.alive()) return;
  const auto attempt = std::make_shared<Attempt>();
  attempt->process = &process;
  attempt->from = from;
  attempt->to = to;
  attempt->done = std::move(done);
  attempt->at_end = process.AtEnd([attempt] {
    attempt->process = nullptr;
    attempt->done = nullptr;
  });
  attempt->timeout = Later(attempt, options_.connect_timeout, &Impl::OnConnectTimeout);
  SendSyn(attempt);
}

TimerId Network::Impl::Later(const AttemptPtr& attempt, Duration delay,
                             void (Impl::*work)(const AttemptPtr&)) {
  return shared_.world.clock().After(delay, [weak = weak_from_this(), attempt, work] {
    const auto self = weak.lock();
    if (self != nullptr && attempt->done) (self.get()->*work)(attempt);
  });
}

void Network::Impl::SendSyn(const AttemptPtr& attempt) {
  const Duration latency = paths_.NextLatency(paths_.Between(attempt->from, attempt->to));
  Later(attempt, latency, &Impl::OnSyn);
}

void Network::Impl::RetrySyn(const AttemptPtr& attempt) {
  Later(attempt, attempt->retry_delay, &Impl::SendSyn);
  attempt->retry_delay *= 2;
}

void Network::Impl::OnSyn(const AttemptPtr& attempt) {
  if (!paths_.Between(attempt->from, attempt->to).open()) return RetrySyn(attempt);
  const Duration latency = paths_.NextLatency(paths_.Between(attempt->to, attempt->from));
  Later(attempt, latency, &Impl::OnSynAnswer);
}

void Network::Impl::OnSynAnswer(const AttemptPtr& attempt) {
  if (!paths_.Between(attempt->to, attempt->from).open()) return RetrySyn(attempt);
  const auto service = services_.find(attempt->to);
  if (service == services_.end()) {
    Decide(*attempt, Fail(Code::kUnavailable, "connection from {} to {}: refused", attempt->from,
                          attempt->to));
    return;
  }
  const uint64_t id = ++last_connection_;
  const auto connection = std::make_shared<HttpConnection>(
      shared_, id, TcpConnection::Address{attempt->from, attempt->process},
      TcpConnection::Address{attempt->to, service->second.process}, options_.request_timeout,
      service->second.handler);
  connection->Open();
  connections_.emplace(id, connection);
  Decide(*attempt, std::make_unique<ClientConnection>(connection));
}

void Network::Impl::OnConnectTimeout(const AttemptPtr& attempt) {
  attempt->timeout = 0;
  Decide(*attempt, Fail(Code::kUnavailable, "connection from {} to {}: timed out", attempt->from,
                        attempt->to));
}

void Network::Impl::Decide(Attempt& attempt, Result<std::unique_ptr<Connection>> outcome) {
  shared_.world.clock().Cancel(attempt.timeout);
  attempt.process->ForgetAtEnd(attempt.at_end);
  if (!outcome) shared_.world.Write("{}", outcome.error().message);
  attempt.process->Post([done = std::exchange(attempt.done, nullptr),
                         outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
}

Network::Network(World& world, Options options) : impl_(std::make_shared<Impl>(world, options)) {}

Network::~Network() = default;

void Network::Serve(const Host& host, Process& process, Handler handler) {
  impl_->Serve(host, process, std::move(handler));
}

void Network::Connect(Process& process, const Host& from, const Host& to, Connected done) {
  impl_->Connect(process, from, to, std::move(done));
}

void Network::Block(const Host& from, const Host& to) { impl_->paths().Block(from, to); }

void Network::Unblock(const Host& from, const Host& to) { impl_->paths().Unblock(from, to); }

bool Network::Reaches(const Host& from, const Host& to) const {
  return impl_->paths().Between(from, to).open();
}

void Network::Reset(const Host& one, const Host& other) { impl_->Reset(one, other); }

void Network::SetSlowness(int factor) { impl_->paths().SetSlowness(factor); }

size_t Network::most_in_flight_bytes() const { return impl_->most_in_flight_bytes(); }

size_t Network::open_connections() const { return impl_->open_connections(); }

}  // namespace tepui::sim
