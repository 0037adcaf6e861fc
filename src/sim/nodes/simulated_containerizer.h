// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "container/containerizer.h"
#include "container/disk.h"
#include "container/prober.h"
#include "sim/frameworks/container_script.h"
#include "sim/nodes/executor_process.h"

namespace tepui::sim {

// Faults of a machine that is up; faults begin and end at run time.
struct MachineFaults {
  bool launches_fail = false;
  bool checks_fail = true;  // Some checks fail or take their time. Otherwise all succeed at once.
};

// The containers of an agent's machine: each follows the script that is its command's value
// (ContainerScript), with small random delays. They live beside the agent's process: while that is
// paused they continue, and what happened to them is reported afterwards. Callbacks run in the
// agent's process, in the order of the events they report. When the process is killed, containers
// that do not outlive it end, and the next process recovers the others. Destroying the
// containerizer ends them all, as the end of the machine does.
class SimulatedContainerizer final : public containers::Containerizer {
 public:
  struct Parts {
    World& world;
    Network& network;
    Observer& observer;
  };
  // `boot_id` names the boot of the machine that this object is. `faults` outlives it.
  SimulatedContainerizer(Parts parts, Host host, std::string boot_id, SeededRandom random,
                         const MachineFaults& faults);
  ~SimulatedContainerizer() override;

  // Attach sets the agent's process; Detach handles its end.
  void Attach(Process& agent) { agent_ = &agent; }
  void Detach();

  void Recover(std::vector<containers::RecoverSpec> specs, RecoverCallback callback) override;
  void Launch(containers::LaunchSpec spec, LaunchCallback callback) override;
  void Go(const ContainerId& id) override;
  void Wait(const ContainerId& id, TerminationCallback callback) override;
  void Forget(const ContainerId& id) override;
  bool Signal(const ContainerId& id, int signal) override;
  void Destroy(const ContainerId& id) override;
  void Update(const ContainerId& id, const Resources& resources,
              const containers::Limits& limits) override;
  void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
            ExecCallback callback) override;
  void Usage(const ContainerId& id,
             std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) override;

  // Tasks whose programs run, those of custom executors included.
  std::vector<std::string> RunningTasks() const;
  // Ends a running one by a signal from outside.
  void KillOne(Random& random);

 private:
  enum class State { kStarting, kRunning, kEnded };
  struct Container {
    ContainerScript script;
    Resources resources;
    std::vector<std::pair<std::string, std::string>> environment;
    State state = State::kStarting;
    TimerId timer = 0;  // The timer of its start, then of its end by itself or by SIGTERM.
    bool prepared = false;
    bool go = false;
    bool destroyed = false;
    bool outlives_agent = false;
    containers::Launched process;
    containers::Termination termination;  // Set once it has ended.
    LaunchCallback launched;
    TerminationCallback waiter;
    std::unique_ptr<ExecutorProcess> executor;
  };

  Container* Find(const ContainerId& id);
  Duration Delay();
  // Runs `work` in the agent's process, soon, after earlier reports.
  void Tell(std::move_only_function<void()> work);
  void FailLaunch(const ContainerId& id, Error error);
  void Prepare(const ContainerId& id);
  void Start(const ContainerId& id);
  void StartExecutor(const ContainerId& id, Container& container);
  void KillContainer(const ContainerId& id, Container& container);
  void Kill(const ContainerId& id);
  void TellEnd(const ContainerId& id);
  void End(const ContainerId& id, ContainerScript::End end, int code);

  const Parts parts_;
  const Host host_;
  const std::string boot_id_;
  const MachineFaults& faults_;
  SeededRandom random_;
  Process* agent_ = nullptr;  // Null while there is none.
  Process machine_;           // The process in which the containers live.
  int last_pid_ = 1000;
  MonotonicTime last_told_{};
  // Ordered, so that a nested container follows its parent.
  std::map<ContainerId, Container> containers_;
};

// Simulated checks over the network; most succeed.
class SimulatedProber final : public containers::Prober {
 public:
  // `faults` outlives it.
  SimulatedProber(Process& agent, SeededRandom random, const MachineFaults& faults)
      : agent_(agent), random_(std::move(random)), faults_(faults) {}
  void Http(const std::string& scheme, const std::string& host, uint16_t port,
            const std::string& path, Duration timeout,
            std::move_only_function<void(Result<int>)> callback) override;
  void Tcp(const std::string& host, uint16_t port, Duration timeout,
           std::move_only_function<void(Result<bool>)> callback) override;

 private:
  Process& agent_;
  SeededRandom random_;
  const MachineFaults& faults_;
};

// An empty disk whose usage varies.
class SimulatedDisk final : public containers::Disk {
 public:
  SimulatedDisk(Process& agent, SeededRandom random) : agent_(agent), random_(std::move(random)) {}
  Status CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                         const std::string& link) override;
  Status Link(const std::string& target, const std::string& link) override;
  Result<std::vector<Entry>> List(const std::string&) override { return std::vector<Entry>(); }
  void Remove(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Status Move(const std::string& from, const std::string& to) override;
  void Empty(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Result<double> UsedFraction(const std::string& path) override;

 private:
  Process& agent_;
  SeededRandom random_;
};

}  // namespace tepui::sim
