// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_kinds.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = Framework::Call;
using Capability = v1::FrameworkInfo::Capability;

constexpr Capability::Type kCapabilities[] = {Capability::MULTI_ROLE, Capability::PARTITION_AWARE,
                                              Capability::RESERVATION_REFINEMENT};

// "<master>-O12" -> "<master>-O<12 + by>": most likely an offer of another framework.
std::string Neighbour(const std::string& offer_id, int64_t by) {
  const size_t digits = offer_id.find_last_not_of("0123456789") + 1;
  int64_t number = 0;
  std::from_chars(offer_id.data() + digits, offer_id.data() + offer_id.size(), number);
  return offer_id.substr(0, digits) + std::to_string(number + by);
}

v1::Resource Scalar(const std::string& name, double value) {
  v1::Resource resource;
  resource.set_name(name);
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(value);
  return resource;
}

// Sends calls that are wrong in every way, and a correct one now and then.
class Nonsense final : public Framework {
 public:
  Nonsense(std::string name, std::string role, SeededRandom random)
      : name_(std::move(name)), role_(std::move(role)), random_(std::move(random)) {}

  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info = MakeInfo(name_, true, kCapabilities);
    info.add_roles(role_);
    return info;
  }

  void OnSubscribed(Tasks&) override {}
  void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) override {
    if (calm_) return tasks.Send(MakeDecline(offers, 60));
    for (const v1::Offer& offer : offers) Answer(tasks, offer);
  }
  void OnStatus(Tasks&, const v1::TaskStatus& status) override { last_status_ = status; }
  void OnTick(Tasks& tasks) override {
    if (!calm_) Babble(tasks);
  }
  void Calm(Tasks& tasks) override {
    calm_ = true;
    tasks.Send(MakeCall(Call::SUPPRESS));
  }
  bool well_behaved() const override { return false; }

 private:
  // A task that needs a hundredth of a cpu and lacks only a command.
  v1::TaskInfo SmallTask(Tasks& tasks, const v1::Offer& offer);
  static void Launch(v1::TaskInfo task, Call* call);

  void Answer(Tasks& tasks, const v1::Offer& offer);
  void AnswerWithOffers(Tasks& tasks, const v1::Offer& offer);
  Call WrongLaunch(Tasks& tasks, const v1::Offer& offer);
  Call WrongGroup(Tasks& tasks, const v1::Offer& offer);
  Call WrongOperation(const v1::Offer& offer);

  void Babble(Tasks& tasks);
  Call AboutTasks(Tasks& tasks);
  Call AboutItself();
  Call HalfEmpty();
  std::string AnyTask();
  std::string AnyAgent();

  const std::string name_;
  const std::string role_;
  SeededRandom random_;
  bool calm_ = false;
  v1::Offer last_offer_;
  v1::TaskStatus last_status_;
};

v1::TaskInfo Nonsense::SmallTask(Tasks& tasks, const v1::Offer& offer) {
  OfferPool pool(ResourceFormat::kPostReservationRefinement);
  pool.Add(offer);
  OfferPool::List resources;
  pool.Take(Amounts(0.01, 1), &resources);
  v1::TaskInfo task = MakeTask(tasks.NextId(), offer, std::move(resources));
  ContainerScript script;
  script.task = task.task_id().value();
  script.run = Between(random_, 1s, 20s);
  *task.mutable_command() = MakeCommand(script);
  return task;
}

void Nonsense::Launch(v1::TaskInfo task, Call* call) {
  Operation& operation = *call->mutable_accept()->add_operations();
  operation.set_type(Operation::LAUNCH);
  *operation.mutable_launch()->add_task_infos() = std::move(task);
}

void Nonsense::Answer(Tasks& tasks, const v1::Offer& offer) {
  const bool has_room = !SmallTask(tasks, offer).resources().empty();
  switch (has_room ? random_.Below(10) : 9) {
    case 0:
      tasks.Send(WrongLaunch(tasks, offer));
      break;
    case 1:
      tasks.Send(WrongGroup(tasks, offer));
      break;
    case 2:
      tasks.Send(WrongOperation(offer));
      break;
    case 3:
      AnswerWithOffers(tasks, offer);
      break;
    default:
      tasks.Send(MakeDecline({offer}, Rarely(random_, 2) ? -5 : 10));
  }
  // Some offers are answered twice, the second time when they are gone.
  if (Rarely(random_, 4)) tasks.Send(MakeDecline({offer, offer}, 1));
  last_offer_ = offer;
}

// Makes an ACCEPT whose offers are nonsense.
void Nonsense::AnswerWithOffers(Tasks& tasks, const v1::Offer& offer) {
  Call call = MakeAccept({offer}, std::numeric_limits<double>::quiet_NaN());
  Launch(SmallTask(tasks, offer), &call);
  auto& ids = *call.mutable_accept()->mutable_offer_ids();
  switch (random_.Below(5)) {
    case 0:
      ids.Add()->set_value(Neighbour(offer.id().value(), Rarely(random_, 2) ? 1 : -1));
      break;
    case 1:
      *ids.Add() = offer.id();
      break;
    case 2:
      *ids.Add() = last_offer_.id();
      break;
    case 3:
      ids.Add()->set_value("");
      break;
    default:
      ids.Clear();
  }
  tasks.Send(std::move(call));
}

Call Nonsense::WrongLaunch(Tasks& tasks, const v1::Offer& offer) {
  Call call = MakeAccept({offer}, 5);
  v1::TaskInfo task = SmallTask(tasks, offer);
  switch (random_.Below(10)) {
    case 0:  // Too many resources.
      task.mutable_resources(0)->mutable_scalar()->set_value(1e6);
      break;
    case 1:  // A negative amount.
      task.mutable_resources(0)->mutable_scalar()->set_value(-1);
      break;
    case 2:
      task.clear_resources();
      break;
    case 3:
      task.clear_command();
      break;
    case 4:  // The same task twice.
      Launch(task, &call);
      break;
    case 5:
      task.mutable_task_id()->set_value("../" + name_);
      break;
    case 6:
      task.mutable_agent_id()->set_value("nowhere");
      break;
    case 7:  // Reserved to another role.
      task.mutable_resources(0)->add_reservations()->set_role("nobody");
      task.mutable_resources(0)->mutable_reservations(0)->set_type(
          v1::Resource::ReservationInfo::DYNAMIC);
      break;
    case 8:
      task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(-1);
      break;
    default:  // A correct task.
      break;
  }
  Launch(std::move(task), &call);
  return call;
}

Call Nonsense::WrongGroup(Tasks& tasks, const v1::Offer& offer) {
  Call call = MakeAccept({offer}, 5);
  Operation& operation = *call.mutable_accept()->add_operations();
  operation.set_type(Operation::LAUNCH_GROUP);
  v1::ExecutorInfo& executor = *operation.mutable_launch_group()->mutable_executor();
  executor.mutable_executor_id()->set_value(name_ + "-group");
  executor.set_type(v1::ExecutorInfo::DEFAULT);
  auto& group = *operation.mutable_launch_group()->mutable_task_group();
  switch (random_.Below(4)) {
    case 0:  // A group without tasks.
      break;
    case 1:  // An executor without resources.
      *group.add_tasks() = SmallTask(tasks, offer);
      break;
    case 2: {  // One wrong task in a group.
      OfferPool pool(ResourceFormat::kPostReservationRefinement);
      pool.Add(offer);
      pool.Take(Amounts(0.1, 32, 16), executor.mutable_resources());
      *group.add_tasks() = SmallTask(tasks, offer);
      *group.add_tasks() = SmallTask(tasks, offer);
      group.mutable_tasks(1)->clear_resources();
      break;
    }
    default:  // Two tasks with the same id.
      *group.add_tasks() = SmallTask(tasks, offer);
      *group.add_tasks() = group.tasks(0);
  }
  return call;
}

Call Nonsense::WrongOperation(const v1::Offer& offer) {
  Call call = MakeAccept({offer}, 5);
  Operation& operation = *call.mutable_accept()->add_operations();
  operation.mutable_id()->set_value(name_ + "-o");  // The same id each time.
  v1::Resource resource = Scalar("disk", 16);
  resource.mutable_allocation_info()->set_role(role_);
  switch (random_.Below(6)) {
    case 0:
      operation.set_type(Operation::RESERVE);
      *operation.mutable_reserve()->add_resources() = resource;
      break;
    case 1:
      operation.set_type(Operation::UNRESERVE);
      *operation.mutable_unreserve()->add_resources() = resource;
      break;
    case 2:
      operation.set_type(Operation::CREATE);
      resource.mutable_disk()->mutable_persistence()->set_id("");
      *operation.mutable_create()->add_volumes() = resource;
      break;
    case 3:
      operation.set_type(Operation::DESTROY);
      resource.mutable_disk()->mutable_persistence()->set_id("nothing");
      *operation.mutable_destroy()->add_volumes() = resource;
      break;
    case 4:
      operation.set_type(Operation::CREATE_DISK);
      break;
    default:  // An operation without a type.
      break;
  }
  return call;
}

void Nonsense::Babble(Tasks& tasks) {
  switch (random_.Below(3)) {
    case 0:
      return tasks.Send(AboutTasks(tasks));
    case 1:
      return tasks.Send(AboutItself());
    default:
      return tasks.Send(HalfEmpty());
  }
}

// The id of one of its own tasks, or one that looks like another framework's.
std::string Nonsense::AnyTask() {
  if (last_status_.has_task_id() && Rarely(random_, 3)) return last_status_.task_id().value();
  return fmt::format("framework-{}-t{}", random_.Below(5), 1 + random_.Below(50));
}

std::string Nonsense::AnyAgent() {
  return last_offer_.has_agent_id() ? last_offer_.agent_id().value() : "nowhere";
}

Call Nonsense::AboutTasks(Tasks& tasks) {
  switch (random_.Below(7)) {
    case 0:
      return MakeKill(AnyTask(), -5s);
    case 1: {
      Call call = MakeKill(AnyTask(), 0s);
      call.mutable_kill()->mutable_agent_id()->set_value("nowhere");
      return call;
    }
    case 2: {
      Call call = MakeCall(Call::ACKNOWLEDGE);
      call.mutable_acknowledge()->mutable_task_id()->set_value(AnyTask());
      call.mutable_acknowledge()->mutable_agent_id()->set_value(AnyAgent());
      call.mutable_acknowledge()->set_uuid(Rarely(random_, 2) ? random_.UuidBytes() : "short");
      return call;
    }
    case 3: {
      Call call = MakeCall(Call::RECONCILE);
      for (int i = 0; i < 3; ++i)
        call.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value(AnyTask());
      call.mutable_reconcile()->mutable_tasks(0)->mutable_agent_id()->set_value("nowhere");
      return call;
    }
    case 4: {
      Call call = MakeCall(Call::ACKNOWLEDGE_OPERATION_STATUS);
      call.mutable_acknowledge_operation_status()->mutable_operation_id()->set_value(name_ + "-o");
      call.mutable_acknowledge_operation_status()->mutable_agent_id()->set_value(AnyAgent());
      call.mutable_acknowledge_operation_status()->set_uuid(random_.UuidBytes());
      return call;
    }
    case 5: {
      Call call = MakeCall(Call::SHUTDOWN);
      call.mutable_shutdown()->mutable_executor_id()->set_value(AnyTask() + "-executor");
      call.mutable_shutdown()->mutable_agent_id()->set_value(AnyAgent());
      return call;
    }
    default:
      // A correct kill: its tasks end some time.
      if (const auto living = tasks.Living(); !living.empty())
        return MakeKill(living.front(), Duration(-1));
      return MakeKill("", 0s);
  }
}

Call Nonsense::AboutItself() {
  Call call;
  switch (random_.Below(6)) {
    case 0:
      call = MakeCall(Call::REVIVE);
      call.mutable_revive()->add_roles("not/mine");
      return call;
    case 1:
      call = MakeCall(Call::SUPPRESS);
      call.mutable_suppress()->add_roles("bad role");
      return call;
    case 2:
      call = MakeCall(Call::UPDATE_FRAMEWORK);
      *call.mutable_update_framework()->mutable_framework_info() = Info();
      call.mutable_update_framework()->mutable_framework_info()->set_user("somebody");
      return call;
    case 3:
      call = MakeCall(Call::UPDATE_FRAMEWORK);
      *call.mutable_update_framework()->mutable_framework_info() = Info();
      call.mutable_update_framework()->mutable_framework_info()->add_roles(role_);
      return call;
    case 4:
      call = MakeCall(Call::REVIVE);
      call.mutable_framework_id()->set_value("somebody-0000");
      return call;
    default:
      call = MakeCall(Call::MESSAGE);
      call.mutable_message()->mutable_agent_id()->set_value(AnyAgent());
      call.mutable_message()->mutable_executor_id()->set_value("nobody");
      call.mutable_message()->set_data("");
      return call;
  }
}

// A call whose main part is missing.
Call Nonsense::HalfEmpty() {
  constexpr Call::Type kTypes[] = {Call::ACCEPT,
                                   Call::DECLINE,
                                   Call::KILL,
                                   Call::ACKNOWLEDGE,
                                   Call::RECONCILE,
                                   Call::MESSAGE,
                                   Call::REQUEST,
                                   Call::UNKNOWN,
                                   Call::SHUTDOWN,
                                   Call::ACCEPT_INVERSE_OFFERS,
                                   Call::RECONCILE_OPERATIONS,
                                   Call::ACKNOWLEDGE_OPERATION_STATUS};
  return MakeCall(kTypes[random_.Below(std::size(kTypes))]);
}

}  // namespace

std::unique_ptr<Framework> MakeNonsense(const std::string& name, const std::string& role,
                                        SeededRandom random) {
  return std::make_unique<Nonsense>(name, role, std::move(random));
}

}  // namespace tepui::sim
