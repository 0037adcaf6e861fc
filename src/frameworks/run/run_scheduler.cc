// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/run_scheduler.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "frameworks/run/offer_match.h"
#include "model/states.h"

namespace tepui::frameworks {
namespace {

using mesos::v1::scheduler::Event;

constexpr Duration kSubscribeRetry = std::chrono::seconds(1);
// After kFirstPatience without a subscription or a launch the user sees the reason, and then again
// every kLaterPatience.
constexpr Duration kFirstPatience = std::chrono::seconds(5);
constexpr Duration kLaterPatience = std::chrono::seconds(60);
// The exit code that shells use: 128 + SIGINT.
constexpr int kInterruptedCode = 130;

Endpoint AgentEndpoint(const v1::Offer& offer) {
  constexpr uint16_t kDefaultAgentPort = 5051;
  if (!offer.has_url()) return {.host = offer.hostname(), .port = kDefaultAgentPort};
  const v1::Address& address = offer.url().address();
  return {.scheme = offer.url().scheme() == "https" ? Scheme::kHttps : Scheme::kHttp,
          .host = address.has_ip() ? address.ip() : address.hostname(),
          .port = static_cast<uint16_t>(address.port())};
}

void SetAllocation(const Resources& resources, const std::string& role,
                   google::protobuf::RepeatedPtrField<v1::Resource>* out) {
  out->Clear();
  resources.ToProto(out);
  for (v1::Resource& resource : *out) resource.mutable_allocation_info()->set_role(role);
}

bool IsLarger(const Resources& a, const Resources& b) {
  const auto key = [](const Resources& r) {
    return std::pair(r.Scalar(ResourceNames::Cpus()), r.Scalar(ResourceNames::Mem()));
  };
  return key(a) > key(b);
}

}  // namespace

int ExitCodeOf(const v1::TaskStatus& status) {
  if (status.state() == v1::TASK_FINISHED) return 0;
  constexpr std::string_view kExited = "exited with status ";
  const std::string& message = status.message();
  const size_t at = message.rfind(kExited);
  if (at == std::string::npos) return 1;
  int code = 0;
  const char* begin = message.data() + at + kExited.size();
  const auto [end, error] = std::from_chars(begin, message.data() + message.size(), code);
  return error == std::errc() && code >= 1 && code <= 255 ? code : 1;
}

RunScheduler::RunScheduler(RunPlan plan, Clock& clock, Effects effects)
    : plan_(std::move(plan)),
      effects_(std::move(effects)),
      subscribe_timer_(clock),
      waiting_timer_(clock),
      kill_timer_(clock) {
  // The plan's resources were checked when it was made.
  for (const v1::TaskInfo& task : plan_.tasks)
    wanted_ += Resources::FromProto(task.resources()).value_or(Resources());
  if (plan_.group_executor) {
    wanted_ += Resources::FromProto(plan_.group_executor->resources()).value_or(Resources());
  }
}

void RunScheduler::Start() {
  effects_.tell(fmt::format("Connecting to the master at {}", plan_.master));
  waiting_timer_.Set(kFirstPatience, [this] { PrintWhyItWaits(); });
}

RunScheduler::Call RunScheduler::MakeCall(Call::Type type) const {
  Call call;
  call.set_type(type);
  if (!framework_id_.empty()) call.mutable_framework_id()->set_value(framework_id_);
  return call;
}

void RunScheduler::OnConnected() {
  connected_ = true;
  if (!finished_) Subscribe();
}

void RunScheduler::OnDisconnected() {
  if (subscribed_ && !finished_) effects_.tell("Lost the connection to the master; trying again");
  connected_ = false;
  subscribed_ = false;
  subscribe_timer_.Cancel();
}

void RunScheduler::Subscribe() {
  if (!connected_ || subscribed_ || finished_) return;
  Call call = MakeCall(Call::SUBSCRIBE);
  *call.mutable_subscribe()->mutable_framework_info() = plan_.framework;
  if (!framework_id_.empty()) {
    call.mutable_subscribe()->mutable_framework_info()->mutable_id()->set_value(framework_id_);
  }
  effects_.send(call);
  subscribe_timer_.Set(kSubscribeRetry, [this] { Subscribe(); });
}

void RunScheduler::OnSubscribed(const Event::Subscribed& subscribed) {
  subscribed_ = true;
  subscribe_timer_.Cancel();
  const bool again = !framework_id_.empty();
  framework_id_ = subscribed.framework_id().value();
  effects_.tell(fmt::format("Subscribed with ID {}", framework_id_));
  if (again && launched_) Reconcile();
  if (interrupted_ && launched_) KillAll();
}

// Asks what happened to the tasks while there was no connection.
void RunScheduler::Reconcile() {
  Call call = MakeCall(Call::RECONCILE);
  for (const v1::TaskInfo& task : plan_.tasks) {
    auto* entry = call.mutable_reconcile()->add_tasks();
    *entry->mutable_task_id() = task.task_id();
    entry->mutable_agent_id()->set_value(agent_id_);
  }
  effects_.send(call);
}

void RunScheduler::OnEvent(const Event& event) {
  if (finished_) return;
  switch (event.type()) {
    case Event::SUBSCRIBED:
      return OnSubscribed(event.subscribed());
    case Event::OFFERS:
      for (const v1::Offer& offer : event.offers().offers()) OnOffer(offer);
      return;
    case Event::UPDATE:
      return OnStatus(event.update().status());
    case Event::ERROR:
      effects_.tell(event.error().message());
      return Finish(1);
    default:
      return;
  }
}

void RunScheduler::OnOffer(const v1::Offer& offer) {
  if (launched_ || interrupted_ || !Launch(offer)) Decline(offer);
}

bool RunScheduler::Launch(const v1::Offer& offer) {
  // Resources are compared without the role that they are allocated to.
  auto list = offer.resources();
  for (v1::Resource& resource : list) resource.clear_allocation_info();
  const Result<Resources> all = Resources::FromProto(list);
  if (!all) return false;
  Resources offered = *all;
  if (!largest_offer_ || IsLarger(offered, *largest_offer_)) largest_offer_ = offered;

  const std::string& role = plan_.framework.roles(0);
  std::optional<v1::ExecutorInfo> executor = plan_.group_executor;
  if (executor) {
    const Result<Resources> wanted = Resources::FromProto(executor->resources());
    const auto taken = wanted ? TakeFrom(&offered, *wanted, role) : std::nullopt;
    if (!taken) return false;
    SetAllocation(*taken, role, executor->mutable_resources());
    executor->mutable_framework_id()->set_value(framework_id_);
  }
  std::vector<v1::TaskInfo> tasks = plan_.tasks;
  for (v1::TaskInfo& task : tasks) {
    const Result<Resources> wanted = Resources::FromProto(task.resources());
    const auto taken = wanted ? TakeFrom(&offered, *wanted, role) : std::nullopt;
    if (!taken) return false;
    SetAllocation(*taken, role, task.mutable_resources());
    *task.mutable_agent_id() = offer.agent_id();
  }
  Accept(offer, std::move(tasks), std::move(executor));
  return true;
}

void RunScheduler::Accept(const v1::Offer& offer, std::vector<v1::TaskInfo> tasks,
                          std::optional<v1::ExecutorInfo> executor) {
  launched_ = true;
  agent_id_ = offer.agent_id().value();
  waiting_timer_.Cancel();
  Call call = MakeCall(Call::ACCEPT);
  *call.mutable_accept()->add_offer_ids() = offer.id();
  v1::Offer::Operation* operation = call.mutable_accept()->add_operations();
  if (executor) {
    operation->set_type(v1::Offer::Operation::LAUNCH_GROUP);
    *operation->mutable_launch_group()->mutable_executor() = std::move(*executor);
    for (v1::TaskInfo& task : tasks) {
      *operation->mutable_launch_group()->mutable_task_group()->add_tasks() = std::move(task);
    }
  } else {
    operation->set_type(v1::Offer::Operation::LAUNCH);
    *operation->mutable_launch()->add_task_infos() = std::move(tasks.front());
  }
  effects_.send(call);
  // There is only one launch, so no more offers are needed.
  effects_.send(MakeCall(Call::SUPPRESS));

  if (plan_.group_executor) {
    std::vector<std::string> ids;
    for (const v1::TaskInfo& task : plan_.tasks) ids.push_back(task.task_id().value());
    effects_.tell(fmt::format("Submitted task group with tasks {} to agent '{}'",
                              fmt::join(ids, ", "), agent_id_));
  } else {
    effects_.tell(
        fmt::format("Submitted task '{}' to agent '{}'", plan_.tasks.front().name(), agent_id_));
  }
  effects_.follow(Outputs(offer));
}

std::vector<TaskOutput> RunScheduler::Outputs(const v1::Offer& offer) const {
  std::vector<TaskOutput> outputs;
  for (const v1::TaskInfo& task : plan_.tasks) {
    // A command task's executor is named like the task (reference 5.2).
    const std::string executor = plan_.group_executor  ? plan_.group_executor->executor_id().value()
                                 : task.has_executor() ? task.executor().executor_id().value()
                                                       : task.task_id().value();
    std::string directory =
        fmt::format("/frameworks/{}/executors/{}/runs/latest", framework_id_, executor);
    if (plan_.group_executor) directory += fmt::format("/tasks/{}", task.task_id().value());
    outputs.push_back({.task_id = task.task_id().value(),
                       .agent = AgentEndpoint(offer),
                       .directory = std::move(directory)});
  }
  return outputs;
}

void RunScheduler::Decline(const v1::Offer& offer) {
  Call call = MakeCall(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offer.id();
  effects_.send(call);
}

void RunScheduler::OnStatus(const v1::TaskStatus& status) {
  Acknowledge(status);
  const std::string& id = status.task_id().value();
  const bool ours = std::ranges::any_of(
      plan_.tasks, [&](const auto& task) { return task.task_id().value() == id; });
  // Retried updates of a task that has ended are not news.
  if (!ours || exit_codes_.contains(id)) return;
  PrintStatus(status);
  if (status.state() == v1::TASK_RUNNING && plan_.kill_after &&
      !std::exchange(kill_planned_, true)) {
    kill_timer_.Set(*plan_.kill_after, [this] { KillAll(); });
  }
  // UNKNOWN: the cluster does not have the task any more, so no further update will come.
  if (!model::IsTerminal(status.state()) && status.state() != v1::TASK_UNKNOWN) return;
  exit_codes_[id] = ExitCodeOf(status);
  if (exit_codes_.size() < plan_.tasks.size()) return;
  int code = 0;
  for (const v1::TaskInfo& task : plan_.tasks) {
    if (code == 0) code = exit_codes_[task.task_id().value()];
  }
  Finish(interrupted_ && code != 0 ? kInterruptedCode : code);
}

void RunScheduler::PrintStatus(const v1::TaskStatus& status) const {
  std::string text = fmt::format("Received status update {} for task '{}'",
                                 v1::TaskState_Name(status.state()), status.task_id().value());
  if (!status.message().empty()) text += fmt::format("\n  message: '{}'", status.message());
  if (status.has_source())
    text += fmt::format("\n  source: {}", v1::TaskStatus::Source_Name(status.source()));
  if (status.has_reason())
    text += fmt::format("\n  reason: {}", v1::TaskStatus::Reason_Name(status.reason()));
  if (status.has_healthy()) text += fmt::format("\n  healthy?: {}", status.healthy());
  if (!status.limitation().resources().empty()) {
    text += fmt::format("\n  resource limit violation: {}",
                        FormatResources(status.limitation().resources()));
  }
  effects_.tell(text);
}

void RunScheduler::Acknowledge(const v1::TaskStatus& status) {
  if (!status.has_uuid()) return;
  Call call = MakeCall(Call::ACKNOWLEDGE);
  *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  call.mutable_acknowledge()->set_uuid(status.uuid());
  effects_.send(call);
}

void RunScheduler::KillAll() {
  for (const v1::TaskInfo& task : plan_.tasks) {
    if (exit_codes_.contains(task.task_id().value())) continue;
    effects_.tell(
        fmt::format("Asked to kill task '{}' on agent '{}'", task.task_id().value(), agent_id_));
    Call call = MakeCall(Call::KILL);
    *call.mutable_kill()->mutable_task_id() = task.task_id();
    call.mutable_kill()->mutable_agent_id()->set_value(agent_id_);
    effects_.send(call);
  }
}

void RunScheduler::OnInterrupt() {
  if (finished_) return;
  if (interrupted_ || !launched_) return Finish(kInterruptedCode);
  interrupted_ = true;
  effects_.tell("Killing the task; interrupt again to exit at once");
  KillAll();
}

void RunScheduler::PrintWhyItWaits() {
  if (!subscribed_) {
    effects_.tell(fmt::format("The master at {} has not answered yet; still trying", plan_.master));
  } else if (!largest_offer_) {
    effects_.tell("No offer has arrived yet: every agent may be busy, or there are no agents");
  } else {
    effects_.tell(
        fmt::format("No offer was large enough yet: the task needs {}; the largest offer had {}",
                    wanted_.ToString(), largest_offer_->ToString()));
  }
  waiting_timer_.Set(kLaterPatience, [this] { PrintWhyItWaits(); });
}

void RunScheduler::Finish(int code) {
  finished_ = true;
  for (Timer* timer : {&subscribe_timer_, &waiting_timer_, &kill_timer_}) timer->Cancel();
  std::optional<Call> teardown;
  if (subscribed_) teardown = MakeCall(Call::TEARDOWN);
  effects_.finish(code, std::move(teardown));
}

}  // namespace tepui::frameworks
