// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/launcher.h"

#include <signal.h>

#include <utility>

#include "base/log.h"
#include "containers/sandbox/local_disk.h"
#include "shim/start_ticks.h"

namespace tepui::containers {
namespace {

// The agent's core may have created the sandbox, but does not know the ids of users.
Status MakeSandbox(const LaunchPlan& plan) {
  const Status made = MakeDirectory(plan.spec.sandbox);
  return made && plan.launch.user ? GiveTo(plan.spec.sandbox, *plan.launch.user) : made;
}

// Kills the process group of a task whose shim is gone. Does nothing if the pid belongs to another
// process by now. If no process has the pid, the group can only be the task's, because the kernel
// never assigns a pid that is still a group's id.
void KillGroup(const Launched& process, const std::string& boot_id) {
  if (process.pid <= 0 || process.boot_id != boot_id) return;
  const uint64_t start_ticks = shim::StartTicks(process.pid);
  if (start_ticks == 0 || start_ticks == process.start_ticks) kill(-process.pid, SIGKILL);
}

// Returns whether the record is that of the process, or of whichever process the container had.
bool Ended(const ExitRecord& record, const Launched& process) {
  return process.pid == 0 ||
         (record.pid == process.pid && record.start_ticks == process.start_ticks);
}

}  // namespace

Termination ContainerEnd::ToTermination(std::string_view why_unknown) && {
  Termination termination;
  termination.status = status;
  if (limitation) {
    termination.reason = limitation->reason;
    termination.message = std::move(limitation->message);
    termination.limited = std::move(limitation->limited);
  } else if (!status) {
    termination.message = fmt::format("{}; how the task ended is unknown", why_unknown);
  }
  return termination;
}

Launcher::Launcher(Parts parts, Poller& poller, std::function<void(const ContainerId&)> on_alarm)
    : parts_(std::move(parts)), poller_(poller), on_alarm_(std::move(on_alarm)) {}

// Plans everything but what the isolators add; sets the context's user on the way.
Result<shim::Launch> Launcher::Draft(ContainerContext* context) {
  Result<std::optional<ContainerUser>> user = UserOf(context->spec, *parts_.users);
  if (!user) return Fail(user.error());
  context->user = std::move(*user);
  const Status checked = parts_.isolation->Check(*context);
  if (!checked) return Fail(checked.error());
  return PlanTask(*context);
}

Status Launcher::Plan(LaunchPlan& plan) {
  ContainerContext context = plan.Context();
  Result<shim::Launch> launch = Draft(&context);
  if (!launch) return Fail(launch.error());
  plan.user = std::move(context.user);
  plan.launch = std::move(*launch);
  plan.launch.status_file = parts_.runtime->StatusFile(plan.id());
  plan.planned = true;
  plan.spec.environment.clear();
  const Status made = MakeSandbox(plan);
  if (made) return {};
  return Fail(made.error().code, "The sandbox cannot be made: {}", made.error().message);
}

Result<std::shared_ptr<ShimProcess>> Launcher::Start(LaunchPlan& plan) {
  const ContainerId& id = plan.id();
  if (plan.cancelled) {
    return Fail(Code::kUnavailable, "Container {} was destroyed before it started", id);
  }
  Result<FileDescriptor> listener = parts_.runtime->Create(id);
  if (!listener) return Fail(listener.error());
  const Status prepared = parts_.isolation->Prepare(plan.Context(), &plan.launch);
  if (!prepared) {
    (void)parts_.runtime->Remove(id);
    return Fail(prepared.error());
  }
  ArmAlarms(plan);
  Result<std::shared_ptr<ShimProcess>> shim =
      ShimProcess::Start(*parts_.starter, id.value(), plan.launch, *listener);
  if (shim) return shim;
  Disarm(plan);
  CleanUpIsolators(id);
  (void)parts_.runtime->Remove(id);
  return shim;
}

void Launcher::Readopt(LaunchPlan& plan) {
  ContainerContext context = plan.Context();
  Result<shim::Launch> launch = Draft(&context);
  Status isolated = parts_.isolation->Recover(context);
  if (isolated) {
    ArmAlarms(plan);
    isolated = parts_.isolation->Update(plan.id(), plan.demand);
  }
  if (!isolated) {
    spdlog::warn("Container {} is not isolated as it should be: {}", plan.id(),
                 isolated.error().message);
  }
  if (!launch || !parts_.isolation->Isolate(context, &*launch)) return;
  plan.user = std::move(context.user);
  plan.launch = std::move(*launch);
  plan.planned = true;
  plan.spec.environment.clear();
}

// Plans a container again that could not be planned after the agent's restart.
Result<shim::Launch> Launcher::LaunchOf(const LaunchPlan& plan) {
  if (plan.planned) return plan.launch;
  ContainerContext context = plan.Context();
  Result<shim::Launch> launch = Draft(&context);
  if (!launch) return launch;
  const Status isolated = parts_.isolation->Isolate(context, &*launch);
  if (!isolated) return Fail(isolated.error());
  return launch;
}

Result<std::shared_ptr<ShimProcess>> Launcher::StartCheck(const LaunchPlan& plan,
                                                          const v1::CommandInfo& command,
                                                          shim::Launch* launch) {
  const Result<shim::Launch> task = LaunchOf(plan);
  if (!task) return Fail(task.error());
  Result<shim::Launch> check = PlanCheck(*task, command);
  if (!check) return Fail(check.error());
  *launch = std::move(*check);
  return ShimProcess::Start(*parts_.starter, plan.id().value() + ".check", *launch,
                            FileDescriptor());
}

void Launcher::ArmAlarms(LaunchPlan& plan) {
  for (Alarm& alarm : parts_.isolation->Watch(plan.id())) {
    auto shared = std::make_shared<Alarm>(std::move(alarm));
    const Result<Poller::Token> token =
        poller_.Add(shared->fd.get(), shared->events, [this, id = plan.id(), shared] {
          if (!shared->rang(shared->fd.get())) return true;
          on_alarm_(id);
          return false;
        });
    if (token) plan.alarms.push_back(*token);
  }
}

void Launcher::Disarm(const LaunchPlan& plan) {
  for (const Poller::Token alarm : plan.alarms) poller_.Remove(alarm);
}

void Launcher::CleanUpIsolators(const ContainerId& id) {
  const Status cleaned = parts_.isolation->Cleanup(id);
  if (!cleaned) spdlog::error("{}", cleaned.error().message);
}

ContainerEnd Launcher::CleanUp(const ContainerId& id, const Launched& process,
                               std::optional<int> status) {
  ContainerEnd end;
  end.status = status;
  if (!end.status) {
    const Result<ExitRecord> record = parts_.runtime->ReadStatus(id);
    if (record && Ended(*record, process)) {
      end.status = record->status;
    } else {
      KillGroup(process, parts_.boot_id);
    }
  }
  end.limitation = parts_.isolation->Limited(id, /*alarmed=*/false);
  CleanUpIsolators(id);
  return end;
}

}  // namespace tepui::containers
