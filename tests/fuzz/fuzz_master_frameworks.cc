// SPDX-License-Identifier: Apache-2.0
// A master among frameworks that talk nonsense: any roles and filters, operations on what was never
// offered, amounts near the limits. Two honest agents, one as large as can be. After each step the
// master's records must agree.
#include <gtest/gtest.h>

#include <vector>

#include "fuzzed_data.h"
#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

constexpr size_t kMostSteps = 200;
constexpr size_t kMostFrameworks = 4;

class Attack {
 public:
  explicit Attack(fuzz::FuzzedData data) : data_(data) {
    nodes_.push_back(
        h_.Join(MasterHarness::Machine("cpus:8;mem:8192;disk:1024;ports:[31000-32000]")));
    nodes_.push_back(h_.Join(
        MasterHarness::Machine("cpus:1e12;mem:1e12;disk(r):1e12;custom-9:1e12", "g", 5052)));
  }

  void Run() {
    for (size_t step = 0; step < kMostSteps && !data_.empty(); ++step) {
      Step();
      fuzz::Expect(h_.master->CheckInvariants());
    }
  }

 private:
  void Step() {
    if (frameworks_.empty()) return Subscribe();
    switch (data_.Below(8)) {
      case 0:
        return Subscribe();
      case 1:
        return Resubscribe();
      case 2:
        return TakeOffers();
      case 3:
      case 4:
        return Accept();
      case 5:
        return Report();
      case 6:
        return Pass();
      default:
        return MakeCall();
    }
  }

  v1::FrameworkInfo AnyInfo() {
    v1::FrameworkInfo info = MasterHarness::Info(fuzz::AnyRole(data_));
    if (data_.Flag()) info.add_roles(fuzz::AnyRole(data_));
    if (data_.Flag()) info.add_capabilities()->set_type(Capability::SHARED_RESOURCES);
    if (data_.Flag()) info.add_capabilities()->set_type(Capability::REVOCABLE_RESOURCES);
    info.set_failover_timeout(fuzz::AnyNumber(data_));
    if (data_.Flag()) {
      auto& minimum = *(*info.mutable_offer_filters())[info.roles(0)]
                           .mutable_min_allocatable_resources()
                           ->add_quantities();
      (*minimum.mutable_quantities())[fuzz::AnyName(data_)].set_value(fuzz::AnyAmount(data_));
    }
    return info;
  }

  void Subscribe() {
    if (frameworks_.size() == kMostFrameworks) return;
    Scheduler framework = h_.Subscribe(AnyInfo());
    if (!framework.id.empty()) frameworks_.push_back(std::move(framework));
  }

  void Resubscribe() {
    Scheduler& framework = AnyFramework();
    const std::string id = framework.id;
    framework.info = AnyInfo();
    framework.info.mutable_id()->set_value(id);
    (void)h_.Resubscribe(&framework);
  }

  void TakeOffers() {
    std::vector<v1::Offer> offers = h_.Offers(AnyFramework());
    if (!offers.empty()) offers_ = std::move(offers);
  }

  void Accept() {
    std::vector<v1::Offer::Operation> operations;
    for (size_t left = data_.Below(4); left != 0; --left) operations.push_back(AnyOperation());
    (void)h_.Make(AnyFramework(),
                  MasterHarness::AcceptCall(offers_, operations, fuzz::AnyNumber(data_)));
  }

  v1::Offer::Operation AnyOperation() {
    using Operation = v1::Offer::Operation;
    Operation operation;
    operation.set_type(data_.Pick(
        std::array{Operation::LAUNCH, Operation::RESERVE, Operation::UNRESERVE, Operation::CREATE,
                   Operation::DESTROY, Operation::GROW_VOLUME, Operation::SHRINK_VOLUME}));
    if (data_.Flag()) operation.mutable_id()->set_value("o" + std::to_string(data_.Below(3)));
    switch (operation.type()) {
      case Operation::LAUNCH:
        for (size_t left = data_.Below(3); left != 0; --left)
          *operation.mutable_launch()->add_task_infos() = AnyTask();
        break;
      case Operation::RESERVE:
        AddOffered(operation.mutable_reserve()->mutable_resources());
        for (v1::Resource& resource : *operation.mutable_reserve()->mutable_resources())
          fuzz::AddReservation(data_, &resource);
        break;
      case Operation::UNRESERVE:
        AddOffered(operation.mutable_unreserve()->mutable_resources());
        break;
      case Operation::CREATE:
        AddOffered(operation.mutable_create()->mutable_volumes());
        for (v1::Resource& resource : *operation.mutable_create()->mutable_volumes())
          fuzz::AddVolume(data_, &resource);
        break;
      case Operation::DESTROY:
        AddOffered(operation.mutable_destroy()->mutable_volumes());
        break;
      case Operation::GROW_VOLUME:
        *operation.mutable_grow_volume()->mutable_volume() = AnyResource();
        *operation.mutable_grow_volume()->mutable_addition() = AnyResource();
        break;
      default:
        *operation.mutable_shrink_volume()->mutable_volume() = AnyResource();
        operation.mutable_shrink_volume()->mutable_subtract()->set_value(fuzz::AnyAmount(data_));
    }
    return operation;
  }

  v1::TaskInfo AnyTask() {
    v1::TaskInfo task = MasterHarness::Task(nodes_[data_.Below(nodes_.size())], AnyTaskId());
    task.clear_resources();
    AddOffered(task.mutable_resources());
    if (data_.Below(4) == 0) {
      auto& executor = *task.mutable_executor();
      executor.mutable_executor_id()->set_value("e" + std::to_string(data_.Below(2)));
      executor.mutable_command()->set_value("run");
      AddOffered(executor.mutable_resources());
      executor.mutable_shutdown_grace_period()->set_nanoseconds(fuzz::AnyNanoseconds(data_));
      task.clear_command();
    }
    if (data_.Below(4) == 0) {
      task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          fuzz::AnyNanoseconds(data_));
      (*task.mutable_limits())["cpus"].set_value(fuzz::AnyNumber(data_));
    }
    return task;
  }

  // Some of what was offered, with amounts that may be changed.
  void AddOffered(fuzz::ResourceList* list) {
    for (const v1::Offer& offer : offers_) {
      for (const v1::Resource& resource : offer.resources()) {
        if (!data_.Flag()) continue;
        *list->Add() = resource;
        v1::Resource& added = *list->Mutable(list->size() - 1);
        if (added.has_scalar() && data_.Flag())
          added.mutable_scalar()->set_value(fuzz::AnyAmount(data_));
      }
    }
    if (data_.Below(4) == 0) fuzz::AddResources(data_, list);
  }

  v1::Resource AnyResource() {
    fuzz::ResourceList list;
    AddOffered(&list);
    return list.empty() ? v1::Resource() : list.at(0);
  }

  void Report() {
    h_.Report(nodes_[data_.Below(nodes_.size())], AnyFramework(), AnyTaskId(),
              data_.Pick(std::array{v1::TASK_RUNNING, v1::TASK_FINISHED, v1::TASK_FAILED}));
  }

  void Pass() {
    constexpr std::array kSeconds = {0, 1, 5, 60};
    std::vector<const Node*> nodes;
    for (const Node& node : nodes_) nodes.push_back(&node);
    h_.PassTime(std::chrono::seconds(data_.Pick(kSeconds)), nodes);
  }

  void MakeCall() {
    Scheduler& framework = AnyFramework();
    Call call;
    call.set_type(data_.Pick(std::array{Call::DECLINE, Call::REVIVE, Call::SUPPRESS, Call::KILL,
                                        Call::RECONCILE, Call::UPDATE_FRAMEWORK, Call::TEARDOWN}));
    if (call.type() == Call::DECLINE) {
      for (const v1::Offer& offer : offers_) *call.mutable_decline()->add_offer_ids() = offer.id();
      call.mutable_decline()->mutable_filters()->set_refuse_seconds(fuzz::AnyNumber(data_));
    } else if (call.type() == Call::KILL) {
      call.mutable_kill()->mutable_task_id()->set_value(AnyTaskId());
      call.mutable_kill()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          fuzz::AnyNanoseconds(data_));
    } else if (call.type() == Call::RECONCILE) {
      call.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value(AnyTaskId());
    } else if (call.type() == Call::UPDATE_FRAMEWORK) {
      v1::FrameworkInfo& info = *call.mutable_update_framework()->mutable_framework_info();
      info = AnyInfo();
      info.mutable_id()->set_value(framework.id);
    }
    (void)h_.Make(framework, std::move(call));
  }

  Scheduler& AnyFramework() { return frameworks_[data_.Below(frameworks_.size())]; }
  std::string AnyTaskId() { return "t" + std::to_string(data_.Below(6)); }

  fuzz::FuzzedData data_;
  MasterHarness h_;
  std::vector<Node> nodes_;
  std::vector<Scheduler> frameworks_;
  std::vector<v1::Offer> offers_;
};

}  // namespace
}  // namespace tepui::master

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tepui::master::Attack(tepui::fuzz::FuzzedData(data, size)).Run();
  return 0;
}
