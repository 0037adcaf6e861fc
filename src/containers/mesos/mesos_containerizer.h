// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "base/worker_pool.h"
#include "container/containerizer.h"
#include "containers/host/user.h"
#include "containers/isolators/isolation.h"
#include "containers/mesos/launch_plan.h"
#include "containers/mesos/poller.h"
#include "containers/mesos/runtime_directory.h"
#include "containers/mesos/shim_process.h"

namespace tepui::containers {

// How the containerizer fetches a task's URIs; FetchWith (fetching.h) makes one from a Fetcher.
struct Fetching {
  std::function<void(const std::string& id, const v1::CommandInfo& command,
                     const std::string& sandbox, const std::optional<shim::Launch::User>& user,
                     std::move_only_function<void(Status)> done)>
      fetch;
  std::function<void(const std::string& id)> cancel;
};

// The containerizer that Mesos calls `mesos`, in this process: each container is a tree of
// processes below a shim of its own, isolated by cgroups or not at all.
//
// All state belongs to the agent's thread. A few worker threads make the calls that block (user
// database, directories, cgroups, starting a shim), and one poller waits for shims and OOM kills;
// both report through the poster.
class MesosContainerizer final : public Containerizer {
 public:
  struct Options {
    IsolationOptions isolation;
    CapabilityOptions capabilities;
    std::string runtime_dir = "/var/run/mesos";  // See RuntimeDirectory.
    std::shared_ptr<Users> users = std::make_shared<Users>();
    int worker_threads = 4;
    // A container that does not end within this time when it is destroyed is stuck: that is logged,
    // each of its processes gets SIGKILL again and again, and its shim is killed when none is left.
    Duration destroy_timeout = std::chrono::seconds(30);
    // A shim from before the agent's restart that does not answer within this time is killed.
    Duration shim_timeout = std::chrono::seconds(10);
  };

  // `poster` runs work on the agent's thread, in order; it may drop work when the agent is gone.
  // Returns kInvalid if the requested isolation is not available here, kConflict if another agent
  // uses the same runtime directory or cgroups.
  static Result<std::unique_ptr<MesosContainerizer>> Create(Options options, Poster poster,
                                                            Fetching fetching);

  // Call it on the agent's thread or after that has ended. Containers keep running, as they do when
  // the agent is killed; pending callbacks are dropped.
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
  struct Plan;      // The data that a launch passes from step to step.
  struct End;       // What the cleanup of a container finds.
  struct Recovery;  // A recovery in progress.
  struct Orphan {
    ContainerId id;
    bool has_nested;  // It has claimed nested containers.
  };

  // The parts that a containerizer is built from.
  struct Parts {
    std::unique_ptr<Isolation> isolation;
    std::unique_ptr<ShimStarter> starter;
    std::unique_ptr<RuntimeDirectory> runtime;
    std::string boot_id;
  };
  MesosContainerizer(Options options, Poster poster, Fetching fetching, Parts parts);

  // Runs `work` on the agent's thread unless this object is gone by then. Any thread.
  void Post(std::move_only_function<void()> work);
  Container* Find(const ContainerId& id);

  // The steps of a launch, on worker threads.
  void PlanAndFetch(const std::shared_ptr<Plan>& plan);
  Status MakeSandbox(const Plan& plan);
  void Prepare(const std::shared_ptr<Plan>& plan);
  Result<std::shared_ptr<ShimProcess>> StartShim(const std::shared_ptr<Plan>& plan);
  void ArmAlarms(Plan& plan);
  void Disarm(const Plan& plan);
  void ObserveShim(const ContainerId& id, const std::shared_ptr<ShimProcess>& shim);
  void StartCheck(const ContainerId& id, const std::shared_ptr<Plan>& plan,
                  const std::shared_ptr<Check>& check);
  Result<shim::Launch> PlanOf(const Plan& plan);
  End CleanUpNow(const ContainerId& id, const Launched& process, std::optional<int> status);

  // The steps of a recovery, on worker threads.
  Result<std::vector<Orphan>> FindOrphans(const std::set<ContainerId>& claimed);
  void RecoverOne(const std::shared_ptr<Plan>& plan, const Launched& process);
  void Reattach(const std::shared_ptr<Plan>& plan, const Launched& process,
                const std::shared_ptr<ShimProcess>& shim);
  struct Destroyed {
    bool existed = true;  // More than its exit record was left.
    std::shared_ptr<ShimProcess> survivor;
    Launched process;
  };
  Destroyed DestroyOrphan(const Orphan& orphan);
  bool EndShim(const ContainerId& id, const ShimProcess::Attached& attached);

  // The steps of a recovery, on the agent's thread.
  void OnOrphansFound(std::vector<RecoverSpec> specs, Result<std::vector<Orphan>> orphans);
  void OnReattached(const ContainerId& id, const Launched& process,
                    std::shared_ptr<ShimProcess> shim);
  void OnOrphanDestroyed(const ContainerId& id, Destroyed destroyed);
  void OnSurvivor(const ContainerId& id, const Launched& process,
                  std::shared_ptr<ShimProcess> shim);
  void OnRecoveryStep();

  // On the agent's thread.
  void OnNotStarted(const ContainerId& id, Error error);
  void OnShim(const ContainerId& id, std::shared_ptr<ShimProcess> shim);
  void OnShimEvent(const ContainerId& id, const shim::Event& event);
  void OnReplaced(const ContainerId& id);
  void OnShimGone(const ContainerId& id);
  void FindLimitation(const ContainerId& id, bool alarmed);
  void OnLimitation(const ContainerId& id, Limitation limitation);
  void OnCleanedUp(const ContainerId& id, End end);
  void KillContainer(const ContainerId& id, Container& container);
  void AwaitDeath(const ContainerId& id, Container& container, Duration patience);
  void KillAgain(const ContainerId& id);
  void CleanUp(const ContainerId& id, Container& container);
  void StartUpdate(const ContainerId& id, Container& container);
  void OnCheckEvent(Check& check, const shim::Event& event);
  void FinishCheck(const ContainerId& id, const std::shared_ptr<Check>& check);

  const Options options_;
  const Poster poster_;
  const Fetching fetching_;
  const std::unique_ptr<ShimStarter> starter_;
  const std::shared_ptr<Isolation> isolation_;
  const std::shared_ptr<RuntimeDirectory> runtime_;
  const std::string boot_id_;
  // Ordered: a nested container follows its parent.
  std::map<ContainerId, std::unique_ptr<Container>> containers_;
  std::unique_ptr<Recovery> recovery_;  // Null if none is in progress.
  bool fresh_ = true;                   // Nothing has been launched or recovered yet.

  std::shared_ptr<Poller> poller_;
  std::shared_ptr<WorkerPool> workers_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace tepui::containers
