// SPDX-License-Identifier: Apache-2.0
// An agent whose master, executors and containers talk nonsense: tasks and groups of any size with
// any times, kills, statuses of unknown tasks, operations on what it never had. After each step the
// agent's records must agree.
#include <string>
#include <utility>
#include <vector>

#include "agent/testing/agent_fixture.h"
#include "fuzzed_data.h"

namespace tepui::agent {
namespace {

constexpr size_t kMostSteps = 200;

class Attack : public AgentTest {
 public:
  explicit Attack(fuzz::FuzzedData data) : data_(data) {
    framework.set_checkpoint(data_.Flag());
    options.boot_id = "b1";
    Register();
  }

  void TestBody() override {
    for (size_t step = 0; step < kMostSteps && !data_.empty() && exits.empty(); ++step) {
      Step();
      fuzz::Expect(agent->CheckInvariants());
    }
  }

 private:
  void Step() {
    switch (data_.Below(10)) {
      case 0:
        return Run(AnyTask(), data_.Flag());
      case 1:
        return LaunchGroup();
      case 2:
        return Kill(AnyTaskId(), AnyWait());
      case 3:
        return Contain();
      case 4:
        return Execute();
      case 5:
        return Apply();
      case 6:
        return Pass(std::chrono::seconds(data_.Pick(std::array{0, 1, 10, 100})));
      case 7:
        (void)Drain();
        return;
      case 8:
        return Shut();
      default:
        return Break();
    }
  }

  v1::TaskInfo AnyTask() {
    v1::TaskInfo task = data_.Flag() ? CustomTask(AnyTaskId(), AnyExecutorId()) : Task(AnyTaskId());
    if (data_.Flag()) fuzz::AddResources(data_, task.mutable_resources());
    if (data_.Flag()) (*task.mutable_limits())["mem"].set_value(fuzz::AnyNumber(data_));
    if (data_.Flag()) {
      task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          fuzz::AnyNanoseconds(data_));
      task.mutable_max_completion_time()->set_nanoseconds(fuzz::AnyNanoseconds(data_));
    }
    if (data_.Below(4) == 0) {
      auto& check = *task.mutable_health_check();
      check.set_type(v1::HealthCheck::TCP);
      check.mutable_tcp()->set_port(80);
      check.set_delay_seconds(fuzz::AnyNumber(data_));
      check.set_interval_seconds(fuzz::AnyNumber(data_));
      check.set_timeout_seconds(fuzz::AnyNumber(data_));
      check.set_grace_period_seconds(fuzz::AnyNumber(data_));
    }
    return task;
  }

  void LaunchGroup() {
    v1::ExecutorInfo executor = ExecutorOf(AnyExecutorId(), v1::ExecutorInfo::DEFAULT);
    if (data_.Flag()) fuzz::AddResources(data_, executor.mutable_resources());
    executor.mutable_shutdown_grace_period()->set_nanoseconds(fuzz::AnyNanoseconds(data_));
    std::vector<v1::TaskInfo> tasks;
    for (size_t left = data_.Below(4); left != 0; --left) {
      tasks.push_back(AnyTask());
      tasks.back().clear_executor();
      tasks.back().mutable_command()->set_value("true");
    }
    RunGroup(executor, tasks, data_.Flag());
  }

  // Something happens to a container that waits for it.
  void Contain() {
    for (auto& [id, container] : containerizer.containers) {
      if (!data_.Flag()) continue;
      if (container.launched) return containerizer.Start(id);
      if (container.terminated) return containerizer.End(id, data_.Flag() ? Exited(1) : Killed(9));
    }
  }

  void Execute() {
    const std::string executor = AnyExecutorId();
    if (data_.Flag()) {
      (void)Subscribe(++stream_, MakeCall(ExecutorCall::SUBSCRIBE, executor));
    } else {
      constexpr std::array kStates = {v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED,
                                      v1::TASK_FAILED, v1::TASK_LOST};
      (void)Call(Update(AnyTaskId(), data_.Pick(kStates), executor));
    }
  }

  void Apply() {
    using Operation = v1::Offer::Operation;
    link::Event event;
    event.set_type(link::Event::APPLY_OPERATION);
    event.mutable_apply_operation()->mutable_framework_id()->set_value(kFramework);
    event.mutable_apply_operation()->set_operation_uuid(random.UuidBytes());
    Operation& operation = *event.mutable_apply_operation()->mutable_info();
    operation.set_type(data_.Pick(std::array{Operation::RESERVE, Operation::UNRESERVE,
                                             Operation::CREATE, Operation::DESTROY}));
    fuzz::AddResources(data_, operation.mutable_reserve()->mutable_resources());
    *operation.mutable_unreserve()->mutable_resources() = operation.reserve().resources();
    *operation.mutable_create()->mutable_volumes() = operation.reserve().resources();
    *operation.mutable_destroy()->mutable_volumes() = operation.reserve().resources();
    agent->OnMasterEvent(event);
  }

  void Shut() {
    if (data_.Flag()) return ShutdownExecutor(AnyExecutorId());
    ShutdownFramework();
  }

  // Containers of the old agent have callbacks of it, so they are forgotten with it.
  void Break() {
    if (data_.Flag()) {
      agent->OnMasterDisconnected("a reason");
      return;
    }
    EndAgent();
    containerizer.containers.clear();
    containerizer.order.clear();
    prober.tcp.clear();
    containerizer.checks.clear();
    links.subscriptions.clear();
    Register();
  }

  std::optional<Duration> AnyWait() {
    if (data_.Flag()) return std::nullopt;
    return Duration(fuzz::AnyNanoseconds(data_));
  }
  std::string AnyTaskId() { return "t" + std::to_string(data_.Below(5)); }
  std::string AnyExecutorId() { return "e" + std::to_string(data_.Below(3)); }

  fuzz::FuzzedData data_;
  StreamId stream_ = 0;
};

}  // namespace
}  // namespace tepui::agent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tepui::agent::Attack(tepui::fuzz::FuzzedData(data, size)).TestBody();
  return 0;
}
