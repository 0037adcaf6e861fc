// SPDX-License-Identifier: Apache-2.0
// How MesosContainerizer starts tasks and checks: the steps on worker threads.

#include <sys/epoll.h>

#include <utility>

#include "base/log.h"
#include "containers/mesos/container.h"
#include "containers/mesos/mesos_containerizer.h"
#include "containers/sandbox/local_disk.h"

namespace tepui::containers {

void MesosContainerizer::PlanAndFetch(const std::shared_ptr<Plan>& plan) {
  auto fail = [&](Error error) {
    Post([this, id = plan->id(), error = std::move(error)]() mutable {
      OnNotStarted(id, std::move(error));
    });
  };
  Result<shim::Launch> launch = PlanTask(plan->spec, options_.capabilities, *options_.users);
  if (!launch) return fail(launch.error());
  plan->launch = std::move(*launch);
  plan->planned = true;
  plan->spec.environment.clear();
  plan->launch.status_file = runtime_->StatusFile(plan->id());
  Status made = MakeSandbox(*plan);
  if (!made) {
    return fail({made.error().code, "The sandbox cannot be made: " + made.error().message});
  }
  if (plan->spec.command.uris_size() == 0) return Prepare(plan);
  fetching_.fetch(plan->id().value(), plan->spec.command, plan->spec.sandbox, plan->launch.user,
                  [this, plan, workers = workers_](Status fetched) {
                    // Always submit: after the pool has stopped, `this` no longer exists.
                    workers->Submit([this, plan, fetched = std::move(fetched)] {
                      if (fetched) return Prepare(plan);
                      Post([this, id = plan->id(), error = fetched.error()]() mutable {
                        OnNotStarted(id, std::move(error));
                      });
                    });
                  });
  // Destroy may have come before there was a fetch to cancel.
  if (plan->cancelled) fetching_.cancel(plan->id().value());
}

// The agent's core may have created the sandbox, but does not know the ids of users.
Status MesosContainerizer::MakeSandbox(const Plan& plan) {
  Status made = MakeDirectory(plan.spec.sandbox);
  return made && plan.launch.user ? GiveTo(plan.spec.sandbox, *plan.launch.user) : made;
}

void MesosContainerizer::Prepare(const std::shared_ptr<Plan>& plan) {
  Result<std::shared_ptr<ShimProcess>> shim = StartShim(plan);
  if (!shim) {
    Post([this, id = plan->id(), error = shim.error()]() mutable {
      OnNotStarted(id, std::move(error));
    });
    return;
  }
  // In this order, which the poster keeps: the container has its shim before the shim's first
  // event.
  Post([this, id = plan->id(), shim = *shim] { OnShim(id, shim); });
  ObserveShim(plan->id(), *shim);
}

Result<std::shared_ptr<ShimProcess>> MesosContainerizer::StartShim(
    const std::shared_ptr<Plan>& plan) {
  const ContainerId& id = plan->id();
  if (plan->cancelled) {
    return Fail(Code::kUnavailable, "Container {} was destroyed before it started", id);
  }
  Result<FileDescriptor> listener = runtime_->Create(id);
  if (!listener) return Fail(listener.error());
  Status prepared = isolation_->Prepare(id, plan->demand);
  if (!prepared) {
    (void)runtime_->Remove(id);
    return Fail(prepared.error());
  }
  isolation_->Isolate(id, plan->demand, &plan->launch);
  ArmAlarms(*plan);
  Result<std::shared_ptr<ShimProcess>> shim =
      ShimProcess::Start(*starter_, id.value(), plan->launch, *listener);
  if (shim) return shim;
  Disarm(*plan);
  Status cleaned = isolation_->Cleanup(id);
  if (!cleaned) spdlog::error("{}", cleaned.error().message);
  (void)runtime_->Remove(id);
  return shim;
}

void MesosContainerizer::ArmAlarms(Plan& plan) {
  for (Alarm& alarm : isolation_->Watch(plan.id())) {
    auto shared = std::make_shared<Alarm>(std::move(alarm));
    Result<Poller::Token> token =
        poller_->Add(shared->fd.get(), shared->events, [this, id = plan.id(), shared] {
          if (!shared->rang(shared->fd.get())) return true;
          FindLimitation(id, /*alarmed=*/true);
          return false;
        });
    if (token) plan.alarms.push_back(*token);
  }
}

void MesosContainerizer::Disarm(const Plan& plan) {
  for (Poller::Token alarm : plan.alarms) poller_->Remove(alarm);
}

void MesosContainerizer::ObserveShim(const ContainerId& id,
                                     const std::shared_ptr<ShimProcess>& shim) {
  shim->Observe(*poller_, {[this, id](const shim::Event& event) {
                             Post([this, id, event] { OnShimEvent(id, event); });
                           },
                           [this, id] { Post([this, id] { OnShimGone(id); }); }});
}

void MesosContainerizer::Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
                              ExecCallback callback) {
  Container* container = Find(id);
  if (container == nullptr || container->process.pid == 0 || container->ended) {
    Post([id, callback = std::move(callback)]() mutable {
      callback(Fail(Code::kNotFound, "Container '{}' is not running", id));
    });
    return;
  }
  auto check = std::make_shared<Check>();
  check->done = std::move(callback);
  check->command = std::move(command);
  check->deadline = poller_->After(timeout, [this, check] {
    Post([check] {
      check->timed_out = true;
      check->Kill();
    });
  });
  container->checks.push_back(check);
  workers_->Submit([this, id, plan = container->plan, check] { StartCheck(id, plan, check); });
}

// A check ends with the agent, so its shim cannot be attached to.
void MesosContainerizer::StartCheck(const ContainerId& id, const std::shared_ptr<Plan>& plan,
                                    const std::shared_ptr<Check>& check) {
  Result<std::shared_ptr<ShimProcess>> shim;
  Result<shim::Launch> launch = PlanOf(*plan);
  if (launch) launch = PlanCheck(*launch, check->command);
  if (launch) {
    check->launch = std::move(*launch);
    shim = ShimProcess::Start(*starter_, id.value() + ".check", check->launch, FileDescriptor());
  } else {
    shim = Fail(launch.error());
  }
  if (!shim) {
    Post([this, id, check, error = shim.error()] {
      check->failed = error;
      FinishCheck(id, check);
    });
    return;
  }
  Post([check, shim = *shim] {
    check->shim = shim;
    if (check->killed) shim->Kill();
  });
  (*shim)->Observe(*poller_,
                   {[this, check](const shim::Event& event) {
                      Post([this, check, event] { OnCheckEvent(*check, event); });
                    },
                    [this, id, check] { Post([this, id, check] { FinishCheck(id, check); }); }});
}

Result<shim::Launch> MesosContainerizer::PlanOf(const Plan& plan) {
  if (plan.planned) return plan.launch;
  Result<shim::Launch> launch = PlanTask(plan.spec, options_.capabilities, *options_.users);
  if (launch) isolation_->Isolate(plan.id(), plan.demand, &*launch);
  return launch;
}

void MesosContainerizer::OnCheckEvent(Check& check, const shim::Event& event) {
  if (event.type == shim::Event::kExited) check.status = event.status;
  if (event.type == shim::Event::kFailed) {
    check.failed = DescribeFailure(event, check.launch, std::nullopt);
  }
}

void MesosContainerizer::FinishCheck(const ContainerId& id, const std::shared_ptr<Check>& check) {
  poller_->Cancel(check->deadline);
  if (Container* container = Find(id)) std::erase(container->checks, check);
  if (check->failed) return check->done(Fail(*check->failed));
  if (!check->status && !check->timed_out) {
    return check->done(Fail(Code::kInternal, "The check's shim ended before the check"));
  }
  check->done(ExecResult{check->status.value_or(0), check->timed_out});
}

}  // namespace tepui::containers
