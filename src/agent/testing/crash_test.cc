// SPDX-License-Identifier: Apache-2.0
// Kills an agent repeatedly, at any point between two steps. Each of its tasks must have exactly
// one end, and nothing may be left of the tasks.

#include <gmock/gmock.h>

#include "agent/checkpoint/lossy_store.h"
#include "agent/services/statuses.h"
#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

// Containers that outlive the agent, and end when the test ends them.
class Machine final : public containers::Containerizer {
 public:
  enum class State { kStarting, kRunning, kEnded };
  struct Container {
    State state = State::kStarting;
    int pid = 0;
    std::optional<int> status;
    bool outlives_agent = false;
    bool go = false;
    std::string task;
    LaunchCallback launched;
    TerminationCallback waiter;
  };

  void Recover(std::vector<containers::RecoverSpec> specs, RecoverCallback callback) override {
    containers::Recovered recovered;
    std::set<ContainerId> claimed;
    for (const containers::RecoverSpec& spec : specs) {
      claimed.insert(spec.launch.id);
      const auto found = containers.find(spec.launch.id);
      if (found == containers.end()) {
        EXPECT_EQ(spec.launched.pid, 0) << "containers with a process are forgotten by the agent";
        recovered.not_started.push_back(spec.launch.id);
      } else if (found->second.state == State::kRunning) {
        EXPECT_TRUE(spec.launched.pid == 0 || spec.launched.pid == found->second.pid);
        recovered.running.push_back(spec.launch.id);
        recovered.processes[spec.launch.id] = {.pid = found->second.pid};
      } else {
        recovered.ended.push_back({spec.launch.id,
                                   {.status = found->second.status,
                                    .reason = std::nullopt,
                                    .message = "",
                                    .limited = {}}});
      }
    }
    std::erase_if(containers, [&](const auto& entry) { return !claimed.contains(entry.first); });
    callback(std::move(recovered));
  }
  void Launch(containers::LaunchSpec spec, LaunchCallback callback) override {
    Container& container = containers[spec.id];
    container.outlives_agent = spec.outlives_agent;
    container.task = spec.command.value();
    container.launched = std::move(callback);
  }
  void Go(const ContainerId& id) override {
    if (containers.contains(id)) containers.at(id).go = true;
  }
  void Wait(const ContainerId& id, TerminationCallback callback) override {
    containers.at(id).waiter = std::move(callback);
  }
  void Forget(const ContainerId& id) override { containers.erase(id); }
  bool Signal(const ContainerId& id, int) override { return containers.contains(id); }
  void Destroy(const ContainerId& id) override {
    if (containers.contains(id)) End(id, Killed(9));
  }
  void Update(const ContainerId&, const Resources&, const containers::Limits&) override {}
  void Exec(const ContainerId&, v1::CommandInfo, Duration, ExecCallback) override {}
  void Usage(const ContainerId&,
             std::move_only_function<void(Result<v1::ResourceStatistics>)>) override {}

  void Start(const ContainerId& id) {
    Container& container = containers.at(id);
    Begin(container);
    containers::Launched launched;
    launched.pid = container.pid;
    std::exchange(container.launched, nullptr)(launched);
  }
  void Begin(Container& container) {
    container.state = State::kRunning;
    container.pid = ++last_pid;
    EXPECT_EQ(++starts[container.task], 1) << container.task;
  }
  void End(const ContainerId& id, int status) {
    Container& container = containers.at(id);
    if (container.state == State::kStarting && container.go) return Start(id);
    if (container.state == State::kStarting) {
      LaunchCallback launched = std::move(container.launched);
      containers.erase(id);
      return launched(Fail(Code::kUnavailable, "The container was destroyed"));
    }
    if (container.state == State::kEnded) return;
    container.state = State::kEnded;
    container.status = status;
    outcomes[container.task] = status;
    containers::Termination termination;
    termination.status = status;
    if (container.waiter) std::exchange(container.waiter, nullptr)(std::move(termination));
  }
  // Simulates that the agent is killed, which also ends the shims that do not outlive it.
  void Crash() {
    std::erase_if(containers, [](const auto& entry) {
      const Container& container = entry.second;
      return !container.outlives_agent || (container.state == State::kStarting && !container.go);
    });
    // The others start and end without it.
    for (auto& [id, container] : containers) {
      container.launched = nullptr;
      container.waiter = nullptr;
      if (container.state == State::kStarting) Begin(container);
    }
  }
  ContainerId Any(Random& random, State state) const {
    std::vector<ContainerId> found;
    for (const auto& [id, container] : containers) {
      if (container.state == state && container.go) found.push_back(id);
    }
    return found.empty() ? ContainerId() : found[random.Below(found.size())];
  }

  std::map<ContainerId, Container> containers;
  int last_pid = 100;
  std::map<std::string, int> starts;    // How often each task was started.
  std::map<std::string, int> outcomes;  // The wait status with which each task ended.
};

class CrashTest : public AgentTest, public ::testing::WithParamInterface<int> {
 protected:
  CrashTest() : chance(static_cast<uint64_t>(GetParam())) { framework.set_checkpoint(true); }

  void StartUp() {
    store_ = std::make_unique<LossyStore>(clock, chance, disk_);
    agent = std::make_unique<Agent>(
        options, Agent::Parts{clock, random, links, machine, prober, disk, *store_},
        [this](Status status) { exits.push_back(status); });
    agent->Recover();
    agent->OnMasterDetected();
    links.subscriptions.clear();
    for (int i = 0; i < 100 && links.subscriptions.empty(); ++i) clock.Advance(seconds(1));
    ASSERT_FALSE(links.subscriptions.empty())
        << (exits.empty() ? "" : exits.back().error().message);
    for (const v1::Task& task : links.subscriptions.back().tasks()) {
      reported_.insert(task.task_id().value());
    }
    // A master does the same with tasks that a reregistering agent does not list.
    for (const std::string& task : launched_) {
      if (!reported_.contains(task) && !Ended(task)) ends_[task] = v1::TASK_LOST;
    }
    reported_.clear();
    Subscribed();
  }
  void Crash() {
    EndAgent();
    store_.reset();
    machine.Crash();
    StartUp();
  }
  bool Ended(const std::string& task) const { return ends_.contains(task); }

  // Checks the statuses that the master receives; acknowledges them if asked to.
  void Hear(bool acknowledge) {
    for (const v1::TaskStatus& status : Sent()) {
      const std::string& task = status.task_id().value();
      if (IsTerminal(status.state())) {
        const auto [end, first] = ends_.emplace(task, status.state());
        EXPECT_EQ(end->second, status.state()) << task;
        const auto outcome = machine.outcomes.find(task);
        if (status.state() == v1::TASK_LOST ||
            status.reason() == v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED ||
            status.reason() == v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH) {
          EXPECT_FALSE(machine.starts.contains(task)) << task << " ran, and is said not to have";
        }
        if (outcome != machine.outcomes.end() && !killed_.contains(task)) {
          EXPECT_EQ(status.state(), outcome->second == 0 ? v1::TASK_FINISHED : v1::TASK_FAILED);
          EXPECT_THAT(status.message(), testing::HasSubstr("exited with status"));
        }
      } else {
        EXPECT_FALSE(Ended(task)) << task << " is " << v1::TaskState_Name(status.state());
      }
      if (acknowledge) Acknowledge(status);
    }
  }

  void Step() {
    switch (chance.Below(10)) {
      case 0: {
        const std::string id = fmt::format("t{}", launched_.size());
        launched_.push_back(id);
        return Run(Task(id, id));
      }
      case 1:
        if (const auto id = machine.Any(chance, Machine::State::kStarting); !id.empty()) {
          machine.Start(id);
        }
        return;
      case 2:
        if (const auto id = machine.Any(chance, Machine::State::kRunning); !id.empty()) {
          machine.End(id, Exited(static_cast<int>(chance.Below(2))));
        }
        return;
      case 3:
        // A master kills only tasks that have not ended.
        if (!launched_.empty()) {
          const std::string& task = launched_[chance.Below(launched_.size())];
          if (!Ended(task)) Kill(task, seconds(1));
          killed_.insert(task);
        }
        return;
      case 4:
      case 5:
        return Hear(chance.Below(2) == 0);
      case 6:
        return Crash();
      default:
        clock.Advance(std::chrono::microseconds(chance.Below(2'000)));
    }
  }

  SeededRandom chance;
  Machine machine;

  std::map<std::string, std::string> disk_;
  std::unique_ptr<LossyStore> store_;
  std::vector<std::string> launched_;
  std::set<std::string> killed_;
  std::set<std::string> reported_;
  std::map<std::string, v1::TaskState> ends_;
};

TEST_P(CrashTest, EveryTaskComesToOneEnd) {
  StartUp();
  for (int i = 0; i < 300 && exits.empty(); ++i) Step();
  ASSERT_TRUE(exits.empty()) << exits.back().error().message;

  // From here on nothing fails.
  for (int i = 0; i < 20; ++i) {
    for (const auto state : {Machine::State::kStarting, Machine::State::kRunning}) {
      const ContainerId id = machine.Any(chance, state);
      if (id.empty()) continue;
      if (state == Machine::State::kStarting) {
        machine.Start(id);
      } else {
        machine.End(id, Exited(0));
      }
      --i;
    }
    Pass(seconds(30));
    Hear(true);
  }
  Crash();
  Pass(seconds(30));
  Hear(true);
  Pass(seconds(1));
  for (const std::string& task : launched_) EXPECT_TRUE(Ended(task)) << task;
  EXPECT_TRUE(machine.containers.empty());
  // Nothing is left of the tasks but the history, which has none of them twice.
  std::vector<std::string> keys;
  std::set<std::string> past;
  for (const auto& [key, value] : disk_) {
    if (!key.starts_with("completed/")) {
      keys.push_back(key);
      continue;
    }
    checkpoint::CompletedExecutor record;
    ASSERT_TRUE(record.ParseFromString(value));
    for (const v1::Task& task : record.tasks()) {
      EXPECT_TRUE(past.insert(task.task_id().value()).second) << task.task_id().value();
    }
  }
  EXPECT_THAT(keys, testing::ElementsAre("agent"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, ::testing::Range(1, 200));

}  // namespace
}  // namespace tepui::agent
