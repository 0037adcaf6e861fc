// SPDX-License-Identifier: Apache-2.0
#include "agent/core/agent_impl.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "agent/executors/environment.h"
#include "agent/services/paths.h"
#include "agent/services/statuses.h"
#include "base/log.h"
#include "base/planted_fault.h"
#include "model/states.h"

namespace tepui::agent {

namespace {

// The time beyond the grace periods for containers that are slow to end.
constexpr Duration kEndPatience = std::chrono::minutes(1);
// Beyond this many held events the agent drops them and subscribes again.
constexpr size_t kMaxHeld = 10'000;

// Returns the framework whose tasks the event launches, if it launches any.
std::optional<FrameworkId> LaunchingFramework(const link::Event& event) {
  if (event.has_run_task()) return FrameworkId(event.run_task().framework_info().id().value());
  if (event.has_run_task_group())
    return FrameworkId(event.run_task_group().framework_info().id().value());
  return std::nullopt;
}

}  // namespace

Agent::Impl::Impl(Options options, const Parts& parts, std::function<void(Status)> exit)
    : options_(std::move(options)),
      store_(parts.store),
      checkpoint_(parts.clock, parts.store,
                  [this](const Error& error) {
                    Exit(Fail(error.code,
                              "The agent cannot write down what it does, and stops; its "
                              "tasks go on, and it will find them again: {}",
                              error.message));
                  }),
      services_{options_,     parts.clock, parts.random, parts.links, parts.containerizer,
                parts.prober, parts.disk,  checkpoint_},
      exit_(std::move(exit)),
      info_(options_.info),
      start_(parts.clock.Now()),
      wall_start_(parts.clock.WallNow()),
      updates_(
          services_,
          [this](const FrameworkId& framework, const v1::TaskStatus& status, v1::TaskState latest) {
            Forward(framework, status, latest);
          },
          [this](const FrameworkId& framework, const TaskId& task) {
            OnTaskClosed(framework, task);
          }),
      operations_(
          services_,
          [this](link::Call::OperationUpdate update) {
            link::Call call;
            call.set_type(link::Call::OPERATION_UPDATE);
            *call.mutable_operation_update() = std::move(update);
            services_.links.Send(std::move(call));
          },
          [this] {
            registration_.Resubscribe("an operation failed that the master counts as done");
          }),
      history_(services_),
      gc_(services_),
      registration_(services_, *this),
      end_timer_(parts.clock),
      burial_(parts.clock) {}

void Agent::Impl::OnRegistered(const link::Event::Subscribed& subscribed) {
  const std::string& id = subscribed.agent_id().value();
  if (info_.has_id() && info_.id().value() != id) {
    Shutdown(false, Fail(Code::kConflict,
                         "The master registered this agent as {}, but it is {} and holds its tasks",
                         id, info_.id().value()));
    return;
  }
  spdlog::info("Registered with master {} as agent {}", subscribed.master_info().id(), id);
  const bool known = info_.has_id();
  *info_.mutable_id() = subscribed.agent_id();
  if (!known) services_.links.Identify(AgentId(id));
  master_ = subscribed.master_info();
  if (std::string info = info_.SerializeAsString(); info != saved_info_) {
    saved_info_ = std::move(info);
    checkpoint_.SaveAgent(info_, options_.boot_id);
  }
  updates_.Resume();
  operations_.Resume();
  for (link::Call& exit : std::exchange(untold_exits_, {})) services_.links.Send(std::move(exit));
}

void Agent::Impl::OnUnregistered() {
  updates_.Pause();
  operations_.Pause();
  held_.clear();
}

// The events that follow an operation rely on it already. But the data of a destroyed volume is
// moved away only when the DESTROY is saved, so the next volume at its path must wait for that. And
// a task must not write into a volume that is not saved yet: its data would stay there if the agent
// died now.
void Agent::Impl::HoldUntilSaved() {
  holds_ = true;
  checkpoint_.WhenSaved([this] {
    holds_ = false;
    while (!held_.empty()) {
      // If the previous event made the others wait again, only those that need not wait are
      // handled, such as the kill of a task that was just launched.
      const auto next = holds_ ? std::ranges::find_if_not(
                                     held_, [this](const auto& event) { return MustWait(event); })
                               : held_.begin();
      if (next == held_.end()) return;
      const link::Event event = std::move(*next);
      held_.erase(next);
      OnMasterEvent(event);
    }
  });
}

// True if `event` launches a task whose id is that of one that is not over on this agent yet. For
// the framework and the master a task is over as soon as the acknowledgement of its end is sent, so
// the next task may have its id; for the agent it is over when the acknowledgement is saved.
bool Agent::Impl::AwaitsAnEnd(const link::Event& event) const {
  const std::optional<FrameworkId> framework = LaunchingFramework(event);
  if (!framework) return false;
  const auto closing = [&](const v1::TaskInfo& task) {
    return updates_.Closing(*framework, TaskId(task.task_id().value()));
  };
  return event.has_run_task()
             ? closing(event.run_task().task())
             : std::ranges::any_of(event.run_task_group().task_group().tasks(), closing);
}

void Agent::Impl::DropHeldLaunches(const FrameworkId& framework) {
  std::erase_if(held_,
                [&](const link::Event& event) { return LaunchingFramework(event) == framework; });
}

bool Agent::Impl::MustWait(const link::Event& event) const {
  switch (event.type()) {
    case link::Event::PING:
    // Acknowledgements answer what was sent before.
    case link::Event::STATUS_ACKNOWLEDGEMENT:
    case link::Event::OPERATION_ACKNOWLEDGEMENT:
    // A shutdown ends what is here and drops the framework's launches that wait.
    case link::Event::SHUTDOWN_FRAMEWORK:
      return false;
    case link::Event::KILL_TASK: {
      // The kill of a task that is here does not wait: the task may end meanwhile, and the late
      // kill would report that it never got here.
      const TaskId task(event.kill_task().task_id().value());
      const Framework* framework = Find(FrameworkId(event.kill_task().framework_id().value()));
      return framework == nullptr || framework->Find(task) == nullptr ||
             updates_.Closing(framework->id, task);
    }
    default:
      return true;
  }
}

void Agent::Impl::OnMasterEvent(const link::Event& event) {
  if (!holds_ && AwaitsAnEnd(event)) HoldUntilSaved();
  if (holds_ && MustWait(event)) {
    held_.push_back(event);
    if (held_.size() > kMaxHeld) registration_.Resubscribe("its disk is slow to save an operation");
    return;
  }
  switch (event.type()) {
    case link::Event::SUBSCRIBED:
      return registration_.OnSubscribed(event.subscribed());
    case link::Event::SHUTDOWN:
      return Shutdown(
          false, Fail(Code::kUnavailable, "The master shut this agent down: {}", event.message()));
    case link::Event::ERROR:
      return Shutdown(false,
                      Fail(Code::kForbidden, "The master refused this agent: {}", event.message()));
    default:
      break;
  }
  if (!registration_.registered()) return;  // The event is from a link that was dropped.
  switch (event.type()) {
    case link::Event::PING:
      return registration_.OnPing(event.ping().connected());
    case link::Event::RUN_TASK:
      return OnRunTask(event.run_task());
    case link::Event::RUN_TASK_GROUP:
      return OnRunTaskGroup(event.run_task_group());
    case link::Event::KILL_TASK:
      return OnKillTask(event.kill_task());
    case link::Event::STATUS_ACKNOWLEDGEMENT:
      return OnAcknowledgement(event.status_acknowledgement());
    case link::Event::FRAMEWORK_MESSAGE:
      return OnFrameworkMessage(event.framework_message());
    case link::Event::SHUTDOWN_EXECUTOR:
      return OnShutdownExecutor(event.shutdown_executor());
    case link::Event::SHUTDOWN_FRAMEWORK:
      return OnShutdownFramework(FrameworkId(event.shutdown_framework().value()));
    case link::Event::UPDATE_FRAMEWORK:
      return OnUpdateFramework(event.update_framework());
    case link::Event::APPLY_OPERATION:
      operations_.Apply(event.apply_operation(), AgentId(info_.id().value()));
      return HoldUntilSaved();
    case link::Event::OPERATION_ACKNOWLEDGEMENT:
      return operations_.Acknowledge(event.operation_acknowledgement());
    case link::Event::RECONCILE_TASKS:
      return OnReconcileTasks(event.reconcile_tasks());
    case link::Event::RECONCILE_OPERATIONS:
      return operations_.Reconcile(event.reconcile_operations(), AgentId(info_.id().value()));
    default:
      spdlog::warn("Ignored an event of unknown type {} from the master",
                   static_cast<int>(event.type()));
  }
}

Framework* Agent::Impl::Find(const FrameworkId& framework) const {
  const auto found = frameworks_.find(framework);
  return found == frameworks_.end() ? nullptr : found->second.get();
}

Framework& Agent::Impl::FindOrAddFramework(const v1::FrameworkInfo& info) {
  const FrameworkId id(info.id().value());
  if (Framework* framework = Find(id)) return *framework;

  auto framework = std::make_unique<Framework>();
  framework->id = id;
  framework->info = info;
  history_.OnFrameworkBack(id);
  if (info.checkpoint()) checkpoint_.SaveFramework(info, /*removed=*/false);
  gc_.Unschedule(FrameworkPath(options_.work_dir, AgentId(info_.id().value()), id));
  return *(frameworks_[id] = std::move(framework));
}

void Agent::Impl::OnFrameworkMessage(const link::Event::FrameworkMessage& message) {
  const Framework* framework = Find(FrameworkId(message.framework_id().value()));
  Executor* executor =
      framework == nullptr ? nullptr : framework->Find(ExecutorId(message.executor_id().value()));
  CustomExecutor* custom = executor == nullptr ? nullptr : executor->custom();
  if (custom != nullptr && !framework->terminating && custom->Message(message.data())) {
    ++metrics_.valid_framework_messages;
  } else {
    ++metrics_.invalid_framework_messages;
    spdlog::warn("Dropped a message for executor '{}' of framework {}: it is not there to hear it",
                 message.executor_id().value(), message.framework_id().value());
  }
}

void Agent::Impl::OnUpdateFramework(const v1::FrameworkInfo& info) {
  Framework* framework = Find(FrameworkId(info.id().value()));
  if (framework == nullptr || framework->terminating) return;
  framework->info = info;
  if (info.checkpoint()) checkpoint_.SaveFramework(info, /*removed=*/false);
  updates_.Resend(framework->id);
}

void Agent::Impl::OnReconcileTasks(const link::Event::ReconcileTasks& reconcile) {
  const FrameworkId id(reconcile.framework_id().value());
  const Framework* framework = Find(id);
  const v1::FrameworkInfo& info = framework ? framework->info : reconcile.framework_info();
  const v1::TaskState state = model::StateFor(info, v1::TASK_DROPPED);
  for (const v1::TaskID& task : reconcile.task_ids()) {
    const TaskId task_id(task.value());
    if (framework != nullptr && framework->tasks.contains(task_id)) continue;
    Report(id, AgentStatus(task_id, state, v1::TaskStatus::REASON_RECONCILIATION,
                           "The task is not known to the agent"));
  }
}

void Agent::Impl::OnShutdownFramework(const FrameworkId& id) {
  DropHeldLaunches(id);
  Framework* framework = Find(id);
  if (framework == nullptr) {
    // Statuses may still be waiting for a scheduler that is gone.
    updates_.Forget(id);
    return;
  }
  framework->removed = true;
  if (framework->info.checkpoint()) checkpoint_.SaveFramework(framework->info, /*removed=*/true);
  if (framework->terminating) return;
  spdlog::info("Shutting down framework {}", id);
  ShutdownFramework(*framework);
}

void Agent::Impl::ShutdownFramework(Framework& framework) {
  framework.terminating = true;
  updates_.Forget(framework.id);
  if (framework.removed && TEPUI_PLANTED_FAULT("removed-framework-runs-on")) return;
  std::vector<Executor*> executors;
  executors.reserve(framework.executors.size());
  for (const auto& [id, executor] : framework.executors) executors.push_back(executor.get());
  // The pointers stay valid: what ends meanwhile is destroyed later, from the event loop.
  for (Executor* executor : executors) {
    if (executor->active()) {
      ShutdownExecutor(*executor);
    } else if (executor->state() == Executor::State::kTerminated) {
      RemoveExecutor(*executor);
    }
  }
  RemoveIfIdle(framework);
}

void Agent::Impl::Shutdown(bool unregister, const Status& status) {
  if (ending_) return;
  ending_ = status;
  unregisters_ = unregister && registration_.registered();
  BeginEnd();
}

void Agent::Impl::Leave() {
  if (ending_) return;
  ending_ = Status();
  leaves_ = true;
  BeginEnd();
}

bool Agent::Impl::Outlives(const Framework& framework) const {
  return leaves_ && framework.info.checkpoint();
}

// Ends what does not outlive the agent, and then the agent. During recovery it returns at once, and
// is called again when it is known what there is.
void Agent::Impl::BeginEnd() {
  if (!recovered_) return;
  // The agent forgets its id first: if it is killed on its way, the next start is still that of a
  // new agent, not of one that has lost half of its records.
  if (!leaves_) checkpoint_.ForgetAgent();
  if (leaves_ || !TEPUI_PLANTED_FAULT("comes-back-after-unregistering")) registration_.Stop();

  Duration grace = Duration::zero();
  std::vector<Framework*> frameworks;
  for (const auto& [id, framework] : frameworks_) {
    if (Outlives(*framework)) continue;
    frameworks.push_back(framework.get());
    for (const auto& [executor_id, executor] : framework->executors) {
      grace = std::max(grace, ShutdownGrace(executor->info(), options_));
    }
  }
  end_timer_.Set(grace + kEndPatience, [this] { EndInVain(); });
  for (Framework* framework : frameworks) {
    if (!framework->terminating) ShutdownFramework(*framework);
  }
  ExitIfDone();
}

void Agent::Impl::EndInVain() {
  std::string left;
  for (const auto& [id, framework] : frameworks_) {
    if (Outlives(*framework)) continue;
    for (const auto& [executor_id, executor] : framework->executors) {
      left += fmt::format("{}{} of framework {} (container {})", left.empty() ? "" : ", ",
                          executor_id, id, executor->container());
    }
  }
  // On UNREGISTER the master would report these tasks as gone, although they still run.
  unregisters_ = false;
  ending_ = Fail(Code::kInternal,
                 "These executors did not end in time: {}. See what keeps their processes; the "
                 "agent's next start tries again to end them",
                 left);
  Finish();
}

void Agent::Impl::ExitIfDone() {
  if (!ending_ || !recovered_) return;
  const auto outlives = [this](const auto& framework) { return Outlives(*framework.second); };
  if (std::ranges::all_of(frameworks_, outlives)) Finish();
}

void Agent::Impl::Finish() {
  assert(ending_);
  if (std::exchange(finished_, true)) return;
  end_timer_.Cancel();
  if (!leaves_) operations_.Forget();
  checkpoint_.WhenSaved([this] {
    if (unregisters_) {
      // UNREGISTER comes last: on it the master reports to frameworks that their tasks are gone.
      link::Call call;
      call.set_type(link::Call::UNREGISTER);
      services_.links.Send(std::move(call));
      if (TEPUI_PLANTED_FAULT("comes-back-after-unregistering")) return;
    }
    Exit(*ending_);
  });
}

void Agent::Impl::Exit(const Status& status) {
  if (!std::exchange(exited_, true)) exit_(status);
}

void Agent::Impl::Bury(std::unique_ptr<Executor> executor, std::unique_ptr<Framework> framework) {
  if (executor) buried_executors_.push_back(std::move(executor));
  if (framework) buried_frameworks_.push_back(std::move(framework));
  if (burial_.pending()) return;
  burial_.Set(Duration::zero(), [this] {
    buried_executors_.clear();
    buried_frameworks_.clear();
  });
}

}  // namespace tepui::agent
