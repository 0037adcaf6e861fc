// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <map>
#include <utility>

#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_kinds.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = Framework::Call;

constexpr uint64_t kMaxTasksPerAgent = 3;

// Uses all resources it is offered, as an early framework would: one role, no capabilities, all
// offers of an agent in one ACCEPT.
class Greedy final : public Framework {
 public:
  Greedy(std::string name, std::string role, SeededRandom random)
      : name_(std::move(name)), role_(std::move(role)), random_(std::move(random)) {}

  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info = MakeInfo(name_, false, {});
    info.set_role(role_);
    return info;
  }

  void OnSubscribed(Tasks&) override {}
  void OnStatus(Tasks&, const v1::TaskStatus&) override {}
  void OnTick(Tasks&) override {}

  void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) override {
    if (calm_) return tasks.Send(MakeDecline(offers, 60));
    std::map<std::string, std::vector<v1::Offer>> by_agent;
    for (const v1::Offer& offer : offers) by_agent[offer.agent_id().value()].push_back(offer);
    for (const auto& [agent, of_agent] : by_agent) Take(tasks, of_agent);
  }

  void Calm(Tasks& tasks) override {
    calm_ = true;
    tasks.Send(MakeCall(Call::SUPPRESS));
  }

 private:
  void Take(Tasks& tasks, const std::vector<v1::Offer>& offers);
  v1::CommandInfo Command(const std::string& task);

  const std::string name_;
  const std::string role_;
  SeededRandom random_;
  bool calm_ = false;
};

void Greedy::Take(Tasks& tasks, const std::vector<v1::Offer>& offers) {
  OfferPool pool(ResourceFormat::kPreReservationRefinement);
  for (const v1::Offer& offer : offers) pool.Add(offer);
  const Resources free = pool.left().NonRevocable().Filter(
      [](const Resource& resource) { return resource.disk() == nullptr; });
  const auto count = static_cast<int64_t>(1 + random_.Below(kMaxTasksPerAgent));
  const auto share = [&](const ResourceName& name) {
    return Amount::FromMilli(free.Scalar(name).milli() / count);
  };
  Quantities wanted;
  for (const ResourceName& name : {ResourceNames::Cpus(), ResourceNames::Mem()})
    wanted.Set(name, share(name));

  Call call = MakeAccept(offers, 0);
  Operation operation;
  operation.set_type(Operation::LAUNCH);
  for (int64_t i = 0; i < count; ++i) {
    OfferPool::List resources;
    // Remainders without cpus or mem are not enough to run a task.
    if (wanted.Get(ResourceNames::Cpus()) < Amount::FromMilli(10)) break;
    if (wanted.Get(ResourceNames::Mem()) < Amount::FromMilli(1000)) break;
    if (!pool.Take(wanted, &resources)) break;
    v1::TaskInfo& task = *operation.mutable_launch()->add_task_infos();
    const std::string id = tasks.NextId();
    task = MakeTask(id, offers.front(), std::move(resources));
    *task.mutable_command() = Command(id);
  }
  if (!operation.has_launch()) return tasks.Send(MakeDecline(offers, 5));
  *call.mutable_accept()->add_operations() = std::move(operation);
  tasks.Send(std::move(call));
}

v1::CommandInfo Greedy::Command(const std::string& task) {
  ContainerScript script;
  script.task = task;
  script.run = Between(random_, 10s, 120s);
  if (Rarely(random_, 10)) script.code = 1;
  if (Rarely(random_, 30)) script.end = ContainerScript::End::kOom;
  return MakeCommand(script);
}

}  // namespace

std::unique_ptr<Framework> MakeGreedy(const std::string& name, const std::string& role,
                                      SeededRandom random) {
  return std::make_unique<Greedy>(name, role, std::move(random));
}

}  // namespace tepui::sim
