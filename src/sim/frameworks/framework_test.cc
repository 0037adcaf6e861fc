// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/framework.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/virtual_clock.h"
#include "master/rules/validation.h"
#include "resources/make_resources.h"
#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_storage.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = Framework::Call;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;

constexpr FrameworkKind kKinds[] = {FrameworkKind::kBatch, FrameworkKind::kService,
                                    FrameworkKind::kGreedy, FrameworkKind::kHoarder,
                                    FrameworkKind::kNonsense};

std::vector<v1::TaskInfo> TasksOf(const Call& call) {
  std::vector<v1::TaskInfo> tasks;
  for (const Operation& operation : call.accept().operations()) {
    const auto& single = operation.launch().task_infos();
    const auto& group = operation.launch_group().task_group().tasks();
    tasks.insert(tasks.end(), single.begin(), single.end());
    tasks.insert(tasks.end(), group.begin(), group.end());
  }
  return tasks;
}

// A framework and its environment; the test acts as the master.
class Stage final : public Framework::Tasks {
 public:
  Stage(FrameworkKind kind, uint64_t seed)
      : framework(MakeFramework(kind, "f", "r", SeededRandom(seed))) {
    framework->OnSubscribed(*this);
  }

  std::string NextId() override { return "f-t" + std::to_string(next_task_++); }
  std::vector<std::string> Living() const override { return {living_.begin(), living_.end()}; }
  Clock& clock() override { return clock_; }
  void Send(Call call) override {
    for (const v1::TaskInfo& task : TasksOf(call)) living_.insert(task.task_id().value());
    calls.push_back(std::move(call));
  }

  v1::Offer MakeOffer(Resources resources, const std::string& agent = "a",
                      const std::string& role = "r") {
    v1::Offer offer;
    offer.mutable_id()->set_value("m-O" + std::to_string(next_offer_++));
    offer.mutable_framework_id()->set_value("id");
    offer.mutable_agent_id()->set_value(agent);
    offer.set_hostname(agent);
    offer.mutable_allocation_info()->set_role(role);
    resources.Allocate(role);
    resources.ToProto(offer.mutable_resources());
    return offer;
  }

  // Returns the calls with which the framework answers.
  std::vector<Call> Offer(const v1::Offer& offer) {
    calls.clear();
    framework->OnOffers(*this, {offer});
    return std::exchange(calls, {});
  }
  std::vector<Call> Offer(const Resources& resources) { return Offer(MakeOffer(resources)); }

  std::vector<Call> Tell(const std::string& task, v1::TaskState state) {
    calls.clear();
    if (HasEnded(state)) living_.erase(task);
    v1::TaskStatus status;
    status.mutable_task_id()->set_value(task);
    status.set_state(state);
    framework->OnStatus(*this, status);
    return std::exchange(calls, {});
  }

  std::vector<Call> Tick(Duration after = 5s) {
    calls.clear();
    clock_.Advance(after);
    framework->OnTick(*this);
    return std::exchange(calls, {});
  }

  const std::unique_ptr<Framework> framework;
  std::vector<Call> calls;

 private:
  VirtualClock clock_;
  int next_task_ = 1;
  int next_offer_ = 1;
  std::set<std::string> living_;
};

int Count(const std::vector<Call>& calls, Call::Type type) {
  return static_cast<int>(
      std::ranges::count_if(calls, [type](const Call& call) { return call.type() == type; }));
}

const Resources kMachine = R("cpus:8;mem:8192;disk:8192;ports:[31000-31009]");

TEST(Framework, EveryKindIsAValidFramework) {
  for (const FrameworkKind kind : kKinds) {
    const auto framework = MakeFramework(kind, "f", "r", SeededRandom(1));
    const v1::FrameworkInfo info = framework->Info();
    EXPECT_TRUE(info.IsInitialized());
    const Status valid =
        master::validation::ValidateFramework(info, framework->SuppressedRoles(), true);
    EXPECT_TRUE(valid) << Name(kind) << ": " << valid.error().message;
    EXPECT_GT(info.failover_timeout(), 3600) << Name(kind);
    const bool promised = kind != FrameworkKind::kHoarder && kind != FrameworkKind::kNonsense;
    EXPECT_EQ(framework->well_behaved(), promised) << Name(kind);
  }
}

TEST(Framework, DecidesByItsSeed) {
  for (const FrameworkKind kind : kKinds) {
    const auto play = [kind](uint64_t seed) {
      Stage stage(kind, seed);
      std::string story;
      for (int i = 0; i < 30; ++i) {
        for (const auto& calls : {stage.Offer(kMachine), stage.Tick()}) {
          for (const Call& call : calls) story += call.ShortDebugString() + "\n";
        }
      }
      return story;
    };
    EXPECT_EQ(play(1), play(1)) << Name(kind);
    if (kind != FrameworkKind::kHoarder) {
      EXPECT_NE(play(1), play(2)) << Name(kind);
    }
  }
}

// Launches of well-behaved frameworks fit into the offer, and their scripts are valid.
TEST(Framework, LaunchesWhatTheOfferHolds) {
  for (const FrameworkKind kind :
       {FrameworkKind::kBatch, FrameworkKind::kService, FrameworkKind::kGreedy}) {
    Stage stage(kind, 5);
    std::set<std::string> ids;
    for (int i = 0; i < 200; ++i) {
      const v1::Offer offer = stage.MakeOffer(kMachine);
      Resources left = Resources::FromProto(offer.resources()).value();
      for (const Call& call : stage.Offer(offer)) {
        for (const Operation& operation : call.accept().operations()) {
          if (!operation.has_launch() && !operation.has_launch_group()) {
            left = left.Apply(operation).value();
          }
        }
        for (const v1::TaskInfo& task : TasksOf(call)) {
          EXPECT_TRUE(ids.insert(task.task_id().value()).second);
          EXPECT_EQ(task.agent_id().value(), "a");
          const Resources used = Resources::FromProto(task.resources()).value();
          EXPECT_TRUE(left.Contains(used)) << used << " of " << left;
          left -= used;
          const auto script =
              ContainerScript::Parse(task.has_executor() ? task.data() : task.command().value());
          ASSERT_TRUE(script) << script.error().message;
          EXPECT_EQ(script->task, task.task_id().value());
          stage.Tell(task.task_id().value(), v1::TASK_FAILED);
        }
      }
      stage.Tick();
    }
    EXPECT_THAT(ids, SizeIs(Ge(100u))) << Name(kind);
  }
}

TEST(Framework, InTheCalmNothingIsLaunched) {
  for (const FrameworkKind kind : kKinds) {
    Stage stage(kind, 1);
    stage.Offer(kMachine);
    stage.calls.clear();
    stage.framework->Calm(stage);
    EXPECT_EQ(Count(stage.calls, Call::SUPPRESS), 1) << Name(kind);
    for (int i = 0; i < 50; ++i) {
      for (const auto& calls : {stage.Offer(kMachine), stage.Tick()}) {
        EXPECT_EQ(Count(calls, Call::ACCEPT), 0) << Name(kind);
        EXPECT_EQ(Count(calls, Call::REVIVE), 0) << Name(kind);
      }
    }
    if (kind != FrameworkKind::kGreedy && kind != FrameworkKind::kNonsense) {
      EXPECT_THAT(stage.framework->SuppressedRoles(), Not(IsEmpty())) << Name(kind);
    }
  }
}

// Launches until enough tasks run; then it declines.
TEST(Batch, RunsTasksOfAllKinds) {
  Stage stage(FrameworkKind::kBatch, 3);
  int commands = 0;
  int groups = 0;
  int custom = 0;
  int declined = 0;
  for (int i = 0; i < 200; ++i) {
    for (const Call& call : stage.Offer(kMachine)) {
      declined += call.type() == Call::DECLINE ? 1 : 0;
      for (const Operation& operation : call.accept().operations()) {
        if (operation.has_launch_group()) {
          ++groups;
          const auto& executor = operation.launch_group().executor();
          EXPECT_EQ(executor.type(), v1::ExecutorInfo::DEFAULT);
          EXPECT_FALSE(executor.has_command());
        }
        for (const v1::TaskInfo& task : operation.launch().task_infos()) {
          if (!task.has_executor()) {
            ++commands;
            continue;
          }
          ++custom;
          const auto script = ContainerScript::Parse(task.executor().command().value());
          ASSERT_TRUE(script);
          EXPECT_EQ(script->executor, task.executor().executor_id().value());
        }
      }
    }
    // Keeps it from finishing a batch.
    while (stage.Living().size() > 10) stage.Tell(stage.Living().front(), v1::TASK_FAILED);
  }
  EXPECT_GT(commands, 50);
  EXPECT_GT(groups, 10);
  EXPECT_GT(custom, 10);
  EXPECT_GT(declined, 10);
}

TEST(Batch, StopsAtTheNumberItRunsAtOnce) {
  Stage stage(FrameworkKind::kBatch, 3);
  for (int i = 0; i < 50; ++i) stage.Offer(kMachine);
  EXPECT_THAT(stage.Living(), SizeIs(AllOf(Ge(20u), Le(30u))));
  const std::vector<Call> calls = stage.Offer(kMachine);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].type(), Call::DECLINE);
  // Unreachable tasks do not count.
  for (const std::string& id : stage.Living()) stage.Tell(id, v1::TASK_UNREACHABLE);
  int accepts = 0;
  for (int i = 0; i < 10; ++i) accepts += Count(stage.Offer(kMachine), Call::ACCEPT);
  EXPECT_GT(accepts, 0);
}

TEST(Batch, KillsWhatDoesNotEndAndAsksAgain) {
  Stage stage(FrameworkKind::kBatch, 3);
  while (stage.Living().empty()) stage.Offer(kMachine);
  std::map<std::string, int> kills;
  for (int i = 0; i < 120; ++i) {
    for (const Call& call : stage.Tick()) {
      if (call.has_kill()) ++kills[call.kill().task_id().value()];
    }
  }
  EXPECT_EQ(kills.size(), stage.Living().size());
  for (const auto& [id, count] : kills) EXPECT_THAT(count, AllOf(Ge(5), Le(20))) << id;
}

// After a batch it rests until it asks for offers again, or is torn down and starts again.
TEST(Batch, RestsOrIsTornDownWhenABatchIsDone) {
  Stage stage(FrameworkKind::kBatch, 3);
  int rests = 0;
  int ends = 0;
  for (int i = 0; i < 2000; ++i) {
    stage.Offer(kMachine);
    for (const std::string& id : stage.Living()) {
      const std::vector<Call> calls = stage.Tell(id, v1::TASK_FINISHED);
      ends += Count(calls, Call::TEARDOWN);
      if (Count(calls, Call::SUPPRESS) == 0) continue;
      ++rests;
      EXPECT_THAT(stage.framework->SuppressedRoles(), ElementsAre("r", "r/jobs"));
      EXPECT_EQ(Count(stage.Offer(kMachine), Call::ACCEPT), 0);
      EXPECT_EQ(Count(stage.Tick(121s), Call::REVIVE), 1);
    }
  }
  EXPECT_GT(rests, 10);
  EXPECT_GT(ends, 5);
}

TEST(Service, KeepsANumberRunning) {
  Stage stage(FrameworkKind::kService, 2);
  for (int i = 0; i < 50; ++i) stage.Offer(kMachine);
  const size_t wanted = stage.Living().size();
  EXPECT_THAT(wanted, AllOf(Ge(3u), Le(6u)));
  stage.Tell(stage.Living().front(), v1::TASK_FAILED);
  EXPECT_THAT(stage.Living(), SizeIs(wanted - 1));
  for (int i = 0; i < 10; ++i) stage.Offer(kMachine);
  EXPECT_THAT(stage.Living(), SizeIs(wanted));
}

TEST(Service, ReplacesWhatIsUnreachableForLongAndEndsItWhenItComesBack) {
  Stage stage(FrameworkKind::kService, 2);
  for (int i = 0; i < 50; ++i) stage.Offer(kMachine);
  const std::string lost = stage.Living().front();
  const size_t before = stage.Living().size();
  stage.Tell(lost, v1::TASK_UNREACHABLE);
  stage.Offer(kMachine);
  EXPECT_THAT(stage.Living(), SizeIs(before));
  stage.clock();  // No tick in the meantime, because ticks kill tasks at random.
  static_cast<VirtualClock&>(stage.clock()).Advance(90s);
  for (int i = 0; i < 10; ++i) stage.Offer(kMachine);
  EXPECT_THAT(stage.Living(), SizeIs(before + 1));
  stage.Tell(lost, v1::TASK_RUNNING);
  EXPECT_GE(Count(stage.Tick(1s), Call::KILL), 1);
}

TEST(Service, AsksForOffersOnlyWhileItNeedsThem) {
  Stage stage(FrameworkKind::kService, 2);
  int suppressed = 0;
  int revived = 0;
  int updated = 0;
  int kills = 0;
  for (int i = 0; i < 1000; ++i) {
    if (stage.framework->SuppressedRoles().empty()) {
      suppressed += Count(stage.Offer(kMachine), Call::SUPPRESS);
    }
    const std::vector<Call> calls = stage.Tick();
    suppressed += Count(calls, Call::SUPPRESS);
    revived += Count(calls, Call::REVIVE);
    kills += Count(calls, Call::KILL);
    for (const Call& call : calls) {
      if (!call.has_update_framework()) continue;
      ++updated;
      const auto& info = call.update_framework().framework_info();
      EXPECT_EQ(info.ShortDebugString(), stage.framework->Info().ShortDebugString());
      const Status valid =
          master::validation::ValidateFramework(info,
                                                {call.update_framework().suppressed_roles().begin(),
                                                 call.update_framework().suppressed_roles().end()},
                                                true);
      EXPECT_TRUE(valid) << valid.error().message;
    }
    if (i % 5 == 0) {
      for (const Call& call : calls) {
        if (call.has_kill()) stage.Tell(call.kill().task_id().value(), v1::TASK_KILLED);
      }
    }
  }
  EXPECT_GT(suppressed, 10);
  EXPECT_THAT(revived, AllOf(Ge(suppressed - 1), Le(suppressed)));
  EXPECT_GT(updated, 10);
  EXPECT_GT(kills, 20);
}

// Each operation fits the offer; operations of all kinds occur, and nothing accumulates.
TEST(Storage, WorksOnWhatItIsOffered) {
  Storage storage("f", SeededRandom(1));
  Stage stage(FrameworkKind::kHoarder, 1);
  Resources agent = kMachine;
  std::map<std::string, int> types;
  std::set<std::string> ids;
  int volumes = 0;
  for (int i = 0; i < 500; ++i) {
    const v1::Offer offer = stage.MakeOffer(agent);
    OfferPool pool(ResourceFormat::kPostReservationRefinement);
    pool.Add(offer);
    Resources offered = pool.left();
    const Storage::Plan plan = storage.Use(offer, pool);
    for (const Operation& operation : plan.operations) {
      ++types[Operation::Type_Name(operation.type())];
      if (operation.has_id()) {
        EXPECT_TRUE(ids.insert(operation.id().value()).second);
      }
      const Result<Resources> after = offered.Apply(operation);
      ASSERT_TRUE(after) << after.error().message;
      offered = *after;
    }
    if (!plan.volume.empty()) {
      ++volumes;
      EXPECT_TRUE(offered.Contains(Resources::FromProto(plan.volume).value()));
    }
    EXPECT_THAT(offered.PersistentVolumes(), SizeIs(Le(1u)));
    agent = offered;
    agent.Unallocate();
  }
  for (const char* type :
       {"RESERVE", "UNRESERVE", "CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME"}) {
    EXPECT_GT(types[type], 5) << type;
  }
  EXPECT_GT(volumes, 50);
  EXPECT_EQ(agent.ScalarQuantities(), kMachine.ScalarQuantities());
}

TEST(Storage, LeavesAloneWhatOthersReserved) {
  Storage storage("f", SeededRandom(1));
  Stage stage(FrameworkKind::kHoarder, 1);
  for (int i = 0; i < 50; ++i) {
    const v1::Offer offer = stage.MakeOffer(Reserved(kMachine, "r"));
    OfferPool pool(ResourceFormat::kPostReservationRefinement);
    pool.Add(offer);
    EXPECT_THAT(storage.Use(offer, pool).operations, IsEmpty());
  }
}

TEST(Greedy, TakesAllCpusAndMemOfEachAgent) {
  Stage stage(FrameworkKind::kGreedy, 1);
  for (int i = 0; i < 20; ++i) {
    stage.calls.clear();
    stage.framework->OnOffers(stage, {stage.MakeOffer(R("cpus:4;mem:600"), "a"),
                                      stage.MakeOffer(R("cpus:3;mem:300"), "b"),
                                      stage.MakeOffer(R("cpus:2;mem:300"), "a")});
    ASSERT_THAT(stage.calls, SizeIs(2));
    const std::vector<std::pair<int, Resources>> expected = {{2, R("cpus:6;mem:900")},
                                                             {1, R("cpus:3;mem:300")}};
    for (size_t j = 0; j < 2; ++j) {
      EXPECT_EQ(stage.calls[j].accept().offer_ids_size(), expected[j].first);
      Resources used;
      for (const v1::TaskInfo& task : TasksOf(stage.calls[j]))
        used += Resources::FromProto(task.resources()).value();
      EXPECT_EQ(used.ScalarQuantities(), expected[j].second.ScalarQuantities());
    }
  }
  EXPECT_EQ(Count(stage.Offer(R("cpus:0.001;mem:100")), Call::DECLINE), 1);
}

TEST(Hoarder, KeepsEveryOfferUnanswered) {
  Stage stage(FrameworkKind::kHoarder, 1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(stage.Offer(kMachine), IsEmpty());
    for (const Call& call : stage.Tick())
      EXPECT_THAT(call.type(), AnyOf(Call::SUPPRESS, Call::REVIVE));
  }
}

// Hardly any call can be carried out by a master, and calls are wrong in many different ways.
TEST(Nonsense, IsWrongInManyWays) {
  Stage stage(FrameworkKind::kNonsense, 1);
  std::set<std::string> refusals;
  std::set<Call::Type> types;
  int empty_accepts = 0;
  int accepts = 0;
  for (int i = 0; i < 2000; ++i) {
    for (const auto& calls : {stage.Offer(kMachine), stage.Tick()}) {
      for (Call call : calls) {
        types.insert(call.type());
        if (!call.IsInitialized()) continue;  // The library refuses the call.
        if (!call.has_framework_id()) call.mutable_framework_id()->set_value("id");
        if (const Status valid = master::validation::ValidateCall(call, std::nullopt); !valid)
          refusals.insert(valid.error().message);
        if (call.type() != Call::ACCEPT) continue;
        ++accepts;
        if (call.accept().offer_ids().empty()) ++empty_accepts;
      }
    }
  }
  EXPECT_THAT(refusals, SizeIs(Ge(12u)));
  EXPECT_THAT(types, SizeIs(Ge(15u)));
  EXPECT_GT(accepts, 200);
  EXPECT_GT(empty_accepts, 10);
}

TEST(Nonsense, ToleratesTinyOffers) {
  Stage stage(FrameworkKind::kNonsense, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Count(stage.Offer(R("cpus:0.001")), Call::ACCEPT), 0);
}

}  // namespace
}  // namespace tepui::sim
