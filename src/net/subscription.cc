// SPDX-License-Identifier: Apache-2.0
#include "net/subscription.h"

#include <utility>

namespace tepui::net {

void HandlerGate::Run(const std::function<void()>& handler) {
  {
    const MutexLock lock(mutex_);
    if (shut_) return;
    runner_ = std::this_thread::get_id();
  }
  handler();
  const MutexLock lock(mutex_);
  runner_ = std::thread::id();
  idle_.NotifyAll();
}

void HandlerGate::Shut() {
  const MutexLock lock(mutex_);
  shut_ = true;
  if (runner_ == std::this_thread::get_id()) return;
  while (runner_ != std::thread::id()) idle_.Wait(mutex_);
}

SubscriptionTask::SubscriptionTask(std::shared_ptr<Loop> loop, Endpoint server,
                                   const Client::Options& options, StreamHandler handler)
    : loop_(std::move(loop)),
      server_(std::move(server)),
      options_(options),
      handler_(std::move(handler)) {}

SubscriptionTask::~SubscriptionTask() = default;

void SubscriptionTask::Start(const Request& request) {
  if (ended_) return;
  loop_->Join(shared_from_this());
  if (ended_) return;
  connection_ = std::make_shared<ClientConnection>(loop_, server_, *this);
  connection_->Connect(options_.connect_timeout);
  connection_->Exchange(request, loop_->Now() + options_.request_timeout, options_.request_timeout,
                        options_.max_body_bytes, true);
}

void SubscriptionTask::Close() { End(Error{Code::kUnavailable, "The client is closed"}); }

void SubscriptionTask::Refuse(Error error) {
  gate_.Run([&] {
    if (handler_.on_end) handler_.on_end(std::move(error));
  });
}

void SubscriptionTask::Cancel() {
  gate_.Shut();
  loop_->Post(
      [self = std::static_pointer_cast<SubscriptionTask>(shared_from_this())] { self->Close(); });
}

void SubscriptionTask::OnStreamHead(ClientConnection&, const Response& head) {
  streaming_ = true;
  gate_.Run([&] {
    if (handler_.on_response) handler_.on_response(head);
  });
}

void SubscriptionTask::OnStreamData(ClientConnection&, std::string_view bytes) {
  gate_.Run([&] {
    if (handler_.on_data) handler_.on_data(bytes);
  });
}

void SubscriptionTask::OnResponse(ClientConnection&, Response response, bool) {
  if (!streaming_) {
    gate_.Run([&] {
      if (handler_.on_response) handler_.on_response(response);
    });
  }
  End(std::nullopt);
}

void SubscriptionTask::OnFailure(ClientConnection&, Failure failure) {
  End(std::move(failure.error));
}

void SubscriptionTask::End(std::optional<Error> error) {
  if (std::exchange(ended_, true)) return;
  const auto self = shared_from_this();
  if (connection_ != nullptr) connection_->Close();
  loop_->Leave(*this);
  gate_.Run([&] {
    if (handler_.on_end) handler_.on_end(std::move(error));
  });
}

}  // namespace tepui::net
