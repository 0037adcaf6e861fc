#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/container_script.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// How a simulated framework decides; SchedulerNode does the rest (connections, subscription,
// acknowledgements, reconciliation, the table of tasks). One object a framework: it survives the
// crashes of its process, as a framework's database does.
class Framework {
 public:
  using Call = mesos::v1::scheduler::Call;

  // What it may use.
  class Tasks {
   public:
    virtual ~Tasks() = default;
    // An id never used before.
    virtual std::string NextId() = 0;
    // Not known to have ended.
    virtual std::vector<std::string> Living() const = 0;
    virtual void Send(Call call) = 0;
    virtual Clock& clock() = 0;
    virtual Random& random() = 0;
  };

  virtual ~Framework() = default;
  virtual v1::FrameworkInfo Info() const = 0;
  virtual void OnSubscribed(Tasks& tasks) = 0;
  virtual void OnOffers(Tasks& tasks, const std::vector<v1::Offer>& offers) = 0;
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
//   have ended well service   keeps N tasks running, replaces what ends, kills some now and then
//   greedy    takes all it is offered, for short tasks
//   hoarder   holds offers and never answers them
//   nonsense  calls that are wrong in every way: unknown ids, offers of others, too much, twice,
//   half empty
enum class FrameworkKind { kBatch, kService, kGreedy, kHoarder, kNonsense };
std::string_view Name(FrameworkKind kind);
std::unique_ptr<Framework> MakeFramework(FrameworkKind kind, const std::string& name,
                                         const std::string& role, SeededRandom random);

}  // namespace tepui::sim
