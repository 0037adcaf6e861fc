// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/master_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "api/master_api.h"
#include "api/operator/master_calls.h"
#include "base/version.h"
#include "master/core/leadership.h"
#include "sim/network/event_streams.h"
#include "web/responses.h"

namespace tepui::sim {

namespace {

using ExchangePtr = std::shared_ptr<Network::Exchange>;

constexpr int kPort = 5050;

// The master's links: each event is sent at once, and reported if the invariants know its type.
class NodeLinks final : public master::Links {
 public:
  NodeLinks(Observer& observer, const Host& host, EventStreams& streams)
      : observer_(observer), host_(host), streams_(streams) {}

  void Opened(master::StreamId stream) { peers_.emplace(stream, ""); }
  void Ended(master::StreamId stream) { peers_.erase(stream); }

  void Send(master::StreamId stream,
            std::shared_ptr<const google::protobuf::Message> event) override {
    const auto peer = peers_.find(stream);
    if (peer == peers_.end()) return;
    if (const auto* sent = dynamic_cast<const mesos::v1::scheduler::Event*>(event.get())) {
      if (sent->has_subscribed()) peer->second = sent->subscribed().framework_id().value();
      observer_.OnMasterSends(host_, peer->second, *sent);
    } else if (const auto* order = dynamic_cast<const link::Event*>(event.get())) {
      if (order->has_subscribed()) peer->second = order->subscribed().agent_id().value();
      observer_.OnMasterSends(host_, peer->second, *order);
    }
    streams_.Send(stream, std::move(event));
  }
  void Close(master::StreamId stream) override {
    Ended(stream);
    streams_.Close(stream);
  }

 private:
  Observer& observer_;
  const Host& host_;
  EventStreams& streams_;
  // Peers of the open streams; empty while a peer is not known yet.
  std::map<master::StreamId, std::string> peers_;
};

class NodeSink final : public master::ReadModelSink {
 public:
  NodeSink(Observer& observer, const Host& host) : observer_(observer), host_(host) {}
  void Publish(master::Changes changes) override {
    observer_.OnPublished(host_, changes);
    model_.Apply(std::move(changes));
  }
  const master::ReadModel& model() const { return model_; }

 private:
  Observer& observer_;
  const Host& host_;
  master::ReadModel model_;
};

// What the master at `host` reports about itself, except its id.
mesos::v1::MasterInfo InfoAt(const Host& host) {
  mesos::v1::MasterInfo info;
  info.set_hostname(host);
  info.set_ip(0);
  info.set_port(kPort);
  info.set_pid(fmt::format("master@{}:{}", host, kPort));
  info.set_version(std::string(kMesosVersion));
  info.mutable_address()->set_hostname(host);
  info.mutable_address()->set_port(kPort);
  return info;
}

// The reply to a call that is not a subscription.
master::Reply ReplyWith(ExchangePtr exchange, unsigned success) {
  return [exchange = std::move(exchange), success](Status status) {
    exchange->Respond(status ? web::TextResponse(success, "") : web::ErrorResponse(status.error()));
  };
}

}  // namespace

// One run of the process: a candidate, then perhaps the leader.
class MasterNode::Life {
 public:
  Life(MasterNode& node, const std::string& name);
  // Kills the process first, so that nothing its parts send while they are destroyed goes out.
  ~Life() { process_.Kill(); }

  void Start();

  Process& process() { return process_; }
  const NodeSink* sink() const { return leads_ ? &sink_ : nullptr; }
  uint64_t epoch() const { return leads_ ? store_->epoch() : 0; }

 private:
  void OnElected();
  void End(const std::string& why);

  void OnRequest(const net::Request& request, ExchangePtr exchange);
  // The answer of a master that does not lead, or not yet.
  net::Response Elsewhere(const net::Request& request) const;
  void OnScheduler(const net::Request& request, ExchangePtr exchange);
  void OnAgent(const net::Request& request, ExchangePtr exchange);
  void OnOperator(api::Admission<api::MasterApi> call, ExchangePtr exchange);
  void CheckSometimes();
  // `handle` gets the stream and its uuid.
  master::StreamId OpenStream(ExchangePtr exchange, const std::string& uuid);
  master::Reply ReplyTo(master::StreamId stream);

  MasterNode& node_;
  Process process_;
  SeededRandom random_;
  master::Options options_;
  api::MasterIdentity identity_;
  std::optional<Host> leader_;
  int requests_ = 0;    // Counted while it leads.
  bool leads_ = false;  // True once the master is elected and the registry is recovered.
  EventStreams streams_;
  NodeLinks links_;
  NodeSink sink_;
  // Set once the master is elected.
  std::optional<SimulatedStore> store_;
  std::optional<master::Leadership> leadership_;
};

MasterNode::Life::Life(MasterNode& node, const std::string& name)
    : node_(node),
      process_(node.parts_.world, name),
      random_(node.parts_.world.MakeRandom(name)),
      options_(node.options_),
      streams_([this](master::StreamId stream) {
        links_.Ended(stream);
        if (auto* master = leadership_->master()) master->OnStreamClosed(stream);
      }),
      links_(node.parts_.observer, node.host_, streams_),
      sink_(node.parts_.observer, node.host_) {
  options_.info.MergeFrom(InfoAt(node.host_));
  options_.info.set_id(random_.Uuid());
  identity_.info = options_.info;
}

void MasterNode::Life::Start() {
  node_.parts_.network.Serve(node_.host_, process_,
                             [this](net::Request request, ExchangePtr exchange) {
                               OnRequest(request, std::move(exchange));
                             });
  node_.parts_.election.Watch(node_.host_, process_,
                              [this](std::optional<Host> leader) { leader_ = std::move(leader); });
  node_.parts_.election.Stand(
      node_.host_, process_,
      {.on_elected = [this](uint64_t) { OnElected(); },
       .on_lost = [this] { End("its session with the coordination service is over"); }});
}

void MasterNode::Life::OnElected() {
  const Parts& parts = node_.parts_;
  store_.emplace(process_, node_.host_, parts.registry, node_.store_,
                 parts.world.MakeRandom(process_.name() + " store"));
  leadership_.emplace(
      options_, master::RegistryTimeouts(),
      master::Leadership::Parts{process_, random_, links_, *store_, sink_},
      [this] { leads_ = true; }, [this](const Error& error) { End(error.message); });
}

void MasterNode::Life::End(const std::string& why) {
  process_.Kill();
  node_.OnEnded(why);
}

net::Response MasterNode::Life::Elsewhere(const net::Request& request) const {
  const auto leader = leader_ ? std::optional(InfoAt(*leader_)) : std::nullopt;
  return api::SendOn({.self = options_.info, .elected = leadership_.has_value(), .leader = leader},
                     request.target);
}

void MasterNode::Life::OnRequest(const net::Request& request, ExchangePtr exchange) {
  constexpr std::string_view kPaths[] = {api::kSchedulerPath, api::kAgentPath, api::kOperatorPath,
                                         api::kTeardownPath};
  if (request.target == "/health") {
    exchange->Respond(web::TextResponse(200, ""));
  } else if (std::ranges::find(kPaths, request.target) == std::end(kPaths)) {
    exchange->Respond(web::TextResponse(404, ""));
  } else if (request.method != "POST") {
    exchange->Respond(web::MethodNotAllowed("POST", request.method));
  } else if (!leads_) {
    exchange->Respond(Elsewhere(request));
  } else if (request.target == api::kSchedulerPath) {
    OnScheduler(request, std::move(exchange));
  } else if (request.target == api::kAgentPath) {
    OnAgent(request, std::move(exchange));
  } else if (request.target == api::kOperatorPath) {
    OnOperator(api::AdmitRequest<api::MasterApi>(request, {}), std::move(exchange));
  } else {
    OnOperator(api::AdmitTeardownForm(request, {}), std::move(exchange));
  }
  CheckSometimes();
}

// A check looks at every record, so not every request gets one.
void MasterNode::Life::CheckSometimes() {
  constexpr int kEach = 8;
  if (!leads_ || ++requests_ % kEach != 0) return;
  node_.parts_.observer.OnMasterChecked(node_.host_, leadership_->master()->CheckInvariants());
}

master::StreamId MasterNode::Life::OpenStream(ExchangePtr exchange, const std::string& uuid) {
  const master::StreamId stream = streams_.Open(std::move(exchange), uuid);
  links_.Opened(stream);
  return stream;
}

master::Reply MasterNode::Life::ReplyTo(master::StreamId stream) {
  return [this, stream](Status status) {
    if (!status) links_.Ended(stream);
    streams_.Answer(stream, status);
  };
}

void MasterNode::Life::OnScheduler(const net::Request& request, ExchangePtr exchange) {
  auto read = api::ReadSchedulerRequest(request);
  if (!read) return exchange->Respond(std::move(read.error()));
  if (!read->events) {
    leadership_->master()->OnSchedulerCall(read->stream_uuid, {}, read->call,
                                           ReplyWith(std::move(exchange), read->success));
    return;
  }
  const std::string uuid = random_.Uuid();
  const master::StreamId stream = OpenStream(std::move(exchange), uuid);
  leadership_->master()->OnSchedulerSubscribe(stream, uuid, {}, read->call, ReplyTo(stream));
}

void MasterNode::Life::OnAgent(const net::Request& request, ExchangePtr exchange) {
  auto read = api::ReadAgentRequest(request);
  if (!read) return exchange->Respond(std::move(read.error()));
  if (!read->events) {
    leadership_->master()->OnAgentCalls(read->stream_uuid, {}, read->calls,
                                        ReplyWith(std::move(exchange), 202));
    return;
  }
  const std::string uuid = random_.Uuid();
  const master::StreamId stream = OpenStream(std::move(exchange), uuid);
  leadership_->master()->OnAgentSubscribe(
      stream, uuid, {}, std::move(*read->calls.mutable_calls(0)->mutable_subscribe()),
      ReplyTo(stream));
}

void MasterNode::Life::OnOperator(api::Admission<api::MasterApi> call, ExchangePtr exchange) {
  if (!call) return exchange->Respond(std::move(call.error()));
  if (call->reads()) return exchange->Respond(call->Read({identity_, sink_.model()}));
  node_.parts_.observer.OnOperatorCall(node_.host_, call->call());
  call->Change(*leadership_->master(),
               [this, made = call->call(), exchange](net::Response response) {
                 node_.parts_.observer.OnOperatorAnswer(node_.host_, made, response.status);
                 exchange->Respond(std::move(response));
               });
}

MasterNode::MasterNode(Parts parts, Host host, master::Options options)
    : parts_(parts),
      host_(std::move(host)),
      options_(std::move(options)),
      restart_(parts_.world.clock()),
      destruction_(parts_.world.clock()) {}

MasterNode::~MasterNode() = default;

void MasterNode::Start() {
  if (running()) return;
  restart_.Cancel();
  destruction_.Cancel();
  life_ = std::make_unique<Life>(*this, fmt::format("{} life {}", host_, ++lives_));
  parts_.world.Write("{} starts", host_);
  parts_.observer.OnStarted(host_);
  life_->Start();
}

void MasterNode::Crash() {
  restart_.Cancel();
  if (!running()) return;
  life_.reset();
  parts_.world.Write("{} crashes", host_);
  parts_.observer.OnEnded(host_, "crash");
}

void MasterNode::OnEnded(const std::string& why) {
  parts_.world.Write("{} ends: {}", host_, why);
  parts_.observer.OnEnded(host_, why);
  destruction_.Set(Duration::zero(), [this] { life_.reset(); });
  restart_.Set(kRestartDelay, [this] { Start(); });
}

bool MasterNode::running() const { return life_ != nullptr && life_->process().alive(); }

Process* MasterNode::process() { return running() ? &life_->process() : nullptr; }

const master::ReadModel* MasterNode::read_model() const {
  if (!running() || life_->sink() == nullptr) return nullptr;
  return &life_->sink()->model();
}

uint64_t MasterNode::epoch() const { return running() ? life_->epoch() : 0; }

}  // namespace tepui::sim
