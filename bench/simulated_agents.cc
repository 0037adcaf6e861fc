// SPDX-License-Identifier: Apache-2.0
#include "simulated_agents.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <utility>

#include "tepui/link.pb.h"
#include "wire/recordio.h"

namespace tepui::bench {

namespace {

namespace v1 = ::mesos::v1;

constexpr size_t kMaxEventBytes = 64 << 20;

}  // namespace

class SimulatedAgents::Agent {
 public:
  Agent(SimulatedAgents& fleet, std::string_view body)
      : fleet_(fleet), stream_events_(*this), calls_events_(*this) {
    stream_.emplace(fleet_.poller_, fleet_.port_, stream_events_);
    stream_->Send(PostRequest("agent", "", body));
  }

  void Disconnect() {
    stream_.reset();
    calls_.reset();
  }

 private:
  struct StreamEvents final : HttpConnection::Events {
    explicit StreamEvents(Agent& a) : agent(a) {}
    void OnHead(unsigned status, std::string_view head) override {
      if (status != 200) Die(fmt::format("An agent's subscription was answered {}", status));
      agent.stream_id_ = HeaderOf(head, "Mesos-Stream-Id");
    }
    void OnBody(std::string_view bytes) override { agent.OnData(bytes); }
    void OnEnd() override { Die("An agent's stream ended"); }
    Agent& agent;
  };
  struct CallsEvents final : HttpConnection::Events {
    explicit CallsEvents(Agent& a) : agent(a) {}
    void OnHead(unsigned status, std::string_view) override {
      if (status != 202) Die(fmt::format("An agent's calls were answered {}", status));
    }
    void OnBody(std::string_view) override {}
    void OnEnd() override {
      agent.in_flight_ = false;
      agent.SendWaiting();
    }
    Agent& agent;
  };

  void OnData(std::string_view bytes) {
    decoder_.Append(bytes);
    while (true) {
      auto record = decoder_.Next();
      if (!record) Die(record.error().message);
      if (!*record) break;
      if (!event_.ParseFromString(**record)) Die("An event does not parse");
      OnEvent();
    }
    SendWaiting();
  }

  void OnEvent() {
    switch (event_.type()) {
      case link::Event::SUBSCRIBED:
        ++fleet_.counts_.subscribed;
        break;
      case link::Event::PING:
        waiting_.add_calls()->set_type(link::Call::PONG);
        break;
      case link::Event::RUN_TASK: {
        ++fleet_.counts_.launched;
        if (fleet_.answer_ == Answer::kNothing) break;
        const link::Event::RunTask& run = event_.run_task();
        Update(run.framework_info().id(), run.task().task_id(), v1::TASK_RUNNING);
        break;
      }
      case link::Event::STATUS_ACKNOWLEDGEMENT: {
        ++fleet_.counts_.acknowledged;
        const auto& acknowledged = event_.status_acknowledgement();
        const bool running = acknowledged.uuid().front() == v1::TASK_RUNNING;
        if (fleet_.answer_ == Answer::kWholeLife && running)
          Update(acknowledged.framework_id(), acknowledged.task_id(), v1::TASK_FINISHED);
        break;
      }
      case link::Event::SHUTDOWN:
      case link::Event::ERROR:
        Die("The master refused an agent: " + event_.message());
      default:
        break;
    }
  }

  // The uuid begins with the state, so that an acknowledgement shows which update it is for.
  void Update(const v1::FrameworkID& framework, const v1::TaskID& task, v1::TaskState state) {
    link::Call* call = waiting_.add_calls();
    call->set_type(link::Call::STATUS_UPDATE);
    link::Call::StatusUpdate* update = call->mutable_status_update();
    *update->mutable_framework_id() = framework;
    update->set_latest_state(state);
    v1::TaskStatus* status = update->mutable_status();
    *status->mutable_task_id() = task;
    *status->mutable_executor_id()->mutable_value() = task.value();
    status->set_state(state);
    status->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
    status->set_timestamp(1.7e9);
    std::string uuid(16, static_cast<char>(state));
    const uint64_t number = ++fleet_.counts_.updates;
    std::memcpy(uuid.data() + 8, &number, sizeof(number));
    status->set_uuid(std::move(uuid));
  }

  void SendWaiting() {
    if (in_flight_ || waiting_.calls().empty()) return;
    if (fleet_.answer_ == Answer::kNothing) {
      fleet_.pongs_->Send(PostRequest("agent", stream_id_, waiting_.SerializeAsString()));
      return waiting_.Clear();
    }
    if (!calls_) calls_.emplace(fleet_.poller_, fleet_.port_, calls_events_);
    in_flight_ = true;
    calls_->Send(PostRequest("agent", stream_id_, waiting_.SerializeAsString()));
    waiting_.Clear();
  }

  SimulatedAgents& fleet_;
  StreamEvents stream_events_;
  CallsEvents calls_events_;
  std::optional<HttpConnection> stream_;
  std::optional<HttpConnection> calls_;  // Connected at the first call.
  std::string stream_id_;
  wire::RecordDecoder decoder_{kMaxEventBytes};
  link::Event event_;
  link::Calls waiting_;
  bool in_flight_ = false;
};

class SimulatedAgents::PongEvents final : public HttpConnection::Events {
 public:
  // An agent may have left before its PONG arrived; the master refuses it then.
  void OnHead(unsigned, std::string_view) override {}
  void OnBody(std::string_view) override {}
  void OnEnd() override {}
};

SimulatedAgents::SimulatedAgents(Poller& poller, uint16_t port, Answer answer)
    : poller_(poller),
      port_(port),
      answer_(answer),
      pong_events_(std::make_unique<PongEvents>()),
      pongs_(std::make_unique<HttpConnection>(poller, port, *pong_events_)) {}

SimulatedAgents::~SimulatedAgents() = default;

void SimulatedAgents::Add(std::string_view body) {
  agents_.push_back(std::make_unique<Agent>(*this, body));
}

void SimulatedAgents::DisconnectAllBut(size_t keep) {
  for (size_t i = keep; i < agents_.size(); ++i) agents_[i]->Disconnect();
}

}  // namespace tepui::bench
