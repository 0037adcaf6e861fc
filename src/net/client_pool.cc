// SPDX-License-Identifier: Apache-2.0
#include "net/client_pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/units.h"

namespace tepui::net {
namespace {

bool IsIdempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

}  // namespace

ClientCall::ClientCall(Request request, Client::Callback callback,
                       std::shared_ptr<std::atomic<int>> pending)
    : request(std::move(request)), callback_(std::move(callback)), pending_(std::move(pending)) {
  pending_->fetch_add(1, std::memory_order_relaxed);
}

ClientCall::~ClientCall() { Finish(Fail(Code::kUnavailable, "The client is closed")); }

void ClientCall::Finish(Result<Response> result) {
  if (!callback_) return;
  pending_->fetch_sub(1, std::memory_order_relaxed);
  std::exchange(callback_, nullptr)(std::move(result));
}

ClientPool::ClientPool(std::shared_ptr<Loop> loop, Endpoint server, Client::Options options)
    : loop_(std::move(loop)), server_(std::move(server)), options_(options), deadline_(*loop_) {}

ClientPool::~ClientPool() = default;

size_t ClientPool::Limit() const {
  return options_.ordered ? 1 : static_cast<size_t>(std::max(1, options_.max_connections));
}

void ClientPool::Submit(std::unique_ptr<ClientCall> call) {
  if (closed_) return;  // The destructor of the call reports it.
  call->deadline = loop_->Now() + options_.request_timeout;
  waiting_.push_back(std::move(call));
  Dispatch();
}

void ClientPool::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  loop_->Leave(*this);
  deadline_.Clear();
  CloseIdle();
  for (const Busy& busy : busy_) busy.connection->Close();
  // The calls leave the pool first: their callbacks may look at anything.
  const auto waiting = std::exchange(waiting_, {});
  const auto busy = std::exchange(busy_, {});
}

void ClientPool::CloseIdle() {
  for (const auto& connection : std::exchange(idle_, {})) connection->Close();
}

void ClientPool::Dispatch() {
  while (!closed_ && !waiting_.empty() && busy_.size() < Limit()) {
    auto call = std::move(waiting_.front());
    waiting_.pop_front();
    std::shared_ptr<ClientConnection> connection;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    } else {
      connection = std::make_shared<ClientConnection>(loop_, server_, *this);
      connection->Connect(options_.connect_timeout);
    }
    Begin(std::move(connection), std::move(call));
  }
  if (!closed_ && !waiting_.empty()) {
    deadline_.Set(waiting_.front()->deadline,
                  std::static_pointer_cast<ClientPool>(shared_from_this()));
  }
}

void ClientPool::Begin(std::shared_ptr<ClientConnection> connection,
                       std::unique_ptr<ClientCall> call) {
  ClientCall& begun = *call;
  ClientConnection& carrier = *connection;
  busy_.push_back({std::move(call), std::move(connection)});
  carrier.Exchange(begun.request, begun.deadline, options_.request_timeout, options_.max_body_bytes,
                   false);
}

ClientPool::Busy ClientPool::TakeBusy(ClientConnection& connection) {
  const auto found =
      std::ranges::find(busy_, &connection, [](const Busy& busy) { return busy.connection.get(); });
  assert(found != busy_.end());
  Busy taken = std::move(*found);
  busy_.erase(found);
  return taken;
}

void ClientPool::OnResponse(ClientConnection& connection, Response response, bool reusable) {
  const auto self = shared_from_this();
  Busy done = TakeBusy(connection);
  if (reusable) idle_.push_back(std::move(done.connection));
  // In ordered mode the next request is sent before the callback runs, but no callback overtakes
  // another: they all run here.
  Dispatch();
  done.call->Finish(std::move(response));
}

void ClientPool::OnFailure(ClientConnection& connection, Failure failure) {
  const auto self = shared_from_this();
  Busy failed = TakeBusy(connection);
  const bool stale =
      connection.used() && failure.unanswered && loop_->Now() < failed.call->deadline;
  const bool harmless = failure.untouched || IsIdempotent(failed.call->request.method);
  if (stale) CloseIdle();  // They lead to the same server, which has gone away since.
  if (stale && harmless && !failed.call->retried) {
    failed.call->retried = true;
    waiting_.push_front(std::move(failed.call));
    return Dispatch();
  }
  Dispatch();
  failed.call->Finish(std::unexpected(std::move(failure.error)));
}

void ClientPool::OnIdleEnd(ClientConnection& connection) {
  std::erase_if(idle_, [&](const auto& idle) { return idle.get() == &connection; });
}

void ClientPool::OnDeadline() {
  std::vector<std::unique_ptr<ClientCall>> late;
  const MonotonicTime now = loop_->Now();
  while (!waiting_.empty() && waiting_.front()->deadline <= now) {
    late.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  Dispatch();
  for (const auto& call : late) {
    call->Finish(Fail(Code::kUnavailable, "No connection to {} was free within {}",
                      ToString(server_), FormatDuration(options_.request_timeout)));
  }
}

}  // namespace tepui::net
