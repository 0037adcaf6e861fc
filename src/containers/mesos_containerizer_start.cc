// How MesosContainerizer starts tasks and checks: the steps on worker threads.

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <utility>

#include "containers/container.h"
#include "containers/local_disk.h"
#include "containers/mesos_containerizer.h"

namespace tepui::containers {

void MesosContainerizer::PlanAndFetch(const std::shared_ptr<Plan>& plan) {
  auto fail = [&](Error error) {
    Post([this, id = plan->id(), error = std::move(error)]() mutable {
      OnNotStarted(id, std::move(error));
    });
  };
  Result<shim::Launch> launch = PlanTask(plan->spec, options_.capabilities);
  if (!launch) return fail(launch.error());
  plan->launch = std::move(*launch);
  plan->spec.environment.clear();
  plan->launch.status_file =
      fmt::format("{}/containers/{}.status", options_.runtime_dir, plan->id());
  Status made = MakeDirectory(plan->spec.sandbox, plan->launch.user);
  if (!made) {
    return fail({made.error().code, "The sandbox cannot be made: " + made.error().message});
  }
  if (plan->spec.command.uris_size() == 0) return Prepare(plan);
  fetching_.fetch(plan->id().value(), plan->spec.command, plan->spec.sandbox, plan->spec.user,
                  [this, plan, workers = workers_](Status fetched) {
                    // Submitted in any case: after the pool has stopped, there is no `this` to go
                    // on with.
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

void MesosContainerizer::Prepare(const std::shared_ptr<Plan>& plan) {
  Result<std::shared_ptr<ShimProcess>> shim = StartShim(plan);
  if (!shim) {
    Post([this, id = plan->id(), error = shim.error()]() mutable {
      OnNotStarted(id, std::move(error));
    });
    return;
  }
  // In this order, for the poster keeps it: the container has its shim before the first event of
  // it.
  Post([this, id = plan->id(), shim = *shim] { OnShim(id, shim); });
  ObserveShim(plan->id(), *shim);
}

Result<std::shared_ptr<ShimProcess>> MesosContainerizer::StartShim(
    const std::shared_ptr<Plan>& plan) {
  const ContainerId& id = plan->id();
  if (plan->cancelled) {
    return Fail(Code::kUnavailable, "Container {} was destroyed before it started", id);
  }
  Status prepared = isolation_->Prepare(id, plan->demand);
  if (!prepared) return Fail(prepared.error());
  isolation_->Isolate(id, plan->demand, &plan->launch);
  for (Alarm& alarm : isolation_->Watch(id)) {
    auto shared = std::make_shared<Alarm>(std::move(alarm));
    Result<Poller::Token> token =
        poller_->Add(shared->fd.get(), shared->events, [this, id, shared] {
          if (!shared->rang(shared->fd.get())) return true;
          Post([this, id] { OnAlarm(id); });
          return false;
        });
    if (token) plan->alarms.push_back(*token);
  }
  Result<std::shared_ptr<ShimProcess>> shim =
      ShimProcess::Start(*starter_, id.value(), plan->launch);
  if (shim) return shim;
  for (Poller::Token alarm : plan->alarms) poller_->Remove(alarm);
  Status cleaned = isolation_->Cleanup(id);
  if (!cleaned) spdlog::error("{}", cleaned.error().message);
  return shim;
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
  Result<shim::Launch> launch = Fail(Code::kNotFound, "Container '{}' is not running", id);
  if (container != nullptr && container->pid != 0 && !container->ended) {
    launch = PlanCheck(container->plan->launch, command);
  }
  if (!launch) {
    Post([error = launch.error(), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
    return;
  }
  auto check = std::make_shared<Check>();
  check->done = std::move(callback);
  check->launch = std::move(*launch);
  check->deadline = poller_->After(timeout, [this, check] {
    Post([check] {
      check->timed_out = true;
      check->Kill();
    });
  });
  container->checks.push_back(check);
  workers_->Submit([this, id, check] { StartCheck(id, check); });
}

void MesosContainerizer::StartCheck(const ContainerId& id, const std::shared_ptr<Check>& check) {
  Result<std::shared_ptr<ShimProcess>> shim =
      ShimProcess::Start(*starter_, id.value() + ".check", check->launch);
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
