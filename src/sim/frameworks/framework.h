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

// Whether a framework gives a task of that state up for ended. LOST and UNKNOWN say only that
// nobody knows it anymore: it may come back.
bool HasEnded(v1::TaskState state);
bool MayComeBack(v1::TaskState state);

// How a simulated framework decides; SchedulerNode does the rest (connections, subscription,
// acknowledgements, reconciliation, the tables of tasks and operations). One object a framework: it
// survives the crashes of its process, as a framework's database does.
class Framework {
 public:
  using Call = mesos::v1::scheduler::Call;

  // What it may use.
  class Tasks {
   public:
    virtual ~Tasks() = default;
    // An id never used before.
    virtual std::string NextId() = 0;
    // Not given up for ended, by id.
    virtual std::vector<std::string> Living() const = 0;
    // Fills in the framework's id; dropped while it is not subscribed. TEARDOWN ends the framework
    // and everything it runs; then it subscribes as a new one.
    virtual void Send(Call call) = 0;
    virtual Clock& clock() = 0;
  };

  virtual ~Framework() = default;
  virtual v1::FrameworkInfo Info() const = 0;
  // Of the roles in Info.
  virtual std::vector<std::string> SuppressedRoles() const { return {}; }
  // Also after each return: offers of before are gone, calls may have got lost.
  virtual void OnSubscribed(Tasks& tasks) = 0;
  virtual void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) = 0;
  virtual void OnRescind(Tasks&, const v1::OfferID&) {}
  // Of a task whose state is news.
  virtual void OnStatus(Tasks& tasks, const v1::TaskStatus& status) = 0;
  // Every few seconds.
  virtual void OnTick(Tasks& tasks) = 0;
  // From now on nothing new is launched (the end of a run nears).
  virtual void Calm(Tasks& tasks) = 0;
  // False for those that send nonsense or never answer: what is promised to others is not checked
  // of them.
  virtual bool well_behaved() const { return true; }
};

// What a framework of each kind is for:
//   batch     finite tasks of all scripts, also task groups and custom executors, until so many
//             have ended well; then it waits, or is torn down and begins anew
//   service   keeps N tasks running, replaces what ends, kills some now and then; reserves
//             resources and makes volumes
//   greedy    takes all it is offered, for short tasks; knows no capabilities
//   hoarder   holds offers and never answers them
//   nonsense  calls that are wrong in every way: unknown ids, offers of others, too much, twice,
//             half empty
enum class FrameworkKind { kBatch, kService, kGreedy, kHoarder, kNonsense };
std::string_view Name(FrameworkKind kind);
// `name` is the beginning of the ids it makes.
std::unique_ptr<Framework> MakeFramework(FrameworkKind kind, const std::string& name,
                                         const std::string& role, SeededRandom random);

}  // namespace tepui::sim
