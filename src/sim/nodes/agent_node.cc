// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/agent_node.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "agent/checkpoint/checkpoint.h"
#include "api/executor_api.h"
#include "base/version.h"
#include "sim/network/event_streams.h"
#include "sim/nodes/agent_link.h"
#include "sim/nodes/simulated_containerizer.h"
#include "sim/world/durable.h"
#include "web/responses.h"

namespace tepui::sim {

namespace {

constexpr uint16_t kPort = 5051;
// How long an agent that ends waits until its master has received its last calls, as in
// server::AgentServer.
constexpr Duration kLastWords = std::chrono::seconds(2);

agent::Options WithIdentity(agent::Options options, const Host& host) {
  v1::AgentInfo& info = options.info;
  if (info.hostname().empty()) info.set_hostname(host);
  info.set_port(kPort);
  options.address.set_hostname(host);
  // The host name is also used as address: a master takes two agents at one address for one
  // machine.
  options.address.set_ip(host);
  options.address.set_port(kPort);
  if (options.version.empty()) options.version = std::string(kMesosVersion);
  if (options.work_dir.empty()) options.work_dir = "/var/lib/tepui";
  return options;
}

agent::Options OfBoot(agent::Options options, uint64_t boot) {
  options.boot_id = fmt::format("boot {}", boot);
  return options;
}

std::string Describe(const link::Call& call) {
  const std::string& type = link::Call::Type_Name(call.type());
  if (call.type() != link::Call::STATUS_UPDATE) return type;
  const v1::TaskStatus& status = call.status_update().status();
  return fmt::format("{} {} of {}", type, v1::TaskState_Name(status.state()),
                     status.task_id().value());
}

std::string Describe(const link::Event& event) {
  const std::string& type = link::Event::Type_Name(event.type());
  switch (event.type()) {
    case link::Event::SUBSCRIBED:
      return fmt::format("{} as {}", type, event.subscribed().agent_id().value());
    case link::Event::RUN_TASK:
      return fmt::format("{} {}", type, event.run_task().task().task_id().value());
    case link::Event::KILL_TASK:
      return fmt::format("{} {}", type, event.kill_task().task_id().value());
    case link::Event::STATUS_ACKNOWLEDGEMENT:
      return fmt::format("{} of {}", type, event.status_acknowledgement().task_id().value());
    default:
      return type;
  }
}

}  // namespace

// The agent's checkpoints; reports changes to the observer.
class AgentNode::Disk final : public Durable {
 public:
  Disk(Observer& observer, Host host) : observer_(observer), host_(std::move(host)) {}

  void BeforeCommit(const storage::Batch& batch) override {
    keys_.clear();
    for (const storage::Write& write : batch) keys_.push_back(write.key);
  }
  void AfterCommit(uint64_t) override {
    for (const std::string& key : keys_) {
      const auto found = data()->records.find(key);
      observer_.OnSaved(
          host_, key,
          found == data()->records.end() ? std::nullopt : std::optional(found->second.value));
    }
  }

 private:
  Observer& observer_;
  const Host host_;
  std::vector<std::string> keys_;  // Keys of the current batch.
};

// One run of the agent's process, and what runs beside it.
class AgentNode::Life final : public agent::Links {
 public:
  explicit Life(AgentNode& node);
  ~Life() override {
    process_.Kill();
    containers_.Detach();
  }

  Process& process() { return process_; }
  agent::Agent& agent() { return *agent_; }

  // --- agent::Links.
  void Subscribe(link::Call::Subscribe subscribe) override;
  void Send(link::Call call) override;
  void Disconnect() override { link_.Disconnect(); }
  void Identify(const AgentId& id) override { node_.id_ = id.value(); }
  void Send(agent::StreamId stream,
            std::shared_ptr<const google::protobuf::Message> event) override {
    streams_.Send(stream, std::move(event));
  }
  void Close(agent::StreamId stream) override { streams_.Close(stream); }

 private:
  void OnLeader(const std::optional<Host>& leader);
  void OnMasterEvent(const link::Event& event);
  void OnRequest(const net::Request& request, std::shared_ptr<Network::Exchange> exchange);
  void OnExecutor(const net::Request& request, std::shared_ptr<Network::Exchange> exchange);
  void OnExecutorSubscribe(const api::ExecutorRequest& read, const security::Caller& caller,
                           std::shared_ptr<Network::Exchange> exchange);
  void CheckSometimes();
  void OnAgentExit(const Status& status);
  void Leave(const Status& status);

  AgentNode& node_;
  Process process_;
  SeededRandom random_;
  SimulatedContainerizer& containers_;
  SimulatedProber prober_;
  SimulatedDisk disk_;
  SimulatedStore store_;
  int events_ = 0;
  EventStreams streams_;
  AgentLink link_;
  std::unique_ptr<agent::Agent> agent_;
};

AgentNode::Life::Life(AgentNode& node)
    : node_(node),
      process_(node.parts_.world, node.host_),
      random_(node.parts_.world.MakeRandom(fmt::format("{}/{}", node.host_, node.lives_))),
      containers_(*node.containers_),
      prober_(process_, SeededRandom(random_.Next()), node.faults_),
      disk_(process_, SeededRandom(random_.Next())),
      store_(process_, node.host_, *node.disk_, node.store_, SeededRandom(random_.Next()),
             agent::Checkpoint::kLimits),
      streams_([this](agent::StreamId stream) { agent_->OnStreamClosed(stream); }),
      link_(node.parts_.network, process_, node.host_,
            {.on_event = [this](const link::Event& event) { OnMasterEvent(event); },
             .on_disconnected =
                 [this](const std::string& reason) { agent_->OnMasterDisconnected(reason); }}),
      agent_(std::make_unique<agent::Agent>(
          OfBoot(node.options_, node.boots_),
          agent::Agent::Parts{process_, random_, *this, containers_, prober_, disk_, store_},
          [this](const Status& status) { OnAgentExit(status); })) {
  node.parts_.network.Serve(
      node.host_, process_,
      [this](const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
        OnRequest(request, std::move(exchange));
      });
  containers_.Attach(process_);
  agent_->Recover();
  node.parts_.election.Watch(node.host_, process_,
                             [this](const std::optional<Host>& leader) { OnLeader(leader); });
}

void AgentNode::Life::OnLeader(const std::optional<Host>& leader) {
  if (!leader) return agent_->OnMasterLost();
  link_.SetMaster(*leader);
  agent_->OnMasterDetected();
}

void AgentNode::Life::Subscribe(link::Call::Subscribe subscribe) {
  link::Call call;
  call.set_type(link::Call::SUBSCRIBE);
  *call.mutable_subscribe() = subscribe;
  node_.parts_.world.Write("{}: sends SUBSCRIBE", node_.host_);
  node_.parts_.observer.OnAgentSends(node_.host_, call);
  link_.Subscribe(std::move(subscribe));
}

void AgentNode::Life::Send(link::Call call) {
  if (!link_.Send(call)) return;
  node_.parts_.world.Write("{}: sends {}", node_.host_, Describe(call));
  node_.parts_.observer.OnAgentSends(node_.host_, call);
}

void AgentNode::Life::OnMasterEvent(const link::Event& event) {
  node_.parts_.world.Write("{}: hears {}", node_.host_, Describe(event));
  node_.parts_.observer.OnAgentEvent(node_.host_, event);
  agent_->OnMasterEvent(event);
  CheckSometimes();
}

// A check looks at every record, so not every event gets one.
void AgentNode::Life::CheckSometimes() {
  constexpr int kEach = 8;
  if (++events_ % kEach != 0) return;
  node_.parts_.observer.OnAgentChecked(node_.host_, agent_->CheckInvariants());
}

void AgentNode::Life::OnRequest(const net::Request& request,
                                std::shared_ptr<Network::Exchange> exchange) {
  if (request.target == api::kExecutorPath) {
    OnExecutor(request, std::move(exchange));
  } else if (request.target == "/health") {
    exchange->Respond({});
  } else {
    exchange->Respond(web::TextResponse(404, "There is no " + request.target));
  }
  CheckSometimes();
}

void AgentNode::Life::OnExecutor(const net::Request& request,
                                 std::shared_ptr<Network::Exchange> exchange) {
  const auto caller = api::IdentifyExecutor(request, node_.options_.jwt_secret);
  if (!caller) return exchange->Respond(caller.error());
  const auto read = api::ReadExecutorRequest(request);
  if (!read) return exchange->Respond(read.error());
  if (read->events) return OnExecutorSubscribe(*read, *caller, std::move(exchange));
  agent_->OnExecutorCall(*caller, read->call, [exchange](const Status& status) {
    exchange->Respond(status ? web::TextResponse(202, "") : web::ErrorResponse(status.error()));
  });
}

void AgentNode::Life::OnExecutorSubscribe(const api::ExecutorRequest& read,
                                          const security::Caller& caller,
                                          std::shared_ptr<Network::Exchange> exchange) {
  const agent::StreamId stream = streams_.Open(std::move(exchange), "");
  agent_->OnExecutorSubscribe(stream, caller, read.call, [this, stream](const Status& status) {
    streams_.Answer(stream, status);
  });
}

// Called from inside the core. Its last calls may still be in flight.
void AgentNode::Life::OnAgentExit(const Status& status) {
  process_.Post([this, status] {
    process_.After(kLastWords, [this, status] { Leave(status); });
    link_.Drain([this, status] { Leave(status); });
  });
}

void AgentNode::Life::Leave(const Status& status) {
  node_.next_.Set(
      Duration::zero(),
      [&node = node_, why = status ? "shut down" : status.error().message] { node.OnExit(why); });
}

AgentNode::AgentNode(Parts parts, Host host, agent::Options options)
    : parts_(parts),
      host_(std::move(host)),
      options_(WithIdentity(std::move(options), host_)),
      disk_(std::make_unique<Disk>(parts_.observer, host_)),
      next_(parts_.world.clock()) {}

AgentNode::~AgentNode() = default;

void AgentNode::Start() {
  wanted_ = true;
  if (life_ == nullptr && !next_.pending()) Boot();
}

void AgentNode::Boot() {
  ++lives_;
  parts_.world.Write("{}: starts", host_);
  parts_.observer.OnStarted(host_);
  if (containers_ == nullptr) {
    ++boots_;
    containers_ = std::make_unique<SimulatedContainerizer>(
        SimulatedContainerizer::Parts{parts_.world, parts_.network, parts_.observer}, host_,
        OfBoot(options_, boots_).boot_id,
        parts_.world.MakeRandom(fmt::format("{}/{}/machine", host_, lives_)), faults_);
  }
  life_ = std::make_unique<Life>(*this);
}

void AgentNode::OnExit(const std::string& why) {
  life_.reset();
  parts_.world.Write("{}: ends, {}", host_, why);
  parts_.observer.OnEnded(host_, why);
  if (wanted_) next_.Set(kRestartDelay, [this] { Boot(); });
}

void AgentNode::Crash(bool replace) {
  wanted_ = false;
  next_.Cancel();
  const bool is_on = containers_ != nullptr;
  life_.reset();
  containers_.reset();
  if (replace) disk_ = std::make_unique<Disk>(parts_.observer, host_);
  if (!is_on) return;
  parts_.world.Write("{}: crashes", host_);
  parts_.observer.OnEnded(host_, "crash");
}

void AgentNode::KillProcess() {
  wanted_ = false;
  next_.Cancel();
  if (life_ == nullptr) return;
  life_.reset();
  parts_.world.Write("{}: the agent's process is killed", host_);
  parts_.observer.OnEnded(host_, "killed");
}

void AgentNode::Leave() {
  End([](agent::Agent& agent) { agent.Leave("it got SIGTERM"); });
}

void AgentNode::Unregister() {
  End([](agent::Agent& agent) { agent.Shutdown(/*unregister=*/true, "it got SIGUSR1"); });
}

void AgentNode::End(std::move_only_function<void(agent::Agent&)> how) {
  wanted_ = false;
  if (life_ == nullptr) {
    next_.Cancel();
    return;
  }
  life_->process().Post([&agent = life_->agent(), how = std::move(how)]() mutable { how(agent); });
}

bool AgentNode::running() const { return life_ != nullptr; }

Process* AgentNode::process() { return life_ == nullptr ? nullptr : &life_->process(); }

std::shared_ptr<const agent::AgentState> AgentNode::Snapshot() const {
  return life_ == nullptr ? nullptr : life_->agent().Snapshot();
}

std::vector<std::string> AgentNode::RunningTasks() const {
  return containers_ == nullptr ? std::vector<std::string>() : containers_->RunningTasks();
}

void AgentNode::KillContainer(Random& random) {
  if (containers_ != nullptr) containers_->KillOne(random);
}

}  // namespace tepui::sim
