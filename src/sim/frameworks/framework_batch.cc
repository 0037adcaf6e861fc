// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_kinds.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = Framework::Call;
using Capability = v1::FrameworkInfo::Capability;

constexpr Capability::Type kCapabilities[] = {Capability::MULTI_ROLE, Capability::PARTITION_AWARE,
                                              Capability::RESERVATION_REFINEMENT,
                                              Capability::TASK_KILLING_STATE};

constexpr size_t kMaxRunning = 20;
// A task that has not ended by then is killed, and killed again after kKillRetry.
constexpr Duration kPatience = 4min;
constexpr Duration kKillRetry = 30s;

const std::string& RoleOf(const v1::ExecutorInfo& executor) {
  return executor.resources(0).allocation_info().role();
}
const std::string& RoleOf(const v1::Offer& offer) { return offer.allocation_info().role(); }

// Runs batches of finite tasks of all kinds in two roles.
class Batch final : public Framework {
 public:
  Batch(std::string name, const std::string& role, SeededRandom random)
      : name_(std::move(name)),
        role_(role),
        job_role_(role + "/jobs"),
        random_(std::move(random)),
        target_(NextTarget()) {}

  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info = MakeInfo(name_, true, kCapabilities);
    info.add_roles(role_);
    info.add_roles(job_role_);
    return info;
  }

  std::vector<std::string> SuppressedRoles() const override {
    if (calm_ || rests_) return {role_, job_role_};
    if (jobs_suppressed_) return {job_role_};
    return {};
  }

  void OnSubscribed(Tasks&) override {}
  void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) override;
  void OnStatus(Tasks& tasks, const v1::TaskStatus& status) override;
  void OnTick(Tasks& tasks) override;

  void Calm(Tasks& tasks) override {
    calm_ = true;
    tasks.Send(MakeCall(Call::SUPPRESS));
  }

 private:
  struct Job {
    MonotonicTime kill_at;
    bool unreachable = false;
  };

  size_t NextTarget() { return 10 + random_.Below(20); }
  size_t Running() const;
  void Use(Tasks& tasks, const v1::Offer& offer);
  // Each adds an operation to the ACCEPT if the pool has enough resources.
  bool AddCommands(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call);
  bool AddGroup(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call);
  bool AddCustom(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call);

  ContainerScript Script(const std::string& task);
  std::optional<v1::TaskInfo> Task(Tasks& tasks, const v1::Offer& offer, OfferPool& pool,
                                   ContainerScript* script);
  void OnBatchDone(Tasks& tasks);
  void TalkToExecutor(Tasks& tasks);

  const std::string name_;
  const std::string role_;
  const std::string job_role_;
  SeededRandom random_;
  bool calm_ = false;
  bool rests_ = false;
  MonotonicTime rests_until_{};
  bool jobs_suppressed_ = false;
  size_t target_;
  size_t finished_ = 0;
  std::map<std::string, Job> jobs_;
  std::map<std::string, v1::ExecutorInfo> executors_;  // The last custom executor of each agent.
};

size_t Batch::Running() const {
  return static_cast<size_t>(
      std::ranges::count_if(jobs_, [](const auto& job) { return !job.second.unreachable; }));
}

void Batch::OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) {
  for (const v1::Offer& offer : offers) {
    if (calm_ || rests_ || Running() >= kMaxRunning) {
      tasks.Send(MakeDecline({offer}, 30));
    } else if (Rarely(random_, 6)) {
      const double filters[] = {0, 0.5, 5, 20};
      tasks.Send(MakeDecline({offer}, filters[random_.Below(std::size(filters))]));
    } else {
      Use(tasks, offer);
    }
  }
}

void Batch::Use(Tasks& tasks, const v1::Offer& offer) {
  OfferPool pool(ResourceFormat::kPostReservationRefinement);
  pool.Add(offer);
  Call call = MakeAccept({offer}, static_cast<double>(random_.Below(10)));
  bool any = false;
  for (uint64_t left = 1 + random_.Below(3); left > 0; --left) {
    switch (random_.Below(5)) {
      case 0:
        any |= AddGroup(tasks, offer, pool, &call);
        break;
      case 1:
        any |= AddCustom(tasks, offer, pool, &call);
        break;
      default:
        any |= AddCommands(tasks, offer, pool, &call);
    }
  }
  tasks.Send(any ? std::move(call) : MakeDecline({offer}, 5));
}

ContainerScript Batch::Script(const std::string& task) {
  ContainerScript script;
  script.task = task;
  script.run = Between(random_, 1s, 60s);
  if (Rarely(random_, 8)) script.start = Between(random_, 500ms, 40s);
  if (Rarely(random_, 8)) script.ignores_term = true;
  switch (random_.Below(20)) {
    case 0:
      script.start_fails = true;
      break;
    case 1:
      script.start_hangs = true;
      break;
    case 2:
      script.run = Duration::max();
      break;
    case 3:
      script.end = ContainerScript::End::kOom;
      break;
    case 4:
      script.end = ContainerScript::End::kSignal;
      script.code = Rarely(random_, 2) ? 9 : 11;
      break;
    case 5:
    case 6:
      script.code = static_cast<int>(1 + random_.Below(255));
      break;
    default:
      break;
  }
  return script;
}

std::optional<v1::TaskInfo> Batch::Task(Tasks& tasks, const v1::Offer& offer, OfferPool& pool,
                                        ContainerScript* script) {
  const double cpus = static_cast<double>(1 + random_.Below(10)) / 10;
  const double mem = static_cast<double>(32 * (1 + random_.Below(4)));
  const double disk = Rarely(random_, 3) ? 16 : 0;
  OfferPool::List resources;
  if (!pool.Take(Amounts(cpus, mem, disk), &resources)) return std::nullopt;
  const std::string id = tasks.NextId();
  *script = Script(id);
  v1::TaskInfo task = MakeTask(id, offer, std::move(resources));
  if (Rarely(random_, 4)) {
    task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        Between(random_, 0s, 20s).count());
  }
  if (Rarely(random_, 8)) {
    task.mutable_max_completion_time()->set_nanoseconds(Between(random_, 5s, 50s).count());
  }
  const bool endless = script->run == Duration::max();
  const Duration patience = endless ? Between(random_, 5s, 60s) : kPatience;
  jobs_[id] = {.kill_at = tasks.clock().Now() + patience};
  return task;
}

bool Batch::AddCommands(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call) {
  Operation operation;
  operation.set_type(Operation::LAUNCH);
  for (uint64_t left = 1 + random_.Below(3); left > 0; --left) {
    ContainerScript script;
    std::optional<v1::TaskInfo> task = Task(tasks, offer, pool, &script);
    if (!task) break;
    *task->mutable_command() = MakeCommand(script);
    AddChecks(random_, &*task);
    *operation.mutable_launch()->add_task_infos() = std::move(*task);
  }
  if (!operation.has_launch()) return false;
  *call->mutable_accept()->add_operations() = std::move(operation);
  return true;
}

bool Batch::AddGroup(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call) {
  Operation operation;
  operation.set_type(Operation::LAUNCH_GROUP);
  v1::ExecutorInfo& executor = *operation.mutable_launch_group()->mutable_executor();
  executor.set_type(v1::ExecutorInfo::DEFAULT);
  if (!pool.Take(Amounts(0.1, 32, 16), executor.mutable_resources())) return false;
  auto& group = *operation.mutable_launch_group()->mutable_task_group();
  for (uint64_t left = 1 + random_.Below(3); left > 0; --left) {
    ContainerScript script;
    std::optional<v1::TaskInfo> task = Task(tasks, offer, pool, &script);
    if (!task) break;
    *task->mutable_command() = MakeCommand(script);
    AddChecks(random_, &*task);
    *group.add_tasks() = std::move(*task);
  }
  if (group.tasks().empty()) return false;
  executor.mutable_executor_id()->set_value(group.tasks(0).task_id().value() + "-group");
  *call->mutable_accept()->add_operations() = std::move(operation);
  return true;
}

// Launches tasks of a custom executor: a new one, or the last one of that agent if it still runs.
bool Batch::AddCustom(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, Call* call) {
  const std::string& agent = offer.agent_id().value();
  const auto last = executors_.find(agent);
  const bool again =
      last != executors_.end() && RoleOf(last->second) == RoleOf(offer) && Rarely(random_, 2);
  v1::ExecutorInfo executor = again ? last->second : v1::ExecutorInfo();
  if (!again) {
    executor.set_type(v1::ExecutorInfo::CUSTOM);
    if (!pool.Take(Amounts(0.1, 32), executor.mutable_resources())) return false;
  }
  Operation operation;
  operation.set_type(Operation::LAUNCH);
  for (uint64_t left = 1 + random_.Below(2); left > 0; --left) {
    ContainerScript script;
    std::optional<v1::TaskInfo> task = Task(tasks, offer, pool, &script);
    if (!task) break;
    if (!executor.has_executor_id()) {
      const std::string id = task->task_id().value() + "-executor";
      ContainerScript command;
      command.executor = id;
      command.run = Duration::max();
      executor.mutable_executor_id()->set_value(id);
      *executor.mutable_command() = MakeCommand(command);
    }
    task->set_data(script.ToString());
    *task->mutable_executor() = executor;
    *operation.mutable_launch()->add_task_infos() = std::move(*task);
  }
  if (!operation.has_launch()) return false;
  executors_[agent] = std::move(executor);
  *call->mutable_accept()->add_operations() = std::move(operation);
  return true;
}

void Batch::OnStatus(Tasks& tasks, const v1::TaskStatus& status) {
  const std::string& id = status.task_id().value();
  if (!HasEnded(status.state())) {
    // A task that was considered ended and came back is no longer wanted.
    const auto [job, back] = jobs_.try_emplace(id, Job{.kill_at = tasks.clock().Now()});
    job->second.unreachable = status.state() == v1::TASK_UNREACHABLE;
    return;
  }
  jobs_.erase(id);
  if (status.state() == v1::TASK_FINISHED && ++finished_ >= target_) OnBatchDone(tasks);
}

void Batch::OnBatchDone(Tasks& tasks) {
  finished_ = 0;
  target_ = NextTarget();
  if (Rarely(random_, 3)) {
    jobs_.clear();
    executors_.clear();
    tasks.Send(MakeCall(Call::TEARDOWN));
    return;
  }
  rests_ = true;
  rests_until_ = tasks.clock().Now() + Between(random_, 30s, 120s);
  tasks.Send(MakeCall(Call::SUPPRESS));
}

void Batch::OnTick(Tasks& tasks) {
  const MonotonicTime now = tasks.clock().Now();
  for (auto& [id, job] : jobs_) {
    if (now < job.kill_at) continue;
    job.kill_at = now + kKillRetry;
    tasks.Send(MakeKill(id, Rarely(random_, 2) ? Duration(-1) : Between(random_, 0s, 10s)));
  }
  if (calm_) return;
  if (rests_ && now >= rests_until_) {
    rests_ = false;
    jobs_suppressed_ = false;
    tasks.Send(MakeCall(Call::REVIVE));
  } else if (!rests_ && Rarely(random_, 20)) {
    jobs_suppressed_ = !jobs_suppressed_;
    Call call = MakeCall(jobs_suppressed_ ? Call::SUPPRESS : Call::REVIVE);
    if (jobs_suppressed_) {
      call.mutable_suppress()->add_roles(job_role_);
    } else {
      call.mutable_revive()->add_roles(job_role_);
    }
    tasks.Send(std::move(call));
  }
  if (Rarely(random_, 20)) TalkToExecutor(tasks);
}

void Batch::TalkToExecutor(Tasks& tasks) {
  if (executors_.empty()) return;
  auto chosen = executors_.begin();
  std::advance(chosen, static_cast<int64_t>(random_.Below(executors_.size())));
  const auto& [agent, executor] = *chosen;
  if (Rarely(random_, 3)) {
    Call call = MakeCall(Call::SHUTDOWN);
    *call.mutable_shutdown()->mutable_executor_id() = executor.executor_id();
    call.mutable_shutdown()->mutable_agent_id()->set_value(agent);
    tasks.Send(std::move(call));
    executors_.erase(chosen);
    return;
  }
  Call call = MakeCall(Call::MESSAGE);
  *call.mutable_message()->mutable_executor_id() = executor.executor_id();
  call.mutable_message()->mutable_agent_id()->set_value(agent);
  call.mutable_message()->set_data("how is it going?");
  tasks.Send(std::move(call));
}

}  // namespace

std::unique_ptr<Framework> MakeBatch(const std::string& name, const std::string& role,
                                     SeededRandom random) {
  return std::make_unique<Batch>(name, role, std::move(random));
}

}  // namespace tepui::sim
