#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "containers/containerizer.h"
#include "containers/isolation.h"
#include "containers/launch_plan.h"
#include "containers/poller.h"
#include "containers/shim_process.h"
#include "containers/worker_pool.h"

namespace tepui::containers {

// How the containerizer gets a task's URIs; FetchWith (fetching.h) makes one of a Fetcher.
struct Fetching {
  std::function<void(const std::string& id, const v1::CommandInfo& command,
                     const std::string& sandbox, const std::optional<std::string>& user,
                     std::move_only_function<void(Status)> done)>
      fetch;
  std::function<void(const std::string& id)> cancel;
};

// The containerizer that Mesos calls `mesos`, in this process: containers are processes held by a
// shim each, isolated by cgroups or not at all.
//
// All state belongs to the agent's thread. What blocks (user database, directories, cgroups,
// starting a shim) is done by a few worker threads, what waits (shims, OOM kills) by one poller;
// both report by the poster.
class MesosContainerizer final : public Containerizer {
 public:
  using Poster = std::function<void(std::move_only_function<void()>)>;

  struct Options {
    IsolationOptions isolation;
    CapabilityOptions capabilities;
    std::string runtime_dir =
        "/var/run/mesos";  // <runtime_dir>/containers/<id>.status: how the task ended.
    int worker_threads = 4;
    // A container that does not end when destroyed is reported as ended after this; its processes
    // are stuck.
    Duration destroy_timeout = std::chrono::seconds(30);
  };

  // `poster` runs work on the agent's thread, in order; it may drop it when the agent is gone.
  // kInvalid if the isolation asked for is not to be had here.
  static Result<std::unique_ptr<MesosContainerizer>> Create(Options options, Poster poster,
                                                            Fetching fetching);

  // On the agent's thread or when it has ended. Containers go on; callbacks that wait are dropped.
  ~MesosContainerizer() override;

  void Recover(std::vector<RecoverSpec> specs, RecoverCallback callback) override;
  void Launch(LaunchSpec spec, LaunchCallback callback) override;
  void Wait(const ContainerId& id, TerminationCallback callback) override;
  void Forget(const ContainerId& id) override;
  bool Signal(const ContainerId& id, int signal) override;
  void Destroy(const ContainerId& id) override;
  void Update(const ContainerId& id, const Resources& resources,
              const std::vector<std::pair<std::string, double>>& limits) override;
  void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
            ExecCallback callback) override;
  void Usage(const ContainerId& id,
             std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) override;

 private:
  struct Container;
  struct Check;
  struct Plan;  // What a launch carries from step to step.

  MesosContainerizer(Options options, Poster poster, Fetching fetching,
                     std::unique_ptr<Isolation> isolation, std::unique_ptr<ShimStarter> starter);

  // Runs `work` on the agent's thread unless this object is gone by then. Any thread.
  void Post(std::move_only_function<void()> work);
  Container* Find(const ContainerId& id);

  // The steps of a launch, on worker threads.
  void PlanAndFetch(const std::shared_ptr<Plan>& plan);
  void Prepare(const std::shared_ptr<Plan>& plan);
  Result<std::shared_ptr<ShimProcess>> StartShim(const std::shared_ptr<Plan>& plan);
  void ObserveShim(const ContainerId& id, const std::shared_ptr<ShimProcess>& shim);
  void StartCheck(const ContainerId& id, const std::shared_ptr<Check>& check);

  // On the agent's thread.
  void OnNotStarted(const ContainerId& id, Error error);
  void OnShim(const ContainerId& id, std::shared_ptr<ShimProcess> shim);
  void OnShimEvent(const ContainerId& id, const shim::Event& event);
  void OnShimGone(const ContainerId& id);
  void OnAlarm(const ContainerId& id);
  void OnLimitation(const ContainerId& id, Limitation limitation);
  void OnCleanedUp(const ContainerId& id, std::optional<Limitation> limitation);
  void KillContainer(const ContainerId& id, Container& container);
  void CleanUp(const ContainerId& id, Container& container);
  void StartUpdate(const ContainerId& id, Container& container);
  void OnCheckEvent(Check& check, const shim::Event& event);
  void FinishCheck(const ContainerId& id, const std::shared_ptr<Check>& check);

  const Options options_;
  const Poster poster_;
  const Fetching fetching_;
  const std::unique_ptr<ShimStarter> starter_;
  const std::shared_ptr<Isolation> isolation_;
  std::map<ContainerId, std::unique_ptr<Container>>
      containers_;  // In order: a nested one follows its parent.

  std::shared_ptr<Poller> poller_;
  std::shared_ptr<WorkerPool> workers_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// Reads the file in which a shim has written how its task ended; kNotFound while it has not.
struct ExitRecord {
  int pid = 0;
  int status = 0;  // As waitpid gives it.
};
Result<ExitRecord> ReadExitRecord(const std::string& path);

}  // namespace tepui::containers
