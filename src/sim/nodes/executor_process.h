// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/timer.h"
#include "client/executor_core.h"
#include "sim/frameworks/container_script.h"
#include "sim/network/network_link.h"
#include "sim/nodes/observer.h"

namespace tepui::sim {

// A custom executor: a process on an agent's machine that runs the real executor library
// (client::ExecutorCore) over the simulated network, and its tasks by the scripts in their data.
// Behaves as a careful executor: subscribes until it receives SUBSCRIBED, keeps what is not
// acknowledged and sends it again, kills by the kill policy, answers messages, and ends kIdleTime
// after the last of its tasks. Destroying it is kill -9; its tasks end with it.
class ExecutorProcess {
 public:
  static constexpr Duration kIdleTime = std::chrono::seconds(20);

  struct Parts {
    World& world;
    Network& network;
    Observer& observer;
  };
  // How the process ended by itself.
  struct Exit {
    ContainerScript::End end = ContainerScript::End::kExit;
    int code = 0;
  };
  // `environment` is the one that the agent made for it. `on_exit` runs at most once, from inside
  // this object, which does nothing more; it must not destroy the object.
  ExecutorProcess(Parts parts, Host host, const ContainerScript& script,
                  const std::vector<std::pair<std::string, std::string>>& environment,
                  SeededRandom random, std::function<void(Exit)> on_exit);
  ~ExecutorProcess();
  ExecutorProcess(const ExecutorProcess&) = delete;
  ExecutorProcess& operator=(const ExecutorProcess&) = delete;

  // Ids of the tasks whose programs run.
  std::vector<std::string> RunningTasks() const;

 private:
  using Call = mesos::v1::executor::Call;
  using Event = mesos::v1::executor::Event;

  struct Task {
    explicit Task(Clock& clock) : timer(clock) {}
    v1::TaskInfo info;
    ContainerScript script;
    bool running = false;
    bool killed = false;
    Timer timer;  // The timer of its start, then of its end.
  };
  struct Report {
    Call::Update update;
    bool sent = false;  // Sent on the present connection.
  };

  void Subscribe();
  void OnDisconnected();
  void OnEvent(const Event& event);
  void OnSubscribed();
  void OnAcknowledged(const Event::Acknowledged& acknowledged);
  void Launch(const v1::TaskInfo& info);
  void Kill(const Event::Kill& kill);
  void Shutdown();

  void StartTask(const std::string& id);
  void EndByScript(const std::string& id);
  void EndTask(const std::string& id, v1::TaskState state, std::string message);
  void Update(const v1::TaskID& task, v1::TaskState state, std::string message);
  void Send(Report& report);
  void SendCall(const Call& call);
  Call MakeCall(Call::Type type) const;
  void ExitIfIdle();
  void End(Exit exit);

  const Parts parts_;
  const Host host_;
  const ContainerScript script_;
  const std::function<void(Exit)> on_exit_;

  Process process_;
  SeededRandom random_;
  std::optional<NetworkLink> link_;  // Both are set unless the environment is wrong.
  std::optional<client::ExecutorCore> core_;
  client::ExecutorEnvironment environment_;
  bool subscribed_ = false;
  bool shutting_down_ = false;
  Timer subscribe_timer_;
  Timer idle_timer_;

  std::map<std::string, Task> tasks_;  // Tasks that have not ended.
  // Tasks of which no status was acknowledged yet.
  std::map<std::string, v1::TaskInfo> unacknowledged_tasks_;
  std::deque<Report> unacknowledged_;  // In order.
};

}  // namespace tepui::sim
