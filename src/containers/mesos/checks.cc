// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/checks.h"

#include <optional>
#include <utility>

namespace tepui::containers {

// Belongs to the agent's thread, except `launch`.
struct Checks::Check {
  std::shared_ptr<const LaunchPlan> plan;
  v1::CommandInfo command;
  Containerizer::ExecCallback done;
  shim::Launch launch = {};  // Written before there is a shim; constant afterwards.
  std::shared_ptr<ShimProcess> shim = nullptr;
  std::optional<int> status = {};
  std::optional<Error> failed = {};
  bool killed = false;  // May be set before there is a shim.
  bool timed_out = false;
  TimerId deadline = 0;

  void Kill() {
    killed = true;
    if (shim != nullptr) shim->Kill();
  }
};

void Checks::Run(std::shared_ptr<const LaunchPlan> plan, v1::CommandInfo command, Duration timeout,
                 Containerizer::ExecCallback callback) {
  const ContainerId id = plan->id();
  auto check = std::make_shared<Check>(
      Check{.plan = std::move(plan), .command = std::move(command), .done = std::move(callback)});
  check->deadline = poller_.After(timeout, [this, check] {
    mailbox_.Post([check] {
      check->timed_out = true;
      check->Kill();
    });
  });
  running_.emplace(id, check);
  workers_.Submit([this, check] { Start(check); });
}

void Checks::Kill(const ContainerId& id) {
  const auto [first, last] = running_.equal_range(id);
  for (auto running = first; running != last; ++running) running->second->Kill();
}

void Checks::Start(const CheckPtr& check) {
  const Result<std::shared_ptr<ShimProcess>> shim =
      launcher_.StartCheck(*check->plan, check->command, &check->launch);
  if (!shim) {
    mailbox_.Post([this, check, error = shim.error()] {
      check->failed = error;
      Finish(check);
    });
    return;
  }
  mailbox_.Post([check, shim = *shim] {
    check->shim = shim;
    if (check->killed) shim->Kill();
  });
  (*shim)->Observe(poller_, {[this, check](const shim::Event& event) {
                               mailbox_.Post([this, check, event] { OnEvent(*check, event); });
                             },
                             [this, check] { mailbox_.Post([this, check] { Finish(check); }); }});
}

void Checks::OnEvent(Check& check, const shim::Event& event) {
  if (event.type == shim::Event::kExited) check.status = event.status;
  if (event.type == shim::Event::kFailed) {
    check.failed = DescribeFailure(event, check.launch, std::nullopt);
  }
}

void Checks::Finish(const CheckPtr& check) {
  poller_.Cancel(check->deadline);
  const auto [first, last] = running_.equal_range(check->plan->id());
  for (auto running = first; running != last; ++running) {
    if (running->second != check) continue;
    running_.erase(running);
    break;
  }
  if (check->failed) return check->done(Fail(*check->failed));
  if (!check->status && !check->timed_out) {
    return check->done(Fail(Code::kInternal, "The check's shim ended before the check"));
  }
  check->done(ExecResult{check->status.value_or(0), check->timed_out});
}

}  // namespace tepui::containers
