// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/virtual_clock.h"
#include "master/core/master.h"
#include "master/rules/validation.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"
#include "tepui/link.pb.h"

namespace tepui::master {

// A real master and allocator in virtual time with recorded streams, for the tests of this folder.

using Call = ::mesos::v1::scheduler::Call;
using Event = ::mesos::v1::scheduler::Event;
using Capability = v1::FrameworkInfo::Capability;

class RecordingLinks final : public Links {
 public:
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) override {
    if (!closed.contains(stream)) events[stream].push_back(std::move(event));
  }
  void Close(StreamId stream) override { closed.insert(stream); }

  // The events that the stream was sent since the last Take, in order. All must be of type E.
  template <class E>
  std::vector<E> Sent(StreamId stream) const {
    std::vector<E> sent;
    const auto found = events.find(stream);
    if (found == events.end()) return sent;
    for (const auto& event : found->second) sent.push_back(dynamic_cast<const E&>(*event));
    return sent;
  }
  template <class E>
  std::vector<E> Take(StreamId stream) {
    std::vector<E> taken = Sent<E>(stream);
    events.erase(stream);
    return taken;
  }

  std::unordered_map<StreamId, std::vector<std::shared_ptr<const google::protobuf::Message>>>
      events;
  std::unordered_set<StreamId> closed;
};

// A registrar that answers on the next turn, or when Release() is called, with success or an error.
// It records the changes that it is asked to make.
class ScriptedRegistrar final : public Registrar {
 public:
  explicit ScriptedRegistrar(Clock& clock) : clock_(clock) {}

  void Commit(RegistryChange change, Done done) override {
    std::visit([this](const auto& made) { Note(made); }, change);
    if (held) {
      waiting_.push_back(std::move(done));
    } else {
      clock_.After(Duration::zero(), [done = std::move(done)]() mutable { done({}); });
    }
  }

  // Answers all changes that were held back.
  void Release(Status status = {}) {
    held = false;
    for (Done& done : std::exchange(waiting_, {})) done(status);
  }

  bool held = false;
  std::vector<std::string> asked;  // Such as "put m-S0".

 private:
  void Note(const change::PutAgent& put) { asked.push_back("put " + put.info.id().value()); }
  void Note(const change::MarkUnreachable& mark) {
    asked.push_back("unreachable " + mark.id.value());
  }
  void Note(const change::MarkReachable& mark) {
    asked.push_back("reachable " + mark.info.id().value());
  }
  void Note(const change::MarkGone& mark) { asked.push_back("gone " + mark.id.value()); }
  void Note(const change::RemoveAgent& remove) { asked.push_back("remove " + remove.id.value()); }
  void Note(const change::RemoveFramework& remove) {
    asked.push_back("remove framework " + remove.id.value());
  }
  void Note(const change::Prune& prune) {
    for (const AgentId& id : prune.unreachable) asked.push_back("forget unreachable " + id.value());
    for (const AgentId& id : prune.gone) asked.push_back("forget gone " + id.value());
    for (const FrameworkId& id : prune.removed_frameworks)
      asked.push_back("forget framework " + id.value());
    asked.push_back("prune ");
  }

  Clock& clock_;
  std::vector<Done> waiting_;
};

class RecordingSink final : public ReadModelSink {
 public:
  void Publish(Changes changes) override {
    ++publications;
    model.Apply(std::move(changes));
  }
  ReadModel model;
  int publications = 0;
};

// A framework's end of its stream.
struct Scheduler {
  v1::FrameworkInfo info;
  std::string id;
  StreamId stream = 0;
  std::string stream_uuid;
};

// An agent's end of its stream.
struct Node {
  link::Call::Subscribe subscribe;
  std::string id;
  StreamId stream = 0;
  std::string stream_uuid;
};

class MasterHarness {
 public:
  static Options DefaultOptions() {
    Options options;
    options.info.set_id("m");
    options.info.set_ip(0x0100007f);
    options.info.set_port(5050);
    return options;
  }

  explicit MasterHarness(Options options = DefaultOptions(), RecoveredRegistry registry = {})
      : registrar(clock),
        master(std::in_place, std::move(options), std::move(registry), clock, random, links,
               registrar, sink) {}
  ~MasterHarness() {
    if (!master) return;
    const Status held = master->CheckInvariants();
    EXPECT_TRUE(held) << held.error().message;
  }
  MasterHarness(const MasterHarness&) = delete;
  MasterHarness& operator=(const MasterHarness&) = delete;

  // --- Frameworks. They have PARTITION_AWARE and all capabilities needed to see resources
  // unchanged.
  static v1::FrameworkInfo Info(const std::string& role = "r") {
    v1::FrameworkInfo info;
    info.set_user("nobody");
    info.set_name("f");
    info.add_roles(role);
    info.set_failover_timeout(60);
    for (const Capability::Type type : {Capability::MULTI_ROLE, Capability::RESERVATION_REFINEMENT,
                                        Capability::PARTITION_AWARE}) {
      info.add_capabilities()->set_type(type);
    }
    return info;
  }
  static v1::FrameworkInfo InfoWithout(Capability::Type left_out) {
    v1::FrameworkInfo info = Info();
    auto& capabilities = *info.mutable_capabilities();
    capabilities.erase(
        std::remove_if(capabilities.begin(), capabilities.end(),
                       [left_out](const Capability& c) { return c.type() == left_out; }),
        capabilities.end());
    return info;
  }

  Scheduler Subscribe(v1::FrameworkInfo info = Info()) {
    Scheduler scheduler;
    scheduler.info = std::move(info);
    Resubscribe(&scheduler);
    return scheduler;
  }
  Status Resubscribe(Scheduler* scheduler, const security::Caller& caller = {}) {
    Call call;
    call.set_type(Call::SUBSCRIBE);
    *call.mutable_subscribe()->mutable_framework_info() = scheduler->info;
    if (scheduler->info.has_id()) *call.mutable_framework_id() = scheduler->info.id();
    scheduler->stream = ++last_stream;
    scheduler->stream_uuid = "stream-" + std::to_string(scheduler->stream);
    Status status = NoReply();
    master->OnSchedulerSubscribe(scheduler->stream, scheduler->stream_uuid, caller, call,
                                 [&](Status s) { status = std::move(s); });
    for (const Event& event : links.Sent<Event>(scheduler->stream)) {
      if (!event.has_subscribed()) continue;
      scheduler->id = event.subscribed().framework_id().value();
      scheduler->info.mutable_id()->set_value(scheduler->id);
    }
    return status;
  }
  Status Make(const Scheduler& scheduler, Call call, const security::Caller& caller = {}) {
    call.mutable_framework_id()->set_value(scheduler.id);
    return MakeOn(scheduler.stream_uuid, std::move(call), caller);
  }
  Status MakeOn(const std::optional<std::string>& stream_uuid, Call call,
                const security::Caller& caller = {}) {
    // `status` is shared because the answer may come after this function has returned.
    const auto status = std::make_shared<Status>(NoReply());
    master->OnSchedulerCall(stream_uuid, caller, call,
                            [status](Status s) { *status = std::move(s); });
    if (call.type() == Call::TEARDOWN) clock.Settle();  // For the registrar's answer.
    return *status;
  }
  Status Make(const Scheduler& scheduler, Call::Type type) {
    Call call;
    call.set_type(type);
    return Make(scheduler, std::move(call));
  }
  void Leave(const Scheduler& scheduler) { Close(scheduler.stream); }

  // The events since the last call, without heartbeats.
  std::vector<Event> Take(const Scheduler& scheduler) {
    std::vector<Event> events;
    for (Event& event : links.Take<Event>(scheduler.stream)) {
      if (event.type() != Event::HEARTBEAT) events.push_back(std::move(event));
    }
    return events;
  }
  std::vector<Event> Take(const Scheduler& scheduler, Event::Type type) {
    std::vector<Event> events = Take(scheduler);
    std::erase_if(events, [type](const Event& event) { return event.type() != type; });
    return events;
  }
  std::vector<v1::TaskStatus> TakeStatuses(const Scheduler& scheduler) {
    std::vector<v1::TaskStatus> statuses;
    for (const Event& event : Take(scheduler, Event::UPDATE))
      statuses.push_back(event.update().status());
    return statuses;
  }
  // Runs allocations for a second and returns the offers that the framework was sent.
  std::vector<v1::Offer> Offers(const Scheduler& scheduler) {
    clock.Advance(std::chrono::seconds(1));
    std::vector<v1::Offer> offers;
    for (const Event& event : Take(scheduler, Event::OFFERS)) {
      offers.insert(offers.end(), event.offers().offers().begin(), event.offers().offers().end());
    }
    return offers;
  }

  // --- Agents.
  static link::Call::Subscribe Machine(const std::string& resources = "cpus:4;mem:1024;disk:1024",
                                       const std::string& hostname = "h", int port = 5051) {
    link::Call::Subscribe subscribe;
    subscribe.mutable_info()->set_hostname(hostname);
    Resources::Parse(resources)->ToProto(subscribe.mutable_info()->mutable_resources());
    subscribe.set_version("1.11.0");
    for (int type = v1::AgentInfo::Capability::Type_MIN + 1;
         type <= v1::AgentInfo::Capability::Type_MAX; ++type) {
      subscribe.add_capabilities()->set_type(static_cast<v1::AgentInfo::Capability::Type>(type));
    }
    subscribe.set_resource_version_uuid("0123456789abcdef");
    subscribe.mutable_address()->set_ip("10.0.0.1");
    subscribe.mutable_address()->set_port(port);
    return subscribe;
  }
  Node Join(link::Call::Subscribe subscribe = Machine()) {
    Node node;
    node.subscribe = std::move(subscribe);
    Rejoin(&node);
    return node;
  }
  // Returns the reply, after the registrar has answered.
  Status Rejoin(Node* node) {
    if (Status valid = validation::ValidateSubscription(node->subscribe); !valid) return valid;
    node->stream = ++last_stream;
    node->stream_uuid = "stream-" + std::to_string(node->stream);
    auto status = std::make_shared<Status>(NoReply());
    master->OnAgentSubscribe(node->stream, node->stream_uuid, {}, node->subscribe,
                             [status](Status s) { *status = std::move(s); });
    clock.Settle();
    for (const link::Event& event : links.Sent<link::Event>(node->stream)) {
      if (!event.has_subscribed()) continue;
      node->id = event.subscribed().agent_id().value();
      node->subscribe.mutable_info()->mutable_id()->set_value(node->id);
    }
    return *status;
  }
  Status Say(const Node& node, link::Call call) {
    link::Calls calls;
    *calls.add_calls() = std::move(call);
    Status status = NoReply();
    master->OnAgentCalls(node.stream_uuid, {}, calls, [&](Status s) { status = std::move(s); });
    return status;
  }
  Status Say(const Node& node, link::Call::Type type) {
    link::Call call;
    call.set_type(type);
    return Say(node, std::move(call));
  }
  // Reports a status whose uuid repeats the letter `uuid`.
  void Report(const Node& node, const Scheduler& scheduler, const std::string& task,
              v1::TaskState state, char uuid = 'u',
              std::optional<v1::TaskState> latest = std::nullopt) {
    link::Call call;
    call.set_type(link::Call::STATUS_UPDATE);
    auto& update = *call.mutable_status_update();
    update.mutable_framework_id()->set_value(scheduler.id);
    update.mutable_status()->mutable_task_id()->set_value(task);
    update.mutable_status()->set_state(state);
    update.mutable_status()->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
    update.mutable_status()->set_uuid(std::string(16, uuid));
    update.mutable_status()->set_data("data");
    if (latest) update.set_latest_state(*latest);
    Say(node, std::move(call));
  }
  void Leave(const Node& node) { Close(node.stream); }
  std::vector<link::Event> Take(const Node& node) {
    std::vector<link::Event> events;
    for (link::Event& event : links.Take<link::Event>(node.stream)) {
      if (event.type() != link::Event::PING) events.push_back(std::move(event));
    }
    return events;
  }
  std::vector<link::Event> Take(const Node& node, link::Event::Type type) {
    std::vector<link::Event> events = Take(node);
    std::erase_if(events, [type](const link::Event& event) { return event.type() != type; });
    return events;
  }
  // Every agent of `nodes` answers its pings while `time` passes.
  void PassTime(Duration time, const std::vector<const Node*>& nodes) {
    for (Duration step = std::chrono::seconds(5); time > Duration::zero(); time -= step) {
      clock.Advance(std::min(step, time));
      for (const Node* node : nodes) Say(*node, link::Call::PONG);
    }
  }

  // --- Calls and tasks.
  static v1::TaskInfo Task(const Node& node, const std::string& id,
                           const std::string& resources = "cpus:1;mem:128") {
    v1::TaskInfo task;
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_agent_id()->set_value(node.id);
    task.mutable_command()->set_value("true");
    Resources::Parse(resources)->ToProto(task.mutable_resources());
    return task;
  }
  static v1::TaskInfo ExecutorTask(const Node& node, const std::string& id,
                                   const std::string& executor) {
    v1::TaskInfo task = Task(node, id);
    task.clear_command();
    task.mutable_executor()->mutable_executor_id()->set_value(executor);
    task.mutable_executor()->mutable_command()->set_value("run");
    Resources::Parse("cpus:0.5;mem:64")->ToProto(task.mutable_executor()->mutable_resources());
    return task;
  }
  static Call AcceptCall(const std::vector<v1::Offer>& offers,
                         std::vector<v1::Offer::Operation> operations, double refuse_seconds = 0) {
    Call call;
    call.set_type(Call::ACCEPT);
    for (const v1::Offer& offer : offers) *call.mutable_accept()->add_offer_ids() = offer.id();
    for (auto& operation : operations)
      *call.mutable_accept()->add_operations() = std::move(operation);
    call.mutable_accept()->mutable_filters()->set_refuse_seconds(refuse_seconds);
    return call;
  }
  static v1::Offer::Operation LaunchOf(const std::vector<v1::TaskInfo>& tasks) {
    v1::Offer::Operation operation;
    operation.set_type(v1::Offer::Operation::LAUNCH);
    for (const v1::TaskInfo& task : tasks) *operation.mutable_launch()->add_task_infos() = task;
    return operation;
  }
  // Launches the tasks on the framework's next offers.
  void Launch(const Scheduler& scheduler, const std::vector<v1::TaskInfo>& tasks) {
    Make(scheduler, AcceptCall(Offers(scheduler), {LaunchOf(tasks)}));
  }
  Status AcknowledgeStatus(const Scheduler& scheduler, const Node& node, const std::string& task,
                           char uuid = 'u') {
    Call call;
    call.set_type(Call::ACKNOWLEDGE);
    call.mutable_acknowledge()->mutable_agent_id()->set_value(node.id);
    call.mutable_acknowledge()->mutable_task_id()->set_value(task);
    call.mutable_acknowledge()->set_uuid(std::string(16, uuid));
    return Make(scheduler, std::move(call));
  }

  // --- What readers see, brought up to date.
  const ReadModel& Read() {
    clock.Advance(std::chrono::milliseconds(50));
    return sink.model;
  }
  const ReadModel::Framework& Read(const Scheduler& scheduler) {
    return Read().frameworks().at(FrameworkId(scheduler.id));
  }
  const AgentRecord& Read(const Node& node) { return *Read().agents().at(AgentId(node.id)); }
  double Metric(const std::string& name) {
    clock.Advance(std::chrono::seconds(1));
    const auto it = sink.model.metrics().find("master/" + name);
    return it == sink.model.metrics().end() ? -1 : it->second;
  }

  void Close(StreamId stream) {
    links.closed.insert(stream);
    master->OnStreamClosed(stream);
  }
  static Status NoReply() { return Fail(Code::kInternal, "No reply yet"); }

  VirtualClock clock;
  SeededRandom random{1};
  RecordingLinks links;
  ScriptedRegistrar registrar;
  RecordingSink sink;
  StreamId last_stream = 0;
  std::optional<Master> master;
};

inline Resources Parse(const std::string& text) { return *Resources::Parse(text); }
inline Resources Parse(const google::protobuf::RepeatedPtrField<v1::Resource>& list) {
  return *Resources::FromProto(list);
}

}  // namespace tepui::master
