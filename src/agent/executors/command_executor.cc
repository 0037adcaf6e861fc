// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/command_executor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cassert>
#include <utility>

#include "agent/executors/environment.h"
#include "agent/executors/sandbox.h"
#include "agent/services/statuses.h"
#include "model/capabilities.h"

namespace tepui::agent {

namespace {

std::string Shortened(const std::string& text) {
  return text.size() > 15 ? text.substr(0, 12) + "..." : text;
}

std::string DescribeCommand(const v1::CommandInfo& command) {
  if (!command.has_value()) return command.shell() ? "NO COMMAND" : "NO EXECUTABLE";
  if (command.shell()) return fmt::format("sh -c '{}'", Shortened(command.value()));
  return fmt::format("[{}]", Shortened(fmt::format("{}, {}", command.value(),
                                                   fmt::join(command.arguments(), ", "))));
}

}  // namespace

v1::ExecutorInfo MakeCommandExecutorInfo(const v1::TaskInfo& task, const FrameworkId& framework) {
  v1::ExecutorInfo info;
  info.mutable_executor_id()->set_value(task.task_id().value());
  info.mutable_framework_id()->set_value(framework.value());
  info.set_name(fmt::format("Command Executor (Task: {}) (Command: {})", task.task_id().value(),
                            DescribeCommand(task.command())));
  info.set_source(task.task_id().value());
  *info.mutable_command() = task.command();
  if (task.has_container()) *info.mutable_container() = task.container();
  if (task.has_labels()) *info.mutable_labels() = task.labels();
  if (task.has_discovery()) *info.mutable_discovery() = task.discovery();
  if (task.kill_policy().has_grace_period()) {
    *info.mutable_shutdown_grace_period() = task.kill_policy().grace_period();
  }
  return info;
}

CommandExecutor::CommandExecutor(const Services& services, ExecutorHost& host, Executor& executor,
                                 AgentId agent)
    : services_(services), host_(host), executor_(executor), agent_(std::move(agent)) {}

Status CommandExecutor::MakeTask(const v1::TaskInfo& task) {
  const Framework& framework = executor_.framework();
  ContainedTask::Setup setup;
  setup.executor = executor_.id();
  setup.launch = MakeTaskLaunch(task, executor_, executor_.container(), executor_.directory(),
                                executor_.user());
  setup.reports_killing =
      model::HasCapability(framework.info, v1::FrameworkInfo::Capability::TASK_KILLING_STATE);
  setup.command_task = true;

  Status prepared =
      LinkVolumes(services_, task.resources(), executor_.directory(), executor_.user());
  auto environment = MakeCommandTaskEnvironment({.framework = framework.id,
                                                 .executor = executor_.info(),
                                                 .agent = agent_,
                                                 .sandbox = executor_.directory(),
                                                 .checkpoint = framework.info.checkpoint(),
                                                 .token = ""},
                                                task, services_.options);
  if (environment) {
    setup.launch.environment = std::move(*environment);
  } else if (prepared) {
    prepared = Fail(environment.error());
  }
  setup.task = task;
  task_ = std::make_unique<ContainedTask>(services_, std::move(setup), *this);
  return prepared;
}

void CommandExecutor::Start() {
  const auto delivery = executor_.LaunchNext();
  assert(delivery && delivery->tasks.size() == 1);
  const Status prepared = MakeTask(delivery->tasks.front());
  if (prepared) {
    task_->Launch();
  } else {
    task_->FailLaunch(prepared.error());
  }
}

void CommandExecutor::Restore(const Saved::Executor& saved,
                              std::vector<containers::RecoverSpec>& claims) {
  if (executor_.launched().empty()) return;
  const Saved::Task& task = saved.tasks.front();
  // An error is ignored: a volume that cannot be linked again is linked already.
  (void)MakeTask(task.record.info());
  const v1::TaskStatus last =
      task.statuses.empty() ? v1::TaskStatus() : task.statuses.back().status;
  if (last.state() == v1::TASK_RUNNING) executor_.set_state(Executor::State::kRunning);
  task_->Restore(task.record, last);
  claims.push_back(task_->Claim());
}

void CommandExecutor::Resume(const Endings& endings) {
  // The end of the task was saved, but not the end of its executor.
  if (executor_.launched().empty()) return host_.OnExecutorEnded(executor_, {});
  task_->Resume(endings);
}

void CommandExecutor::Kill(const TaskId&, const std::optional<v1::KillPolicy>& policy) {
  assert(task_ != nullptr);
  task_->Kill(policy);
}

void CommandExecutor::Shutdown(Duration grace) {
  assert(task_ != nullptr);
  task_->KillWithin(grace);
}

void CommandExecutor::OnTaskChanged(ContainedTask& task) {
  executor_.SaveTask(services_.checkpoint, task.info(), task.Record());
}

void CommandExecutor::OnTaskStatus(ContainedTask&, v1::TaskStatus status) {
  if (status.state() == v1::TASK_RUNNING && executor_.active()) {
    executor_.set_state(Executor::State::kRunning);
  }
  host_.OnTaskStatus(executor_, std::move(status));
}

void CommandExecutor::OnTaskGone(ContainedTask&, std::optional<int> status) {
  ExecutorEnd end;
  end.status = status;
  end.launch_failed = !status && executor_.state() == Executor::State::kRegistering;
  host_.OnExecutorEnded(executor_, end);
}

}  // namespace tepui::agent
