// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/executor_process.h"

#include <chrono>
#include <csignal>

#include "agent/services/statuses.h"
#include "base/seconds.h"

namespace tepui::sim {

namespace {

constexpr Duration kSubscribeRetry = std::chrono::seconds(1);
// For kills without a grace period.
constexpr Duration kDefaultKillGrace = std::chrono::seconds(3);
// Time between SHUTDOWN and the end, for the last statuses.
constexpr uint64_t kMostLastWordsMs = 1000;
// Time that a program takes to start or to react to a signal.
constexpr uint64_t kMostDelayUs = 5000;

Duration Grace(const mesos::v1::executor::Event::Kill& kill, const v1::TaskInfo& task) {
  if (kill.kill_policy().has_grace_period())
    return agent::FromProto(kill.kill_policy().grace_period());
  if (task.kill_policy().has_grace_period())
    return agent::FromProto(task.kill_policy().grace_period());
  return kDefaultKillGrace;
}

}  // namespace

ExecutorProcess::ExecutorProcess(
    Parts parts, Host host, const ContainerScript& script,
    const std::vector<std::pair<std::string, std::string>>& environment, SeededRandom random,
    std::function<void(Exit)> on_exit)
    : parts_(parts),
      host_(std::move(host)),
      script_(script),
      on_exit_(std::move(on_exit)),
      process_(parts.world, fmt::format("{}/{}", host_, script.executor)),
      random_(std::move(random)),
      subscribe_timer_(process_),
      idle_timer_(process_) {
  auto parsed = client::ExecutorEnvironment::Parse({environment.begin(), environment.end()});
  if (!parsed) {
    parts_.world.Write("{}: {}", process_.name(), parsed.error().message);
    process_.Post([this] { End({ContainerScript::End::kExit, 1}); });
    return;
  }
  environment_ = std::move(*parsed);
  const std::string& token = environment_.token;
  link_.emplace(parts_.network, process_, host_,
                NetworkLink::Options{.path = "/api/v1/executor",
                                     .authorization = token.empty() ? "" : "Bearer " + token});
  client::ExecutorCore::Options options;
  options.environment = environment_;
  core_.emplace(std::move(options), process_, random_, *link_,
                client::ExecutorCore::Callbacks{
                    .connected = [this] { Subscribe(); },
                    .disconnected = [this] { OnDisconnected(); },
                    .received = [this](const Event& event) { OnEvent(event); },
                    .kill = [this] { End({ContainerScript::End::kSignal, SIGKILL}); }});
  core_->Start();
  if (script_.run != Duration::max())
    process_.After(script_.run, [this] { End({script_.end, script_.code}); });
}

ExecutorProcess::~ExecutorProcess() {
  process_.Kill();
  for (const std::string& task : RunningTasks())
    parts_.observer.OnExecutorTask(host_, task, /*started=*/false);
}

std::vector<std::string> ExecutorProcess::RunningTasks() const {
  std::vector<std::string> running;
  for (const auto& [id, task] : tasks_) {
    if (task.running) running.push_back(id);
  }
  return running;
}

void ExecutorProcess::End(Exit exit) {
  process_.Kill();
  for (const std::string& task : RunningTasks())
    parts_.observer.OnExecutorTask(host_, task, /*started=*/false);
  tasks_.clear();
  on_exit_(exit);
}

void ExecutorProcess::Subscribe() {
  Call call = MakeCall(Call::SUBSCRIBE);
  Call::Subscribe* subscribe = call.mutable_subscribe();
  for (const auto& [id, task] : unacknowledged_tasks_)
    *subscribe->add_unacknowledged_tasks() = task;
  for (Report& report : unacknowledged_) {
    *subscribe->add_unacknowledged_updates() = report.update;
  }
  if (core_->Send(call)) {
    for (Report& report : unacknowledged_) report.sent = true;
  }
  // A recovering agent answers 503.
  subscribe_timer_.Set(kSubscribeRetry, [this] { Subscribe(); });
}

void ExecutorProcess::OnDisconnected() {
  subscribe_timer_.Cancel();
  subscribed_ = false;
  for (Report& report : unacknowledged_) report.sent = false;
}

void ExecutorProcess::OnEvent(const Event& event) {
  switch (event.type()) {
    case Event::SUBSCRIBED:
      return OnSubscribed();
    case Event::LAUNCH:
      return Launch(event.launch().task());
    case Event::LAUNCH_GROUP:
      for (const v1::TaskInfo& task : event.launch_group().task_group().tasks()) Launch(task);
      return;
    case Event::KILL:
      return Kill(event.kill());
    case Event::ACKNOWLEDGED:
      return OnAcknowledged(event.acknowledged());
    case Event::MESSAGE: {
      Call call = MakeCall(Call::MESSAGE);
      call.mutable_message()->set_data(event.message().data());
      return SendCall(call);
    }
    case Event::SHUTDOWN:
      return Shutdown();
    case Event::ERROR:
      parts_.world.Write("{}: {}", process_.name(), event.error().message());
      return End({ContainerScript::End::kExit, 1});
    default:
      return;
  }
}

void ExecutorProcess::OnSubscribed() {
  subscribe_timer_.Cancel();
  subscribed_ = true;
  // Sends what was reported while the subscription was in flight.
  for (Report& report : unacknowledged_) Send(report);
}

void ExecutorProcess::OnAcknowledged(const Event::Acknowledged& acknowledged) {
  unacknowledged_tasks_.erase(acknowledged.task_id().value());
  std::erase_if(unacknowledged_, [&](const Report& report) {
    return report.update.status().uuid() == acknowledged.uuid();
  });
  ExitIfIdle();
}

void ExecutorProcess::ExitIfIdle() {
  idle_timer_.Cancel();
  if (!tasks_.empty() || !unacknowledged_.empty() || shutting_down_) return;
  idle_timer_.Set(kIdleTime, [this] { End({ContainerScript::End::kExit, 0}); });
}

void ExecutorProcess::Launch(const v1::TaskInfo& info) {
  if (shutting_down_) return;
  idle_timer_.Cancel();
  const std::string& id = info.task_id().value();
  unacknowledged_tasks_[id] = info;
  const auto script = ContainerScript::Parse(info.data());
  if (!script || script->start_fails) {
    return Update(info.task_id(), v1::TASK_FAILED,
                  script ? "It cannot be started" : script.error().message);
  }
  tasks_.erase(id);
  Task& task = tasks_.try_emplace(id, process_).first->second;
  task.info = info;
  task.script = *script;
  Update(info.task_id(), v1::TASK_STARTING, "");
  if (script->start_hangs) return;
  const Duration delay = std::chrono::microseconds(random_.Below(kMostDelayUs));
  task.timer.Set(script->start + delay, [this, id] { StartTask(id); });
}

void ExecutorProcess::StartTask(const std::string& id) {
  Task& task = tasks_.at(id);
  task.running = true;
  parts_.observer.OnExecutorTask(host_, id, /*started=*/true);
  parts_.world.Write("{}: task {} runs", process_.name(), id);
  if (task.script.run != Duration::max())
    task.timer.Set(task.script.run, [this, id] { EndByScript(id); });
  Update(task.info.task_id(), v1::TASK_RUNNING, "");
}

void ExecutorProcess::EndByScript(const std::string& id) {
  const ContainerScript& script = tasks_.at(id).script;
  switch (script.end) {
    case ContainerScript::End::kExit:
      return EndTask(id, script.code == 0 ? v1::TASK_FINISHED : v1::TASK_FAILED,
                     fmt::format("Exited with status {}", script.code));
    case ContainerScript::End::kSignal:
      return EndTask(id, v1::TASK_FAILED, fmt::format("Ended by signal {}", script.code));
    case ContainerScript::End::kOom:
      // The limit applies to the whole executor, so it ends with all its tasks.
      return End({ContainerScript::End::kOom, 0});
  }
}

void ExecutorProcess::EndTask(const std::string& id, v1::TaskState state, std::string message) {
  auto ended = tasks_.extract(id);  // Kept alive because `id` may be its key.
  Task& task = ended.mapped();
  task.timer.Cancel();
  if (task.running) {
    parts_.observer.OnExecutorTask(host_, id, /*started=*/false);
    parts_.world.Write("{}: task {} has ended", process_.name(), id);
  }
  Update(task.info.task_id(), state, std::move(message));
}

void ExecutorProcess::Kill(const Event::Kill& kill) {
  const std::string& id = kill.task_id().value();
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;  // Its end is already reported.
  Task& task = found->second;
  if (std::exchange(task.killed, true)) return;
  const bool heeds = !task.running || !task.script.ignores_term;
  const Duration delay = std::chrono::microseconds(random_.Below(kMostDelayUs));
  task.timer.Set(heeds ? delay : Grace(kill, task.info) + delay,
                 [this, id] { EndTask(id, v1::TASK_KILLED, "Killed"); });
}

void ExecutorProcess::Shutdown() {
  if (std::exchange(shutting_down_, true) || script_.ignores_term) return;
  idle_timer_.Cancel();
  while (!tasks_.empty()) EndTask(tasks_.begin()->first, v1::TASK_KILLED, "Shut down");
  process_.After(std::chrono::milliseconds(random_.Below(kMostLastWordsMs)),
                 [this] { End({ContainerScript::End::kExit, 0}); });
}

void ExecutorProcess::Update(const v1::TaskID& task, v1::TaskState state, std::string message) {
  Report& report = unacknowledged_.emplace_back();
  v1::TaskStatus* status = report.update.mutable_status();
  *status->mutable_task_id() = task;
  status->mutable_executor_id()->set_value(environment_.executor_id);
  status->set_state(state);
  status->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
  status->set_uuid(random_.UuidBytes());
  status->set_timestamp(Seconds(process_.WallNow()));
  if (!message.empty()) status->set_message(std::move(message));
  Send(report);
}

void ExecutorProcess::Send(Report& report) {
  if (!subscribed_ || report.sent) return;
  Call call = MakeCall(Call::UPDATE);
  *call.mutable_update() = report.update;
  report.sent = core_->Send(call).has_value();
}

void ExecutorProcess::SendCall(const Call& call) {
  const Status sent = core_->Send(call);
  if (!sent) parts_.world.Write("{}: {}", process_.name(), sent.error().message);
}

ExecutorProcess::Call ExecutorProcess::MakeCall(Call::Type type) const {
  Call call;
  call.set_type(type);
  call.mutable_framework_id()->set_value(environment_.framework_id);
  call.mutable_executor_id()->set_value(environment_.executor_id);
  return call;
}

}  // namespace tepui::sim
