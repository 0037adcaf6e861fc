// SPDX-License-Identifier: Apache-2.0
#include "tepui/scheduler.h"

#include <memory>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "base/log.h"
#include "base/random.h"
#include "client/event_queue.h"
#include "client/http_link.h"
#include "client/scheduler_core.h"
#include "election/master_address.h"

namespace tepui::scheduler {

using SchedulerCall = ::mesos::v1::scheduler::Call;
using ::mesos::v1::scheduler::APIResult;
using ::mesos::v1::scheduler::Event;

namespace {

// The ZooKeeper session timeout of Mesos' schedulers.
constexpr Duration kSessionTimeout = std::chrono::seconds(10);

}  // namespace

// Three threads: I/O, the core, the user's callbacks.
class Mesos::Impl {
 public:
  Impl(const election::MasterAddress& master, client::SchedulerCore::Options options,
       std::string authorization, Connected connected, Disconnected disconnected, Received received)
      : connected_(std::move(connected)),
        disconnected_(std::move(disconnected)),
        events_("sched-callback", kMaxPendingEvents, std::move(received)),
        io_(1),
        loop_("scheduler") {
    loop_.Run([&, this] {
      link_ = std::make_unique<client::HttpLink>(
          io_, loop_,
          client::HttpLink::Options{.path = "/api/v1/scheduler",
                                    .content_type = options.content_type,
                                    .authorization = std::move(authorization),
                                    .max_pending_calls = kMaxPendingCalls});
      core_ = std::make_unique<client::SchedulerCore>(
          std::move(options), loop_, random_, *link_,
          client::SchedulerCore::Callbacks{
              .connected = [this] { events_.Notify(connected_); },
              .disconnected = [this] { events_.Notify(disconnected_); },
              .received = [this](Event event) { OnEvent(std::move(event)); }});
      detector_ = election::MakeDetector(
          master, kSessionTimeout, loop_,
          [this](std::move_only_function<void()> work) { loop_.Post(std::move(work)); });
      detector_->Watch([this](const std::optional<::mesos::v1::MasterInfo>& leader) {
        core_->OnLeader(leader ? std::optional(election::WhereIs(*leader)) : std::nullopt);
      });
    });
  }

  ~Impl() {
    events_.Stop();
    loop_.Run([this] {
      detector_.reset();
      core_.reset();
      link_.reset();
    });
    loop_.Stop();
    io_.Stop();
  }

  void Send(const SchedulerCall& call) {
    loop_.Post([this, call] {
      const Status sent = core_->Send(call);
      if (!sent) spdlog::warn("Dropped a call: {}", sent.error().message);
    });
  }

  std::future<CallResult> Call(const SchedulerCall& call) {
    std::promise<CallResult> promise;
    std::future<CallResult> future = promise.get_future();
    loop_.Post([this, call, promise = std::move(promise)]() mutable {
      core_->Call(call, [promise = std::move(promise)](Result<APIResult> result) mutable {
        if (result) {
          promise.set_value(std::move(*result));
        } else {
          promise.set_value(std::unexpected(std::move(result.error().message)));
        }
      });
    });
    return future;
  }

  void Reconnect() {
    loop_.Post([this] { core_->Reconnect("the scheduler asked for a new connection"); });
  }

 private:
  void OnEvent(Event event) {
    if (events_.Push(std::move(event))) return;
    // Posted, because the core may be handling the record at this point.
    loop_.Post([this] {
      core_->Reconnect(fmt::format("the scheduler is too slow: {} events are waiting for it",
                                   kMaxPendingEvents));
    });
  }

  const Connected connected_;
  const Disconnected disconnected_;
  SystemRandom random_;
  client::EventQueue<Event> events_;
  net::IoThreads io_;
  EventLoop loop_;
  std::unique_ptr<client::HttpLink> link_;  // Used on the loop's thread only, like the core.
  std::unique_ptr<client::SchedulerCore> core_;
  std::unique_ptr<election::Detector> detector_;
};

std::expected<std::unique_ptr<Mesos>, std::string> Mesos::Create(
    const std::string& master, ContentType content_type, Connected connected,
    Disconnected disconnected, Received received,
    const std::optional<::mesos::v1::Credential>& credential) {
  const Result<election::MasterAddress> address = election::ParseMaster(master);
  if (!address) return std::unexpected(address.error().message);
  client::SchedulerCore::Options options;
  options.content_type =
      content_type == ContentType::kJson ? wire::ContentType::kJson : wire::ContentType::kProtobuf;
  std::string authorization;
  if (credential)
    authorization = client::BasicAuthorization(credential->principal(), credential->secret());
  return std::unique_ptr<Mesos>(new Mesos(
      std::make_unique<Impl>(*address, std::move(options), std::move(authorization),
                             std::move(connected), std::move(disconnected), std::move(received))));
}

Mesos::Mesos() = default;
Mesos::Mesos(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mesos::~Mesos() = default;

void Mesos::Send(const SchedulerCall& call) { impl_->Send(call); }
std::future<Mesos::CallResult> Mesos::Call(const SchedulerCall& call) { return impl_->Call(call); }
void Mesos::Reconnect() { impl_->Reconnect(); }

}  // namespace tepui::scheduler
