// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_kinds.h"
#include "sim/frameworks/framework_storage.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = Framework::Call;
using Capability = v1::FrameworkInfo::Capability;

constexpr Capability::Type kCapabilities[] = {Capability::MULTI_ROLE, Capability::PARTITION_AWARE,
                                              Capability::RESERVATION_REFINEMENT};

// How long a task may be unreachable before it is replaced.
constexpr Duration kPatience = 90s;
// A task that was killed and has not ended is killed again after this time.
constexpr Duration kKillRetry = 30s;

// Keeps a number of tasks running, some of them on volumes.
class Service final : public Framework {
 public:
  Service(std::string name, std::string role, SeededRandom random)
      : name_(std::move(name)),
        role_(std::move(role)),
        random_(std::move(random)),
        storage_(name_, SeededRandom(random_.Next())),
        wanted_(3 + random_.Below(4)) {}

  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info = MakeInfo(name_, false, kCapabilities);
    info.add_roles(role_);
    if (revision_ % 2 == 1) info.add_roles(role_ + "/extra");
    v1::Label& label = *info.mutable_labels()->add_labels();
    label.set_key("revision");
    label.set_value(std::to_string(revision_));
    return info;
  }

  std::vector<std::string> SuppressedRoles() const override {
    if (!suppressed_) return {};
    const v1::FrameworkInfo info = Info();
    return {info.roles().begin(), info.roles().end()};
  }

  void OnSubscribed(Tasks& tasks) override { Ask(tasks); }
  void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) override;
  void OnStatus(Tasks& tasks, const v1::TaskStatus& status) override;
  void OnTick(Tasks& tasks) override;

  void Calm(Tasks& tasks) override {
    calm_ = true;
    Ask(tasks);
  }

 private:
  struct Instance {
    std::optional<MonotonicTime> unreachable_since;
    std::optional<MonotonicTime> kill_at;  // Set when the task is to end.
  };

  size_t Running(MonotonicTime now) const;
  // Revives or suppresses offers, as needed.
  void Ask(Tasks& tasks);
  void Launch(Tasks& tasks, const v1::Offer& offer, OfferPool& pool, const OfferPool::List& volume,
              Call* call);
  void Use(Tasks& tasks, const v1::Offer& offer);
  void Kill(Tasks& tasks);
  void Update(Tasks& tasks);

  const std::string name_;
  const std::string role_;
  SeededRandom random_;
  Storage storage_;
  size_t wanted_;
  uint64_t revision_ = 0;
  bool calm_ = false;
  bool suppressed_ = false;
  bool works_on_storage_ = true;
  std::map<std::string, Instance> instances_;
};

size_t Service::Running(MonotonicTime now) const {
  return static_cast<size_t>(std::ranges::count_if(instances_, [&](const auto& entry) {
    const Instance& instance = entry.second;
    if (instance.kill_at) return false;
    return !instance.unreachable_since || now - *instance.unreachable_since < kPatience;
  }));
}

void Service::Ask(Tasks& tasks) {
  const bool needs = !calm_ && (works_on_storage_ || Running(tasks.clock().Now()) < wanted_);
  if (needs == !suppressed_) return;
  suppressed_ = !needs;
  tasks.Send(MakeCall(needs ? Call::REVIVE : Call::SUPPRESS));
}

void Service::OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) {
  for (const v1::Offer& offer : offers) {
    if (calm_) {
      tasks.Send(MakeDecline({offer}, 60));
    } else {
      Use(tasks, offer);
    }
  }
  Ask(tasks);
}

void Service::Use(Tasks& tasks, const v1::Offer& offer) {
  Call call = MakeAccept({offer}, 5);
  OfferPool pool(ResourceFormat::kPostReservationRefinement);
  pool.Add(offer);
  Storage::Plan plan;
  if (works_on_storage_ && Rarely(random_, 2)) plan = storage_.Use(offer, pool);
  for (Operation& operation : plan.operations)
    *call.mutable_accept()->add_operations() = std::move(operation);
  if (Running(tasks.clock().Now()) < wanted_) Launch(tasks, offer, pool, plan.volume, &call);
  if (call.accept().operations().empty()) call = MakeDecline({offer}, 10);
  tasks.Send(std::move(call));
}

void Service::Launch(Tasks& tasks, const v1::Offer& offer, OfferPool& pool,
                     const OfferPool::List& volume, Call* call) {
  OfferPool::List resources;
  if (!pool.Take(Amounts(0.5, 64), &resources)) return;
  if (Rarely(random_, 3)) pool.TakePort(&resources);
  for (const v1::Resource& resource : volume) *resources.Add() = resource;

  const std::string id = tasks.NextId();
  ContainerScript script;
  script.task = id;
  script.run = Rarely(random_, 3) ? Between(random_, 20s, 300s) : Duration::max();
  script.code = Rarely(random_, 2) ? 0 : 1;
  script.ignores_term = Rarely(random_, 5);
  if (Rarely(random_, 5)) script.start = Between(random_, 1s, 10s);
  v1::TaskInfo task = MakeTask(id, offer, std::move(resources));
  *task.mutable_command() = MakeCommand(script);
  AddChecks(random_, &task);
  if (Rarely(random_, 3)) {
    task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        Between(random_, 0s, 10s).count());
  }
  Operation& operation = *call->mutable_accept()->add_operations();
  operation.set_type(Operation::LAUNCH);
  *operation.mutable_launch()->add_task_infos() = std::move(task);
  instances_[id] = {};
}

void Service::OnStatus(Tasks& tasks, const v1::TaskStatus& status) {
  const std::string& id = status.task_id().value();
  if (HasEnded(status.state())) {
    instances_.erase(id);
  } else if (status.state() != v1::TASK_UNREACHABLE) {
    instances_[id].unreachable_since.reset();
  } else {
    instances_[id].unreachable_since = tasks.clock().Now();
  }
  Ask(tasks);
}

void Service::OnTick(Tasks& tasks) {
  const MonotonicTime now = tasks.clock().Now();
  for (auto& [id, instance] : instances_) {
    if (!instance.kill_at || now < *instance.kill_at) continue;
    instance.kill_at = now + kKillRetry;
    tasks.Send(MakeKill(id, Duration(-1)));
  }
  if (Running(now) > wanted_) Kill(tasks);
  if (calm_) return;
  if (Rarely(random_, 4)) Kill(tasks);
  if (Rarely(random_, 20)) wanted_ = 2 + random_.Below(6);
  if (Rarely(random_, 10)) works_on_storage_ = !works_on_storage_;
  if (Rarely(random_, 30)) Update(tasks);
  Ask(tasks);
}

// Kills a running task, chosen at random.
void Service::Kill(Tasks& tasks) {
  std::vector<std::string> running;
  for (const auto& [id, instance] : instances_) {
    if (!instance.kill_at && !instance.unreachable_since) running.push_back(id);
  }
  if (running.empty()) return;
  const std::string& id = running[random_.Below(running.size())];
  instances_[id].kill_at = tasks.clock().Now() + kKillRetry;
  tasks.Send(MakeKill(id, Rarely(random_, 2) ? Duration(-1) : Between(random_, 0s, 15s)));
}

void Service::Update(Tasks& tasks) {
  ++revision_;
  Call call = MakeCall(Call::UPDATE_FRAMEWORK);
  *call.mutable_update_framework()->mutable_framework_info() = Info();
  for (std::string& role : SuppressedRoles())
    call.mutable_update_framework()->add_suppressed_roles(std::move(role));
  tasks.Send(std::move(call));
}

}  // namespace

std::unique_ptr<Framework> MakeService(const std::string& name, const std::string& role,
                                       SeededRandom random) {
  return std::make_unique<Service>(name, role, std::move(random));
}

}  // namespace tepui::sim
