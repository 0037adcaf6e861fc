// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "sim/network/event_streams.h"
#include "sim/nodes/agent_node.h"
#include "sim/nodes/recording_observer.h"
#include "web/call_decoding.h"
#include "web/responses.h"

namespace tepui::sim {

// The far end of agents' links, controlled by a test: admits every agent that subscribes, records
// what agents send, and acknowledges their statuses unless the test disables that.
class FakeMaster {
 public:
  FakeMaster(World& world, Network& network, Election& election, Host host)
      : host_(std::move(host)),
        process_(world, host_),
        streams_([this](EventStreams::StreamId) { ++lost; }) {
    election.Stand(host_, process_,
                   {.on_elected = [](uint64_t) {}, .on_lost = [this] { process_.Kill(); }});
    network.Serve(host_, process_,
                  [this](const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
                    OnRequest(request, std::move(exchange));
                  });
  }
  ~FakeMaster() { process_.Kill(); }

  void Crash() { process_.Kill(); }

  void Send(const link::Event& event) {
    streams_.Send(stream_, std::make_shared<const link::Event>(event));
  }

  // The statuses of `task` in the order of arrival, without retries.
  std::vector<v1::TaskState> States(const std::string& task) const {
    std::vector<v1::TaskState> states;
    for (const v1::TaskStatus& status : statuses) {
      if (status.task_id().value() == task) states.push_back(status.state());
    }
    return states;
  }

  std::vector<link::Call::Subscribe> subscriptions;
  std::vector<link::Call> calls;         // All other calls, except PONG.
  std::vector<v1::TaskStatus> statuses;  // Each status once.
  bool acknowledges = true;
  int lost = 0;  // Number of streams that ended.

 private:
  void OnRequest(const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
    link::Calls batch;
    ASSERT_TRUE(web::DecodeCall(request, &batch));
    ASSERT_EQ(request.target, "/api/v1/agent");
    if (batch.calls(0).type() == link::Call::SUBSCRIBE) {
      ASSERT_EQ(batch.calls_size(), 1);
      ASSERT_EQ(request.headers.Find("Mesos-Stream-Id"), nullptr);
      return Admit(batch.calls(0).subscribe(), std::move(exchange));
    }
    const std::string* stream = request.headers.Find("Mesos-Stream-Id");
    if (stream == nullptr || *stream != StreamName()) {
      return exchange->Respond(web::TextResponse(400, "of no stream"));
    }
    for (const link::Call& call : batch.calls()) OnCall(call);
    exchange->Respond(web::TextResponse(202, ""));
  }

  std::string StreamName() const { return fmt::format("{}/{}", host_, subscriptions.size()); }

  void Admit(const link::Call::Subscribe& subscribe, std::shared_ptr<Network::Exchange> exchange) {
    subscriptions.push_back(subscribe);
    streams_.Close(stream_);
    stream_ = streams_.Open(std::move(exchange), StreamName());
    streams_.Answer(stream_, {});
    link::Event event;
    event.set_type(link::Event::SUBSCRIBED);
    link::Event::Subscribed* subscribed = event.mutable_subscribed();
    *subscribed->mutable_agent_id() = subscribe.info().id();
    if (!subscribe.info().has_id()) {
      subscribed->mutable_agent_id()->set_value(fmt::format("S{}", subscriptions.size()));
    }
    subscribed->mutable_master_info()->set_id(host_);
    subscribed->mutable_master_info()->set_ip(1);
    subscribed->mutable_master_info()->set_port(5050);
    // For tests that do not ping.
    subscribed->set_total_ping_timeout_seconds(100'000);
    Send(event);
  }

  void OnCall(const link::Call& call) {
    if (call.type() != link::Call::PONG) calls.push_back(call);
    if (call.type() != link::Call::STATUS_UPDATE) return;
    const v1::TaskStatus& status = call.status_update().status();
    const bool is_new = std::ranges::none_of(
        statuses, [&](const v1::TaskStatus& known) { return known.uuid() == status.uuid(); });
    if (is_new) statuses.push_back(status);
    if (!acknowledges) return;
    link::Event event;
    event.set_type(link::Event::STATUS_ACKNOWLEDGEMENT);
    auto* acknowledgement = event.mutable_status_acknowledgement();
    *acknowledgement->mutable_framework_id() = call.status_update().framework_id();
    *acknowledgement->mutable_task_id() = status.task_id();
    acknowledgement->set_uuid(status.uuid());
    Send(event);
  }

  const Host host_;
  Process process_;
  EventStreams streams_;
  EventStreams::StreamId stream_ = 0;
};

// One agent's machine and a master for it.
class AgentNodeTest : public testing::Test {
 protected:
  explicit AgentNodeTest(uint64_t seed = 7) : world_(seed, /*keep_trace=*/true) {
    spdlog::set_level(spdlog::level::off);
    framework_.mutable_id()->set_value("F");
    framework_.set_user("nobody");
    framework_.set_name("F");
  }

  static agent::Options Options() {
    agent::Options options;
    for (const auto& [name, value] : {std::pair("cpus", 8.0), std::pair("mem", 4096.0)}) {
      AddScalar(name, value, options.info.mutable_resources());
    }
    return options;
  }
  static void AddScalar(const std::string& name, double value,
                        google::protobuf::RepeatedPtrField<v1::Resource>* out) {
    v1::Resource* resource = out->Add();
    resource->set_name(name);
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(value);
  }

  // Starts the agent and runs until it is registered.
  void Start() {
    node_.Start();
    Advance(std::chrono::seconds(5));
    ASSERT_TRUE(node_.Snapshot()->registered);
  }
  void Advance(Duration by) { world_.clock().Advance(by); }

  static v1::TaskInfo MakeTask(const std::string& id) {
    v1::TaskInfo task;
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_agent_id()->set_value("S1");
    AddScalar("cpus", 1, task.mutable_resources());
    return task;
  }
  // Runs a command task whose script is "task=<id> <script>".
  void Run(const std::string& id, const std::string& script) {
    v1::TaskInfo task = MakeTask(id);
    task.mutable_command()->set_value(fmt::format("task={} {}", id, script));
    SendRun(task, /*launch_executor=*/true);
  }
  // Runs a task of the custom executor "e".
  void RunInExecutor(const std::string& id, const std::string& script, bool launch_executor,
                     const std::string& executor = "executor=e") {
    v1::TaskInfo task = MakeTask(id);
    task.set_data(fmt::format("task={} {}", id, script));
    task.mutable_executor()->mutable_executor_id()->set_value("e");
    task.mutable_executor()->set_type(v1::ExecutorInfo::CUSTOM);
    task.mutable_executor()->mutable_command()->set_value(executor);
    SendRun(task, launch_executor);
  }
  void SendRun(const v1::TaskInfo& task, bool launch_executor) {
    link::Event event;
    event.set_type(link::Event::RUN_TASK);
    *event.mutable_run_task()->mutable_framework_info() = framework_;
    *event.mutable_run_task()->mutable_task() = task;
    event.mutable_run_task()->set_launch_executor(launch_executor);
    master_.Send(event);
  }
  void Kill(const std::string& id) {
    link::Event event;
    event.set_type(link::Event::KILL_TASK);
    *event.mutable_kill_task()->mutable_framework_id() = framework_.id();
    event.mutable_kill_task()->mutable_task_id()->set_value(id);
    master_.Send(event);
  }
  void ShutdownExecutor() {
    link::Event event;
    event.set_type(link::Event::SHUTDOWN_EXECUTOR);
    *event.mutable_shutdown_executor()->mutable_framework_id() = framework_.id();
    event.mutable_shutdown_executor()->mutable_executor_id()->set_value("e");
    master_.Send(event);
  }

  World world_;
  Network network_{world_, {}};
  Election election_{world_, network_};
  RecordingObserver observer_;
  FakeMaster master_{world_, network_, election_, "master-0"};
  AgentNode node_{{world_, network_, election_, observer_}, "agent-0", Options()};
  v1::FrameworkInfo framework_;
};

}  // namespace tepui::sim
