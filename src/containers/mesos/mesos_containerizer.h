// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "base/worker_pool.h"
#include "container/containerizer.h"
#include "container/fetcher.h"
#include "containers/host/user.h"
#include "containers/isolators/isolation.h"
#include "containers/mesos/checks.h"
#include "containers/mesos/launcher.h"
#include "containers/mesos/poller.h"
#include "containers/mesos/recoverer.h"
#include "containers/mesos/runtime_directory.h"

namespace tepui::containers {

// The containerizer that Mesos calls `mesos`, in this process: each container is a tree of
// processes below a shim of its own, isolated by cgroups or not at all.
//
// This class holds the life cycle of containers: its state belongs to the agent's thread. What
// blocks is in Launcher and Recoverer, which it calls on a few worker threads; one poller waits for
// shims and OOM kills. Both report through a mailbox. Workers and poller may use `this`, because
// the destructor stops them first.
class MesosContainerizer final : public Containerizer {
 public:
  struct Options {
    IsolationOptions isolation;
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
  // uses the same runtime directory or cgroups. `fetcher` must outlive the containerizer.
  static Result<std::unique_ptr<MesosContainerizer>> Create(Options options, Poster poster,
                                                            Fetcher& fetcher);

  // Call it on the agent's thread or after that has ended. Containers keep running, as they do when
  // the agent is killed; pending callbacks are dropped.
  ~MesosContainerizer() override;

  void Recover(std::vector<RecoverSpec> specs, RecoverCallback callback) override;
  void Launch(LaunchSpec spec, LaunchCallback callback) override;
  void Go(const ContainerId& id) override;
  void Wait(const ContainerId& id, TerminationCallback callback) override;
  void Forget(const ContainerId& id) override;
  bool Signal(const ContainerId& id, int signal) override;
  void Destroy(const ContainerId& id) override;
  void Update(const ContainerId& id, const Resources& resources, const Limits& limits) override;
  void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
            ExecCallback callback) override;
  void Usage(const ContainerId& id,
             std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) override;

 private:
  struct Container;
  struct Recovery;  // A recovery in progress.

  MesosContainerizer(Options options, Poster poster, Fetcher& fetcher, Launcher::Parts parts);

  Container* Find(const ContainerId& id);
  std::optional<ParentContainer> ParentOf(const ContainerId& id);
  Container& Add(LaunchSpec spec);

  // On worker threads.
  void PlanAndFetch(const std::shared_ptr<LaunchPlan>& plan);
  void Start(const std::shared_ptr<LaunchPlan>& plan);
  void Observe(const ContainerId& id, const std::shared_ptr<ShimProcess>& shim);

  // The steps of a recovery, on the agent's thread.
  void OnOrphansFound(std::vector<RecoverSpec> specs,
                      Result<std::vector<Recoverer::Orphan>> orphans);
  void OnRecovered(const ContainerId& id, const Launched& process, Recoverer::Outcome outcome);
  void OnOrphanDestroyed(const ContainerId& id, Recoverer::Destroyed destroyed);
  void OnSurvivor(const ContainerId& id, const Launched& process,
                  std::shared_ptr<ShimProcess> shim);
  void OnRecoveryStep();

  // On the agent's thread.
  void OnNotStarted(const ContainerId& id, Error error);
  void OnShim(const ContainerId& id, std::shared_ptr<ShimProcess> shim);
  void OnShimEvent(const ContainerId& id, const shim::Event& event);
  void OnReplaced(const ContainerId& id);
  void OnShimGone(const ContainerId& id);
  void FindLimitation(const ContainerId& id, bool alarmed);  // On any thread.
  void OnLimitation(const ContainerId& id, Limitation limitation);
  void OnCleanedUp(const ContainerId& id, ContainerEnd end);
  void KillContainer(const ContainerId& id, Container& container);
  void AwaitDeath(const ContainerId& id, Container& container, Duration patience);
  void KillAgain(const ContainerId& id);
  void CleanUp(const ContainerId& id, Container& container);
  void StartUpdate(const ContainerId& id, Container& container);

  const Options options_;
  Fetcher& fetcher_;
  const std::shared_ptr<Isolation> isolation_;
  const std::shared_ptr<RuntimeDirectory> runtime_;
  const std::string boot_id_;
  const Mailbox mailbox_;
  Poller poller_{"shims"};
  std::shared_ptr<WorkerPool> workers_;  // Also held by fetches in progress.
  Launcher launcher_;
  Recoverer recoverer_;
  Checks checks_;

  // Ordered: a nested container follows its parent.
  std::map<ContainerId, std::unique_ptr<Container>> containers_;
  std::unique_ptr<Recovery> recovery_;  // Null if none is in progress.
  bool fresh_ = true;                   // Nothing has been launched or recovered yet.
};

}  // namespace tepui::containers
