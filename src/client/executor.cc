// SPDX-License-Identifier: Apache-2.0
#include "tepui/executor.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "base/log.h"
#include "base/random.h"
#include "client/event_queue.h"
#include "client/executor_core.h"
#include "client/http_link.h"

namespace tepui::executor {

using ExecutorCall = ::mesos::v1::executor::Call;
using ::mesos::v1::executor::Event;

namespace {

constexpr size_t kMaxPendingEvents = 100'000;
constexpr const char* kTokenVariable = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

// The executor did not end in time: kills it with its whole process group, which the agent made for
// it.
void KillProcessGroup() {
  spdlog::warn("The executor did not end within its grace period: killing its process group");
  killpg(0, SIGKILL);
  _exit(1);
}

}  // namespace

class Mesos::Impl {
 public:
  Impl(client::ExecutorCore::Options options, Connected connected, Disconnected disconnected,
       Received received)
      : connected_(std::move(connected)),
        disconnected_(std::move(disconnected)),
        events_("exec-callback", kMaxPendingEvents, std::move(received)),
        io_(1),
        loop_("executor") {
    loop_.Run([this, options = std::move(options)]() mutable {
      const std::string& token = options.environment.token;
      link_ = std::make_unique<client::HttpLink>(
          io_, loop_,
          client::HttpLink::Options{.path = "/api/v1/executor",
                                    .content_type = options.content_type,
                                    .authorization = token.empty() ? "" : "Bearer " + token});
      core_ = std::make_unique<client::ExecutorCore>(
          std::move(options), loop_, random_, *link_,
          client::ExecutorCore::Callbacks{
              .connected = [this] { events_.Notify(connected_); },
              .disconnected = [this] { events_.Notify(disconnected_); },
              .received = [this](Event event) { OnEvent(std::move(event)); },
              .kill = KillProcessGroup});
      core_->Start();
    });
  }

  ~Impl() {
    events_.Stop();
    loop_.Run([this] {
      core_.reset();
      link_.reset();
    });
    loop_.Stop();
    io_.Stop();
  }

  void Send(const ExecutorCall& call) {
    loop_.Post([this, call] {
      const Status sent = core_->Send(call);
      if (!sent) spdlog::warn("Dropped a call: {}", sent.error().message);
    });
  }

 private:
  void OnEvent(Event event) {
    if (events_.Push(std::move(event))) return;
    loop_.Post([this] { core_->Reconnect("the executor is too slow for its events"); });
  }

  const Connected connected_;
  const Disconnected disconnected_;
  SystemRandom random_;
  client::EventQueue<Event> events_;
  net::IoThreads io_;
  EventLoop loop_;
  std::unique_ptr<client::HttpLink> link_;  // Used on the loop's thread only, like the core.
  std::unique_ptr<client::ExecutorCore> core_;
};

std::expected<std::unique_ptr<Mesos>, std::string> Mesos::Create(ContentType content_type,
                                                                 Connected connected,
                                                                 Disconnected disconnected,
                                                                 Received received) {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  unsetenv(kTokenVariable);
  return Create(content_type, std::move(connected), std::move(disconnected), std::move(received),
                environment);
}

std::expected<std::unique_ptr<Mesos>, std::string> Mesos::Create(
    ContentType content_type, Connected connected, Disconnected disconnected, Received received,
    const std::map<std::string, std::string>& environment) {
  Result<client::ExecutorEnvironment> parsed = client::ExecutorEnvironment::Parse(environment);
  if (!parsed) return std::unexpected(std::move(parsed.error().message));
  client::ExecutorCore::Options options;
  options.environment = std::move(*parsed);
  options.content_type =
      content_type == ContentType::kJson ? wire::ContentType::kJson : wire::ContentType::kProtobuf;
  return std::unique_ptr<Mesos>(new Mesos(std::make_unique<Impl>(
      std::move(options), std::move(connected), std::move(disconnected), std::move(received))));
}

Mesos::Mesos() = default;
Mesos::Mesos(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mesos::~Mesos() = default;

void Mesos::Send(const ExecutorCall& call) { impl_->Send(call); }

}  // namespace tepui::executor
