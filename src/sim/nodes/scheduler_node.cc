// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/scheduler_node.h"

#include <chrono>
#include <utility>
#include <vector>

#include "base/timer.h"
#include "model/states.h"
#include "sim/network/network_link.h"

namespace tepui::sim {
namespace {

using Call = mesos::v1::scheduler::Call;
using Event = mesos::v1::scheduler::Event;

constexpr Duration kSubscribeRetry = std::chrono::seconds(1);
constexpr Duration kTick = std::chrono::seconds(5);
// Time that a framework takes to store a status before it acknowledges it.
constexpr Duration kLongestWrite = std::chrono::milliseconds(10);
constexpr uint16_t kMasterPort = 5050;

// An unknown operation never arrived, or was acknowledged before.
bool IsOver(v1::OperationState state) {
  return model::IsTerminal(state) || state == v1::OPERATION_UNKNOWN;
}

// The tasks that a call launches.
std::vector<const v1::TaskInfo*> TasksOf(const Call& call) {
  std::vector<const v1::TaskInfo*> tasks;
  for (const v1::Offer::Operation& operation : call.accept().operations()) {
    for (const v1::TaskInfo& task : operation.launch().task_infos()) tasks.push_back(&task);
    for (const v1::TaskInfo& task : operation.launch_group().task_group().tasks())
      tasks.push_back(&task);
  }
  return tasks;
}

}  // namespace

struct SchedulerNode::Memory {
  std::string framework_id;
  // TEARDOWN was sent for that id and the master has not confirmed it.
  bool leaving = false;
  uint64_t next_task = 1;
  std::map<std::string, v1::TaskState> tasks;
  std::map<std::string, std::string> living;  // Agents of tasks that have not ended.
  // Agents of operations whose outcome is not known.
  std::map<std::string, std::string> operations;

  // Returns false if the status is not news.
  bool Learn(const v1::TaskStatus& status) {
    const std::string& id = status.task_id().value();
    const auto known = tasks.find(id);
    if (known != tasks.end()) {
      if (known->second == status.state()) return false;
      if (HasEnded(known->second) && !MayComeBack(known->second)) return false;
    }
    tasks[id] = status.state();
    if (HasEnded(status.state())) {
      living.erase(id);
    } else if (status.has_agent_id()) {
      living[id] = status.agent_id().value();
    }
    return true;
  }

  void Forget() {
    for (const auto& [id, agent] : living) tasks[id] = v1::TASK_KILLED;
    living.clear();
    operations.clear();
    framework_id.clear();
    leaving = false;
  }
};

// One run of the scheduler's process.
class SchedulerNode::Life final : public Framework::Tasks {
 public:
  explicit Life(SchedulerNode& node)
      : node_(node),
        memory_(*node.memory_),
        observer_(node.parts_.observer),
        process_(node.parts_.world, node.host_),
        random_(node.parts_.world.MakeRandom(fmt::format("{}/{}", node.host_, node.lives_))),
        link_(node.parts_.network, process_, node.host_,
              {.path = "/api/v1/scheduler", .authorization = ""}),
        core_({}, process_, random_, link_,
              {.connected = [this] { Subscribe(); },
               .disconnected = [this] { OnDisconnected(); },
               .received = [this](const Event& event) { OnEvent(event); }}) {}

  void Start() { core_.OnLeader(Endpoint{.host = node_.master_, .port = kMasterPort}); }

  Process& process() { return process_; }
  bool subscribed() const { return subscribed_; }

  // --- Framework::Tasks.
  std::string NextId() override { return fmt::format("{}-t{}", node_.host_, memory_.next_task++); }
  std::vector<std::string> Living() const override {
    std::vector<std::string> ids;
    ids.reserve(memory_.living.size());
    for (const auto& [id, agent] : memory_.living) ids.push_back(id);
    return ids;
  }
  void Send(Call call) override;
  Clock& clock() override { return process_; }

 private:
  Framework& framework() { return *node_.framework_; }
  template <class... Args>
  void Write(fmt::format_string<Args...> format, Args&&... args) {
    node_.parts_.world.Write("{}: {}", node_.host_,
                             fmt::format(format, std::forward<Args>(args)...));
  }

  void Subscribe();
  void OnDisconnected();
  void OnEvent(const Event& event);
  void OnSubscribed(const Event::Subscribed& subscribed);
  void OnError(const std::string& message);
  void OnStatus(const v1::TaskStatus& status);
  void OnOperation(const v1::OperationStatus& status);

  void Remember(const Call& call);
  void TearDown();
  void BeginAnew(std::string_view why);
  void Update(Call call);
  void Reconcile();
  void ReconcileOperations();
  void Tick();

  SchedulerNode& node_;
  Memory& memory_;
  Observer& observer_;
  Process process_;
  SeededRandom random_;
  NetworkLink link_;
  client::SchedulerCore core_;
  bool subscribed_ = false;
  std::map<std::string, std::string> offers_;  // Agents of offers that are not answered.
  Timer subscribe_timer_{process_};
  Timer tick_timer_{process_};
  Timer reconcile_timer_{process_};
};

void SchedulerNode::Life::Subscribe() {
  Call call;
  call.set_type(Call::SUBSCRIBE);
  v1::FrameworkInfo& info = *call.mutable_subscribe()->mutable_framework_info();
  info = framework().Info();
  if (!memory_.framework_id.empty()) {
    info.mutable_id()->set_value(memory_.framework_id);
    *call.mutable_framework_id() = info.id();
  }
  for (std::string& role : framework().SuppressedRoles())
    call.mutable_subscribe()->add_suppressed_roles(std::move(role));
  if (core_.Send(call)) observer_.OnSchedulerCall(node_.host_, call);
  // A recovering master answers 503; SUBSCRIBE is also repeated if no answer comes.
  subscribe_timer_.Set(kSubscribeRetry, [this] { Subscribe(); });
}

void SchedulerNode::Life::OnDisconnected() {
  subscribed_ = false;
  offers_.clear();
  for (Timer* timer : {&subscribe_timer_, &tick_timer_, &reconcile_timer_}) timer->Cancel();
  Write("disconnected");
}

void SchedulerNode::Life::OnEvent(const Event& event) {
  observer_.OnSchedulerEvent(node_.host_, event);
  switch (event.type()) {
    case Event::SUBSCRIBED:
      return OnSubscribed(event.subscribed());
    case Event::OFFERS:
      for (const v1::Offer& offer : event.offers().offers())
        offers_[offer.id().value()] = offer.agent_id().value();
      return framework().OnOffers(*this,
                                  {event.offers().offers().begin(), event.offers().offers().end()});
    case Event::RESCIND:
      offers_.erase(event.rescind().offer_id().value());
      return framework().OnRescind(*this, event.rescind().offer_id());
    case Event::UPDATE:
      return OnStatus(event.update().status());
    case Event::UPDATE_OPERATION_STATUS:
      return OnOperation(event.update_operation_status().status());
    case Event::ERROR:
      return OnError(event.error().message());
    default:
      return;
  }
}

void SchedulerNode::Life::OnSubscribed(const Event::Subscribed& subscribed) {
  subscribe_timer_.Cancel();
  subscribed_ = true;
  memory_.framework_id = subscribed.framework_id().value();
  Write("subscribed as {}", memory_.framework_id);
  if (memory_.leaving) return TearDown();
  Reconcile();
  framework().OnSubscribed(*this);
  tick_timer_.Set(kTick, [this] { Tick(); });
}

void SchedulerNode::Life::OnError(const std::string& message) {
  Write("error: {}", message);
  if (message == "Framework has been removed") return BeginAnew(message);
  // Frameworks that send wrong calls get errors for them and continue.
  if (!framework().well_behaved() && subscribed_) return;
  core_.Reconnect(message);
}

void SchedulerNode::Life::OnStatus(const v1::TaskStatus& status) {
  const bool news = memory_.Learn(status);
  const std::string& id = status.task_id().value();
  if (news) Write("{} is {}", id, v1::TaskState_Name(status.state()));
  if (status.reason() == v1::TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED)
    Write("{}'s check found something else", id);
  if (status.has_healthy()) Write("{} is {}", id, status.healthy() ? "healthy" : "not healthy");
  if (status.has_uuid()) {
    const Duration writing(random_.Below(static_cast<uint64_t>(kLongestWrite.count())));
    process_.After(writing, [this, status] {
      Call call;
      call.set_type(Call::ACKNOWLEDGE);
      *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
      *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
      call.mutable_acknowledge()->set_uuid(status.uuid());
      Send(std::move(call));
    });
  }
  if (news && !memory_.leaving) framework().OnStatus(*this, status);
}

void SchedulerNode::Life::OnOperation(const v1::OperationStatus& status) {
  const std::string& id = status.operation_id().value();
  if (IsOver(status.state()) && memory_.operations.erase(id) > 0)
    Write("operation {} is {}", id, v1::OperationState_Name(status.state()));
  if (!status.has_uuid()) return;
  Call call;
  call.set_type(Call::ACKNOWLEDGE_OPERATION_STATUS);
  auto& acknowledge = *call.mutable_acknowledge_operation_status();
  *acknowledge.mutable_agent_id() = status.agent_id();
  *acknowledge.mutable_operation_id() = status.operation_id();
  acknowledge.set_uuid(status.uuid().value());
  Send(std::move(call));
}

void SchedulerNode::Life::Send(Call call) {
  if (!subscribed_) return;
  if (!call.has_framework_id()) call.mutable_framework_id()->set_value(memory_.framework_id);
  if (call.type() == Call::TEARDOWN) return TearDown();
  if (call.type() == Call::UPDATE_FRAMEWORK) return Update(std::move(call));
  if (const Status sent = core_.Send(call); !sent) return Write("{}", sent.error().message);
  observer_.OnSchedulerCall(node_.host_, call);
  Remember(call);
}

// Runs before the call can have arrived, since nothing arrives at once.
void SchedulerNode::Life::Remember(const Call& call) {
  for (const v1::TaskInfo* task : TasksOf(call)) {
    if (!memory_.tasks.emplace(task->task_id().value(), v1::TASK_STAGING).second) continue;
    memory_.living[task->task_id().value()] = task->agent_id().value();
    Write("launches {}", task->task_id().value());
  }
  std::string agent;
  for (const auto* ids : {&call.accept().offer_ids(), &call.decline().offer_ids()}) {
    for (const v1::OfferID& id : *ids) {
      if (const auto offer = offers_.extract(id.value()); !offer.empty()) agent = offer.mapped();
    }
  }
  for (const v1::Offer::Operation& operation : call.accept().operations()) {
    if (!operation.has_id()) continue;
    memory_.operations.emplace(operation.id().value(), agent);
    Write("asks for {} {}", v1::Offer::Operation::Type_Name(operation.type()),
          operation.id().value());
  }
}

void SchedulerNode::Life::TearDown() {
  memory_.leaving = true;
  Call call;
  call.set_type(Call::TEARDOWN);
  call.mutable_framework_id()->set_value(memory_.framework_id);
  Write("tears itself down");
  observer_.OnSchedulerCall(node_.host_, call);
  core_.Call(call, [this](const Result<mesos::v1::scheduler::APIResult>& result) {
    if (result && result->status_code() == 202) BeginAnew("torn down");
  });
}

void SchedulerNode::Life::BeginAnew(std::string_view why) {
  memory_.Forget();
  Write("begins anew: {}", why);
  core_.Reconnect("the framework has ended");
}

void SchedulerNode::Life::Update(Call call) {
  v1::FrameworkInfo& info = *call.mutable_update_framework()->mutable_framework_info();
  if (!info.has_id()) *info.mutable_id() = call.framework_id();
  observer_.OnSchedulerCall(node_.host_, call);
  core_.Call(call, [this](const Result<mesos::v1::scheduler::APIResult>& result) {
    if (result) Write("UPDATE_FRAMEWORK was answered {}", result->status_code());
  });
}

void SchedulerNode::Life::Reconcile() {
  reconcile_timer_.Set(kReconcileInterval, [this] { Reconcile(); });
  ReconcileOperations();
  // Without tasks the call would ask for all tasks that the master knows.
  if (memory_.living.empty()) return;
  Call call;
  call.set_type(Call::RECONCILE);
  for (const auto& [id, agent] : memory_.living) {
    Call::Reconcile::Task& task = *call.mutable_reconcile()->add_tasks();
    task.mutable_task_id()->set_value(id);
    if (!agent.empty()) task.mutable_agent_id()->set_value(agent);
  }
  Send(std::move(call));
}

void SchedulerNode::Life::ReconcileOperations() {
  if (memory_.operations.empty()) return;
  Call call;
  call.set_type(Call::RECONCILE_OPERATIONS);
  for (const auto& [id, agent] : memory_.operations) {
    auto& operation = *call.mutable_reconcile_operations()->add_operations();
    operation.mutable_operation_id()->set_value(id);
    if (!agent.empty()) operation.mutable_agent_id()->set_value(agent);
  }
  Send(std::move(call));
}

void SchedulerNode::Life::Tick() {
  tick_timer_.Set(kTick, [this] { Tick(); });
  framework().OnTick(*this);
}

SchedulerNode::SchedulerNode(Parts parts, Host host, Host master,
                             std::unique_ptr<Framework> framework)
    : parts_(parts),
      host_(std::move(host)),
      master_(std::move(master)),
      framework_(std::move(framework)),
      memory_(std::make_unique<Memory>()) {}

SchedulerNode::~SchedulerNode() = default;

void SchedulerNode::Start() {
  if (running()) return;
  ++lives_;
  life_ = std::make_unique<Life>(*this);
  parts_.world.Write("{}: starts", host_);
  parts_.observer.OnStarted(host_);
  if (calm_) framework_->Calm(*life_);
  life_->Start();
}

void SchedulerNode::Crash() {
  if (!running()) return;
  life_->process().Kill();
  life_.reset();
  parts_.world.Write("{}: crashes", host_);
  parts_.observer.OnEnded(host_, "crash");
}

void SchedulerNode::Calm() {
  calm_ = true;
  if (running()) framework_->Calm(*life_);
}

bool SchedulerNode::running() const { return life_ != nullptr; }
bool SchedulerNode::subscribed() const { return running() && life_->subscribed(); }
Process* SchedulerNode::process() { return running() ? &life_->process() : nullptr; }
const std::string& SchedulerNode::framework_id() const { return memory_->framework_id; }
const std::map<std::string, v1::TaskState>& SchedulerNode::tasks() const { return memory_->tasks; }

}  // namespace tepui::sim
