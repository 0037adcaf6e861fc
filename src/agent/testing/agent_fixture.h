// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/checkpoint/checkpoint.h"
#include "agent/core/agent.h"
#include "base/virtual_clock.h"
#include "storage/memory/memory_store.h"

namespace tepui::agent {

// Fakes of everything that an agent uses. They record what the agent asks for, and the test
// supplies by hand what the agent waits for.

using ExecutorEvent = mesos::v1::executor::Event;
using ExecutorCall = mesos::v1::executor::Call;
using std::chrono::minutes;
using std::chrono::seconds;

class FakeLinks final : public Links {
 public:
  void Subscribe(link::Call::Subscribe subscribe) override {
    subscriptions.push_back(std::move(subscribe));
  }
  void Send(link::Call call) override { calls.push_back(std::move(call)); }
  void Disconnect() override { ++disconnects; }
  void Identify(const AgentId& id) override { identities.push_back(id); }
  void Send(StreamId stream, std::shared_ptr<const google::protobuf::Message> event) override {
    events[stream].push_back(dynamic_cast<const ExecutorEvent&>(*event));
  }
  void Close(StreamId stream) override { closed.insert(stream); }

  std::vector<link::Call> Of(link::Call::Type type) const {
    std::vector<link::Call> out;
    for (const link::Call& call : calls) {
      if (call.type() == type) out.push_back(call);
    }
    return out;
  }
  std::vector<ExecutorEvent::Type> EventTypes(StreamId stream) {
    std::vector<ExecutorEvent::Type> out;
    for (const ExecutorEvent& event : events[stream]) out.push_back(event.type());
    return out;
  }

  std::vector<link::Call::Subscribe> subscriptions;
  std::vector<link::Call> calls;
  int disconnects = 0;
  std::vector<AgentId> identities;
  std::map<StreamId, std::vector<ExecutorEvent>> events;
  std::set<StreamId> closed;
};

class FakeContainerizer final : public containers::Containerizer {
 public:
  struct Container {
    containers::LaunchSpec spec;
    LaunchCallback launched;
    TerminationCallback terminated;
    std::vector<int> signals;
    bool go = false;
    std::optional<int> held;  // The pid with which it starts at Go.
    std::optional<containers::Termination> held_end;
    bool destroyed = false;
  };
  struct Check {
    ContainerId container;
    v1::CommandInfo command;
    Duration timeout;
    ExecCallback callback;
  };
  struct Change {
    ContainerId container;
    Resources resources;
    containers::Limits limits;
  };

  // Every claimed container runs, except those in `ended` and those whose program may not run yet.
  void Recover(std::vector<containers::RecoverSpec> specs, RecoverCallback callback) override {
    containers::Recovered recovered;
    claims = specs;
    recovered.refused = refused;
    for (containers::RecoverSpec& spec : specs) {
      if (const auto end = ended.find(spec.launch.id); end != ended.end()) {
        recovered.ended.push_back({spec.launch.id, end->second});
        continue;
      }
      const auto known = containers.find(spec.launch.id);
      if (known != containers.end() && known->second.launched) {
        recovered.not_started.push_back(spec.launch.id);
        continue;
      }
      recovered.running.push_back(spec.launch.id);
      if (spec.launched.pid == 0) spec.launched.pid = 100;
      recovered.processes[spec.launch.id] = spec.launched;
      order.push_back(spec.launch.id);
      containers[spec.launch.id].spec = std::move(spec.launch);
    }
    callback(std::move(recovered));
  }
  void Launch(containers::LaunchSpec spec, LaunchCallback callback) override {
    order.push_back(spec.id);
    Container& container = containers[spec.id];
    container.spec = std::move(spec);
    if (immediate) return callback(containers::Launched{1});
    container.launched = std::move(callback);
  }
  void Go(const ContainerId& id) override {
    Container& container = containers[id];
    container.go = true;
    if (container.held) Start(id, *std::exchange(container.held, std::nullopt));
  }
  void Wait(const ContainerId& id, TerminationCallback callback) override {
    if (immediate) {
      containers::Termination termination;
      termination.status = *immediate;
      return callback(std::move(termination));
    }
    Container& container = containers[id];
    if (container.held_end) return callback(*std::exchange(container.held_end, std::nullopt));
    container.terminated = std::move(callback);
  }
  void Forget(const ContainerId& id) override { forgotten.insert(id); }
  bool Signal(const ContainerId& id, int signal) override {
    containers[id].signals.push_back(signal);
    return true;
  }
  void Destroy(const ContainerId& id) override { containers[id].destroyed = true; }
  void Update(const ContainerId& id, const Resources& resources,
              const containers::Limits& limits) override {
    changes.push_back({id, resources, limits});
  }
  void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
            ExecCallback callback) override {
    checks.push_back({id, std::move(command), timeout, std::move(callback)});
  }
  void Usage(const ContainerId&,
             std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) override {
    callback(Fail(Code::kUnimplemented, "no usage"));
  }

  Container& Last(size_t back = 0) { return containers[order.at(order.size() - 1 - back)]; }
  // Starts the program, as soon as it may run.
  void Start(const ContainerId& id, int pid = 100) {
    Container& container = containers[id];
    if (container.spec.outlives_agent && !container.go) {
      container.held = pid;
      return;
    }
    std::exchange(container.launched, nullptr)(containers::Launched{pid});
  }
  void Start() { Start(order.back()); }
  void FailLaunch(Error error) {
    std::exchange(Last().launched, nullptr)(std::unexpected(std::move(error)));
  }
  // Ends the program; one that may not run yet ends when it has started.
  void End(const ContainerId& id, containers::Termination termination) {
    if (containers[id].held) {
      containers[id].held_end = std::move(termination);
      return;
    }
    std::exchange(containers[id].terminated, nullptr)(std::move(termination));
  }
  void End(const ContainerId& id, int wait_status) {
    containers::Termination termination;
    termination.status = wait_status;
    End(id, std::move(termination));
  }
  void End(int wait_status) { End(order.back(), wait_status); }

  // Every container starts and ends with this wait status before the call returns.
  std::optional<int> immediate;
  std::vector<containers::RecoverSpec> claims;
  std::map<ContainerId, containers::Termination> ended;
  std::vector<containers::Recovered::Refused> refused;
  std::vector<ContainerId> order;
  std::map<ContainerId, Container> containers;
  std::set<ContainerId> forgotten;
  std::deque<Check> checks;
  std::vector<Change> changes;
};

inline int Exited(int code) { return code << 8; }
inline int Killed(int signal) { return signal; }

class FakeProber final : public containers::Prober {
 public:
  struct Http_ {
    std::string scheme, host;
    uint16_t port;
    std::string path;
    Duration timeout;
    std::move_only_function<void(Result<int>)> callback;
  };
  struct Tcp_ {
    std::string host;
    uint16_t port;
    std::move_only_function<void(Result<bool>)> callback;
  };
  void Http(const std::string& scheme, const std::string& host, uint16_t port,
            const std::string& path, Duration timeout,
            std::move_only_function<void(Result<int>)> callback) override {
    http.push_back({scheme, host, port, path, timeout, std::move(callback)});
  }
  void Tcp(const std::string& host, uint16_t port, Duration,
           std::move_only_function<void(Result<bool>)> callback) override {
    tcp.push_back({host, port, std::move(callback)});
  }
  std::deque<Http_> http;
  std::deque<Tcp_> tcp;
};

class FakeDisk final : public containers::Disk {
 public:
  Status CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                         const std::string& link) override {
    if (error) return std::unexpected(*error);
    directories[path] = user.value_or("");
    if (!link.empty()) links[link] = path;
    return {};
  }
  Status Link(const std::string& target, const std::string& link) override {
    links[link] = target;
    return {};
  }
  Result<std::vector<Entry>> List(const std::string& path) override {
    const auto found = listings.find(path);
    return found == listings.end() ? std::vector<Entry>() : found->second;
  }
  void Remove(const std::string& path, std::move_only_function<void(Status)> callback) override {
    removed.push_back(path);
    Later([this, path] { Erase(path); }, std::move(callback));
  }
  Status Move(const std::string& from, const std::string& to) override {
    if (before_move) before_move();
    if (move_error) return std::unexpected(*move_error);
    if (data.contains(to)) return {};
    if (auto moved = data.extract(from)) {
      moved.key() = to;
      data.insert(std::move(moved));
    }
    directories.erase(from);
    if (after_move) after_move();
    return {};
  }
  void Empty(const std::string& path, std::move_only_function<void(Status)> callback) override {
    emptied.push_back(path);
    Later([this, path] { data.erase(path); }, std::move(callback));
  }
  Result<double> UsedFraction(const std::string&) override { return used; }

  bool Removed(const std::string& path) const { return std::ranges::count(removed, path) > 0; }

  // Performs the removals that a `slow` disk has delayed.
  void FinishRemovals() {
    for (auto& removal : std::exchange(removals, {})) removal();
  }

  std::optional<Error> error;
  std::map<std::string, std::string> directories;  // The user of each directory.
  std::map<std::string, std::string> data;         // What tasks wrote into each directory.
  std::optional<Error> move_error;
  std::optional<Error> remove_error;
  std::function<void()> before_move;
  std::function<void()> after_move;
  bool slow = false;
  std::vector<std::move_only_function<void()>> removals;
  std::vector<std::string> emptied;
  std::map<std::string, std::string> links;
  std::map<std::string, std::vector<Entry>> listings;
  std::vector<std::string> removed;
  double used = 0;

 private:
  void Erase(const std::string& path) {
    directories.erase(path);
    data.erase(path);
  }
  void Later(std::function<void()> work, std::move_only_function<void(Status)> callback) {
    auto removal = [this, work = std::move(work), callback = std::move(callback)]() mutable {
      if (remove_error) return callback(std::unexpected(*remove_error));
      work();
      callback({});
    };
    if (slow) {
      removals.emplace_back(std::move(removal));
    } else {
      removal();
    }
  }
};

class AgentTest : public ::testing::Test {
 protected:
  static constexpr char kFramework[] = "F1";
  static constexpr char kAgent[] = "M-S0";

  AgentTest() {
    options.info.set_hostname("host");
    AddScalar("cpus", 8, options.info.mutable_resources());
    AddScalar("mem", 8192, options.info.mutable_resources());
    AddScalar("disk", 10000, options.info.mutable_resources());
    options.address.set_ip("10.0.0.1");
    options.address.set_port(5051);
    options.version = "1.11.0";
    options.work_dir = "/w";
    framework.set_user("alice");
    framework.set_name("test");
    framework.mutable_id()->set_value(kFramework);
  }

  ~AgentTest() override { EndAgent(); }

  // Checks the agent's records and destroys it, as kill -9 does.
  void EndAgent() {
    if (!agent) return;
    const Status held = agent->CheckInvariants();
    EXPECT_TRUE(held) << held.error().message;
    agent.reset();
  }

  static void AddScalar(const std::string& name, double value,
                        google::protobuf::RepeatedPtrField<v1::Resource>* out,
                        const std::string& role = "") {
    v1::Resource* resource = out->Add();
    resource->set_name(name);
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(value);
    if (!role.empty()) resource->mutable_allocation_info()->set_role(role);
  }

  void AddCapability(v1::FrameworkInfo::Capability::Type type) {
    framework.add_capabilities()->set_type(type);
  }

  // Creates the agent and lets it recover.
  void StartAgent(Duration disk_delay = Duration::zero()) {
    store = std::make_unique<storage::MemoryStore>(
        [this, disk_delay](auto work) { clock.After(disk_delay, std::move(work)); }, saved,
        Checkpoint::kLimits);
    agent = std::make_unique<Agent>(
        options, Agent::Parts{clock, random, links, containerizer, prober, disk, *store},
        [this](Status status) { exits.push_back(status); });
    agent->Recover();
    clock.Settle();
  }
  // Restarts the agent as after kill -9, or after it has ended by itself.
  void Restart(Duration disk_delay = Duration::zero()) {
    EndAgent();
    containerizer.forgotten.clear();
    links.subscriptions.clear();
    StartAgent(disk_delay);
  }
  // Starts the agent if there is none, and registers it.
  void Register() {
    if (!agent) StartAgent();
    agent->OnMasterDetected();
    clock.Advance(seconds(1));
    ASSERT_FALSE(links.subscriptions.empty())
        << (exits.empty() || exits.back() ? "" : exits.back().error().message);
    Subscribed();
  }
  void Subscribed() {
    link::Event event;
    event.set_type(link::Event::SUBSCRIBED);
    event.mutable_subscribed()->mutable_agent_id()->set_value(kAgent);
    event.mutable_subscribed()->mutable_master_info()->set_id("M");
    event.mutable_subscribed()->mutable_master_info()->set_ip(1);
    event.mutable_subscribed()->set_total_ping_timeout_seconds(75);
    agent->OnMasterEvent(event);
    clock.Settle();
  }
  void Ping(bool connected = true) {
    link::Event event;
    event.set_type(link::Event::PING);
    event.mutable_ping()->set_connected(connected);
    agent->OnMasterEvent(event);
  }
  // Lets time pass while the master keeps pinging.
  void Pass(Duration time) {
    for (; time > seconds(15); time -= seconds(15)) {
      clock.Advance(seconds(15));
      Ping();
    }
    clock.Advance(time);
  }

  v1::TaskInfo Task(const std::string& id, const std::string& command = "true") const {
    v1::TaskInfo task;
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_agent_id()->set_value(kAgent);
    AddScalar("cpus", 1, task.mutable_resources(), "web");
    AddScalar("mem", 64, task.mutable_resources(), "web");
    task.mutable_command()->set_value(command);
    return task;
  }
  static v1::ExecutorInfo ExecutorOf(const std::string& id, v1::ExecutorInfo::Type type) {
    v1::ExecutorInfo executor;
    executor.mutable_executor_id()->set_value(id);
    executor.mutable_framework_id()->set_value(kFramework);
    executor.set_type(type);
    if (type == v1::ExecutorInfo::CUSTOM) executor.mutable_command()->set_value("./executor");
    AddScalar("cpus", 0.5, executor.mutable_resources(), "web");
    AddScalar("mem", 32, executor.mutable_resources(), "web");
    return executor;
  }
  v1::TaskInfo CustomTask(const std::string& id, const std::string& executor = "e1") const {
    v1::TaskInfo task = Task(id);
    task.clear_command();
    *task.mutable_executor() = ExecutorOf(executor, v1::ExecutorInfo::CUSTOM);
    return task;
  }

  void Run(const v1::TaskInfo& task, bool launch_executor = true) {
    link::Event event;
    event.set_type(link::Event::RUN_TASK);
    *event.mutable_run_task()->mutable_framework_info() = framework;
    *event.mutable_run_task()->mutable_task() = task;
    event.mutable_run_task()->set_launch_executor(launch_executor);
    agent->OnMasterEvent(event);
  }
  void RunGroup(const v1::ExecutorInfo& executor, const std::vector<v1::TaskInfo>& tasks,
                bool launch_executor = true) {
    link::Event event;
    event.set_type(link::Event::RUN_TASK_GROUP);
    *event.mutable_run_task_group()->mutable_framework_info() = framework;
    *event.mutable_run_task_group()->mutable_executor() = executor;
    event.mutable_run_task_group()->set_launch_executor(launch_executor);
    event.mutable_run_task_group()->mutable_task_group();
    for (const v1::TaskInfo& task : tasks) {
      *event.mutable_run_task_group()->mutable_task_group()->add_tasks() = task;
    }
    agent->OnMasterEvent(event);
  }
  void Kill(const std::string& task, std::optional<Duration> grace = std::nullopt) {
    link::Event event;
    event.set_type(link::Event::KILL_TASK);
    event.mutable_kill_task()->mutable_framework_id()->set_value(kFramework);
    event.mutable_kill_task()->mutable_task_id()->set_value(task);
    if (grace) {
      event.mutable_kill_task()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          grace->count());
    }
    agent->OnMasterEvent(event);
  }
  void ShutdownFramework() {
    link::Event event;
    event.set_type(link::Event::SHUTDOWN_FRAMEWORK);
    event.mutable_shutdown_framework()->set_value(kFramework);
    agent->OnMasterEvent(event);
  }
  void ShutdownExecutor(const std::string& executor) {
    link::Event event;
    event.set_type(link::Event::SHUTDOWN_EXECUTOR);
    event.mutable_shutdown_executor()->mutable_framework_id()->set_value(kFramework);
    event.mutable_shutdown_executor()->mutable_executor_id()->set_value(executor);
    agent->OnMasterEvent(event);
  }
  void Acknowledge(const v1::TaskStatus& status) {
    link::Event event;
    event.set_type(link::Event::STATUS_ACKNOWLEDGEMENT);
    auto* acknowledgement = event.mutable_status_acknowledgement();
    *acknowledgement->mutable_framework_id() = framework.id();
    *acknowledgement->mutable_task_id() = status.task_id();
    acknowledgement->set_uuid(status.uuid());
    agent->OnMasterEvent(event);
  }

  // Takes the statuses that were sent since the last call, without acknowledging them.
  std::vector<v1::TaskStatus> Sent() {
    std::vector<v1::TaskStatus> out;
    for (; taken_ < links.calls.size(); ++taken_) {
      if (links.calls[taken_].type() == link::Call::STATUS_UPDATE) {
        out.push_back(links.calls[taken_].status_update().status());
      }
    }
    return out;
  }
  // Takes all statuses, and acknowledges each as it comes.
  std::vector<v1::TaskStatus> Drain() {
    std::vector<v1::TaskStatus> out;
    for (auto sent = Sent(); !sent.empty(); sent = Sent()) {
      for (v1::TaskStatus& status : sent) {
        Acknowledge(status);
        out.push_back(std::move(status));
      }
    }
    return out;
  }
  static std::vector<v1::TaskState> States(const std::vector<v1::TaskStatus>& statuses,
                                           const std::string& task = "") {
    std::vector<v1::TaskState> out;
    for (const v1::TaskStatus& status : statuses) {
      if (task.empty() || status.task_id().value() == task) out.push_back(status.state());
    }
    return out;
  }
  // Returns the keys in the agent's store.
  std::vector<std::string> SavedKeys() const {
    std::vector<std::string> keys;
    for (const auto& [key, record] : saved->records) keys.push_back(key);
    return keys;
  }
  double Metric(const std::string& name) const {
    const auto state = agent->Snapshot();
    for (const auto& [key, value] : state->metrics) {
      if (key == name) return value;
    }
    ADD_FAILURE() << "no metric " << name;
    return -1;
  }

  // The executor's side of the v1 API.
  static ExecutorCall MakeCall(ExecutorCall::Type type, const std::string& executor = "e1") {
    ExecutorCall call;
    call.set_type(type);
    call.mutable_executor_id()->set_value(executor);
    call.mutable_framework_id()->set_value(kFramework);
    if (type == ExecutorCall::SUBSCRIBE) call.mutable_subscribe();
    return call;
  }
  Status Subscribe(StreamId stream, const ExecutorCall& call, const security::Caller& caller = {}) {
    Status answer = Fail(Code::kInternal, "no answer");
    agent->OnExecutorSubscribe(stream, caller, call,
                               [&](Status status) { answer = std::move(status); });
    return answer;
  }
  Status Call(const ExecutorCall& call, const security::Caller& caller = {}) {
    Status answer = Fail(Code::kInternal, "no answer");
    agent->OnExecutorCall(caller, call, [&](Status status) { answer = std::move(status); });
    return answer;
  }
  ExecutorCall Update(const std::string& task, v1::TaskState state,
                      const std::string& executor = "e1") {
    ExecutorCall call = MakeCall(ExecutorCall::UPDATE, executor);
    v1::TaskStatus* status = call.mutable_update()->mutable_status();
    status->mutable_task_id()->set_value(task);
    status->set_state(state);
    status->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
    status->set_uuid(random.UuidBytes());
    status->set_timestamp(1);
    return call;
  }

  Options options;
  v1::FrameworkInfo framework;
  VirtualClock clock;
  SeededRandom random{7};
  FakeLinks links;
  FakeContainerizer containerizer;
  FakeProber prober;
  FakeDisk disk;
  std::vector<Status> exits;
  // What was saved outlives the agent.
  std::shared_ptr<storage::MemoryData> saved = std::make_shared<storage::MemoryData>();
  std::unique_ptr<storage::MemoryStore> store;
  std::unique_ptr<Agent> agent;

 private:
  size_t taken_ = 0;
};

// The base of tests with a checkpointed framework, whose agent is restarted.
class CheckpointedTest : public AgentTest {
 protected:
  CheckpointedTest() {
    framework.set_checkpoint(true);
    options.boot_id = "b1";
  }

  // Takes all statuses, acknowledges each as it comes, and gives the agent time to save.
  std::vector<v1::TaskStatus> Take() {
    std::vector<v1::TaskStatus> out;
    while (true) {
      clock.Settle();
      auto sent = Drain();
      if (sent.empty()) return out;
      std::ranges::move(sent, std::back_inserter(out));
    }
  }
  void RestartAndRegister() {
    Restart();
    Register();
  }
};

}  // namespace tepui::agent
