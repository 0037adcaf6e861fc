// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/frameworks/container_script.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// HasEnded returns true if a framework regards a task in that state as ended. MayComeBack returns
// true for LOST and UNKNOWN, which only mean that the task is not known any more.
bool HasEnded(v1::TaskState state);
bool MayComeBack(v1::TaskState state);

// Decisions of a simulated framework; SchedulerNode does the rest (connections, subscription,
// acknowledgements, reconciliation, the tables of tasks and operations). One object per framework;
// like a framework's database, it survives the crashes of the process.
class Framework {
 public:
  using Call = mesos::v1::scheduler::Call;

  // What a framework may use.
  class Tasks {
   public:
    virtual ~Tasks() = default;
    // Returns an id that was never used before.
    virtual std::string NextId() = 0;
    // Ids of the tasks that are not regarded as ended, sorted.
    virtual std::vector<std::string> Living() const = 0;
    // Fills in the framework's id; drops the call while the framework is not subscribed. TEARDOWN
    // ends the framework and everything it runs; it then subscribes as a new framework.
    virtual void Send(Call call) = 0;
    virtual Clock& clock() = 0;
  };

  virtual ~Framework() = default;
  virtual v1::FrameworkInfo Info() const = 0;
  // Suppressed roles among those in Info.
  virtual std::vector<std::string> SuppressedRoles() const { return {}; }
  // Also called after each resubscription: earlier offers are gone, and calls may be lost.
  virtual void OnSubscribed(Tasks& tasks) = 0;
  virtual void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) = 0;
  virtual void OnRescind(Tasks&, const v1::OfferID&) {}
  // Called when the state of a task changed.
  virtual void OnStatus(Tasks& tasks, const v1::TaskStatus& status) = 0;
  // Called every few seconds.
  virtual void OnTick(Tasks& tasks) = 0;
  // Called when the end of a run is near: nothing new is launched from now on.
  virtual void Calm(Tasks& tasks) = 0;
  // False for frameworks that send nonsense or never answer: the guarantees that well-behaved
  // frameworks have are not checked for them.
  virtual bool well_behaved() const { return true; }
};

// The kinds of frameworks:
//   batch     runs finite tasks of all scripts, also task groups and custom executors, until a
//             number of them have finished; then it waits, or is torn down and starts again
//   service   keeps N tasks running, replaces those that end, kills some now and then; reserves
//             resources and creates volumes
//   greedy    uses all resources it is offered, for short tasks; knows no capabilities
//   hoarder   holds offers and never answers them
//   nonsense  sends calls that are wrong in every way: unknown ids, other frameworks' offers, too
//             many resources, duplicates, missing fields
enum class FrameworkKind { kBatch, kService, kGreedy, kHoarder, kNonsense };
std::string_view Name(FrameworkKind kind);
// `name` is the prefix of the ids that the framework makes.
std::unique_ptr<Framework> MakeFramework(FrameworkKind kind, const std::string& name,
                                         const std::string& role, SeededRandom random);

}  // namespace tepui::sim
