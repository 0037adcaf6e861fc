// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <utility>

#include "net/client_pool.h"
#include "net/http.h"
#include "net/io_threads.h"
#include "net/message_format.h"
#include "net/subscription.h"

namespace tepui::net {
namespace {

// The object that the caller of Subscribe gets.
class SubscriptionHandle final : public Client::Subscription {
 public:
  explicit SubscriptionHandle(std::shared_ptr<SubscriptionTask> task) : task_(std::move(task)) {}
  ~SubscriptionHandle() override { task_->Cancel(); }
  void Cancel() override { task_->Cancel(); }

 private:
  const std::shared_ptr<SubscriptionTask> task_;
};

}  // namespace

class Client::Impl {
 public:
  Impl(IoThreads& threads, Endpoint server, Options options)
      : threads_(threads.impl()),
        server_(std::move(server)),
        options_(options),
        loop_(threads_.Next()),
        pool_(std::make_shared<ClientPool>(loop_, server_, options_)) {
    loop_->Post([loop = loop_.get(), pool = pool_] { loop->Join(pool); });
  }

  ~Impl() {
    loop_->Post([pool = pool_] { pool->Close(); });
  }

  void Send(Request request, Callback callback) {
    if (const Status valid = CheckRequestLine(request); !valid) {
      return Refuse(std::move(callback), valid.error());
    }
    if (pending_->load(std::memory_order_relaxed) >=
        options_.max_connections + options_.max_waiting) {
      return Refuse(std::move(callback),
                    {Code::kUnavailable, fmt::format("{} requests wait for {} already",
                                                     options_.max_waiting, ToString(server_))});
    }
    // If the loop accepts no more work, the call reports that when it is destroyed.
    loop_->Post([pool = pool_, call = std::make_unique<ClientCall>(
                                   std::move(request), std::move(callback), pending_)]() mutable {
      pool->Submit(std::move(call));
    });
  }

  std::unique_ptr<Subscription> Subscribe(Request request, StreamHandler handler) {
    const std::shared_ptr<Loop>& loop = threads_.Next();
    auto task = std::make_shared<SubscriptionTask>(loop, server_, options_, std::move(handler));
    const Status valid = CheckRequestLine(request);
    const bool posted = loop->Post([task, valid, request = std::move(request)] {
      if (valid) return task->Start(request);
      task->Refuse(valid.error());
    });
    if (!posted) task->Refuse({Code::kUnavailable, "The I/O threads are stopped"});
    return std::make_unique<SubscriptionHandle>(std::move(task));
  }

 private:
  // A callback that should run on an I/O thread, and runs on this one only if none is left.
  class Refusal {
   public:
    Refusal(Callback callback, Error error)
        : callback_(std::move(callback)), error_(std::move(error)) {}
    Refusal(Refusal&& other) noexcept
        : callback_(std::exchange(other.callback_, nullptr)), error_(std::move(other.error_)) {}
    ~Refusal() {
      if (callback_) callback_(std::unexpected(std::move(error_)));
    }
    void operator()() { std::exchange(callback_, nullptr)(std::unexpected(std::move(error_))); }

   private:
    Callback callback_;
    Error error_;
  };

  void Refuse(Callback callback, Error error) {
    loop_->Post(Refusal(std::move(callback), std::move(error)));
  }

  IoThreads::Impl& threads_;
  const Endpoint server_;
  const Options options_;
  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<ClientPool> pool_;
  const std::shared_ptr<std::atomic<int>> pending_ = std::make_shared<std::atomic<int>>(0);
};

Client::Client(IoThreads& threads, Endpoint server, Options options)
    : impl_(std::make_shared<Impl>(threads, std::move(server), options)) {}

Client::~Client() = default;

void Client::Send(Request request, Callback callback) {
  impl_->Send(std::move(request), std::move(callback));
}

std::unique_ptr<Client::Subscription> Client::Subscribe(Request request, StreamHandler handler) {
  return impl_->Subscribe(std::move(request), std::move(handler));
}

Result<Response> SendAndWait(Client& client, Request request) {
  std::optional<Result<Response>> answer;
  std::latch done(1);
  client.Send(std::move(request), [&](Result<Response> result) {
    answer = std::move(result);
    done.count_down();
  });
  done.wait();
  return std::move(*answer);
}

}  // namespace tepui::net
