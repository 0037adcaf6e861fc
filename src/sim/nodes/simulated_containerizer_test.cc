// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/simulated_containerizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <map>
#include <optional>

#include "resources/make_resources.h"
#include "sim/nodes/recording_observer.h"

namespace tepui::sim {
namespace {

using containers::ExecResult;
using containers::Launched;
using containers::Termination;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

using Words = std::vector<std::string>;

class SimulatedContainerizerTest : public testing::Test {
 protected:
  SimulatedContainerizerTest() { containerizer_->Attach(agent_); }

  // Launches container `id`; its events are recorded in `told_`.
  void Launch(const std::string& id, const std::string& script, bool outlives_agent = false) {
    containers::LaunchSpec spec;
    spec.outlives_agent = outlives_agent;
    spec.id = ContainerId(id);
    spec.command.set_value(script);
    spec.resources = R("cpus:1;mem:64");
    containerizer_->Launch(std::move(spec), [this, id](Result<Launched> result) {
      if (!result) {
        told_.push_back(id + " fails");
        errors_[id] = result.error().message;
        return;
      }
      told_.push_back(id + " runs");
      EXPECT_GT(result->pid, 0);
      launched_[id] = *result;
      containerizer_->Wait(ContainerId(id), [this, id](Termination termination) {
        told_.push_back(id + " ended");
        ended_[id] = std::move(termination);
        containerizer_->Forget(ContainerId(id));
      });
    });
  }
  void Go(const std::string& id) { containerizer_->Go(ContainerId(id)); }

  // Returns what the agent's next life `next` finds of containers whose start was not recorded.
  containers::Recovered RecoverUnrecorded(Process& next, const Words& ids) {
    containerizer_->Attach(next);
    std::vector<containers::RecoverSpec> specs;
    for (const std::string& id : ids) {
      containers::RecoverSpec& spec = specs.emplace_back();
      spec.launch.id = ContainerId(id);
      spec.launched.boot_id = "boot 1";
    }
    containers::Recovered recovered;
    containerizer_->Recover(std::move(specs), [&](Result<containers::Recovered> result) {
      ASSERT_TRUE(result);
      recovered = std::move(*result);
    });
    world_.clock().Advance(seconds(1));
    return recovered;
  }

  World world_{7, /*keep_trace=*/false};
  Network network_{world_, {}};
  RecordingObserver observer_;
  Process agent_{world_, "agent-0"};
  MachineFaults faults_;
  std::unique_ptr<SimulatedContainerizer> containerizer_ = std::make_unique<SimulatedContainerizer>(
      SimulatedContainerizer::Parts{world_, network_, observer_}, "agent-0", "boot 1",
      SeededRandom(1), faults_);

  Words told_;
  std::map<std::string, Launched> launched_;
  std::map<std::string, std::string> errors_;
  std::map<std::string, Termination> ended_;
};

TEST_F(SimulatedContainerizerTest, AProgramRunsAsItsScriptSays) {
  Launch("c", "task=t start=2s run=30s exit=3");
  world_.clock().Advance(seconds(2));
  EXPECT_THAT(observer_.programs, IsEmpty());
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1; mem:64"));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("t"));
  EXPECT_THAT(told_, ElementsAre("c runs"));
  world_.clock().Advance(seconds(28));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("t"));
  world_.clock().Advance(seconds(2));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1; mem:64", "t ends"));
  EXPECT_THAT(containerizer_->RunningTasks(), IsEmpty());
  EXPECT_THAT(told_, ElementsAre("c runs", "c ended"));
  EXPECT_EQ(ended_["c"].status, 3 << 8);
  EXPECT_FALSE(ended_["c"].reason);
}

// The agent receives events in their order, however close they are.
TEST_F(SimulatedContainerizerTest, AnEndIsToldAfterTheBeginning) {
  for (int i = 0; i < 50; ++i) {
    const std::string id = std::to_string(i);
    told_.clear();
    Launch(id, "task=t");
    world_.clock().Advance(seconds(1));
    ASSERT_THAT(told_, ElementsAre(id + " runs", id + " ended"));
  }
}

TEST_F(SimulatedContainerizerTest, SomeMindSigtermAndSomeDoNot) {
  Launch("a", "task=polite run=inf");
  Launch("b", "task=stubborn run=inf term=ignore");
  world_.clock().Advance(seconds(1));
  EXPECT_TRUE(containerizer_->Signal(ContainerId("a"), SIGTERM));
  EXPECT_TRUE(containerizer_->Signal(ContainerId("b"), SIGTERM));
  world_.clock().Advance(minutes(1));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("stubborn"));
  EXPECT_EQ(ended_["a"].status, SIGTERM);
  EXPECT_FALSE(containerizer_->Signal(ContainerId("a"), SIGTERM)) << "it is gone";

  containerizer_->Destroy(ContainerId("b"));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(containerizer_->RunningTasks(), IsEmpty());
  EXPECT_EQ(ended_["b"].status, SIGKILL);
}

TEST_F(SimulatedContainerizerTest, TheLimitOfMemoryIsTheReason) {
  Launch("c", "task=t run=5s end=oom");
  world_.clock().Advance(seconds(6));
  EXPECT_EQ(ended_["c"].status, SIGKILL);
  EXPECT_EQ(ended_["c"].reason, v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(ended_["c"].limited, R("mem:64"));
  EXPECT_THAT(ended_["c"].message, testing::HasSubstr("64MB"));
}

TEST_F(SimulatedContainerizerTest, LaunchesFail) {
  Launch("a", "task=t start=fail");
  Launch("b", "sleep 1000");
  world_.clock().Advance(seconds(1));
  faults_.launches_fail = true;
  Launch("c", "task=t run=inf");
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(told_, ElementsAre("b fails", "a fails", "c fails"));
  EXPECT_THAT(errors_["b"], testing::HasSubstr("'sleep'"));
  faults_.launches_fail = false;
  Launch("d", "task=t run=inf");
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(told_.back(), "d runs");
  Launch("d", "task=t run=inf");
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(told_.back(), "d fails") << "there is one of that id";
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("t"));
}

TEST_F(SimulatedContainerizerTest, ALaunchThatHangsCanBeDestroyed) {
  Launch("c", "task=t start=hang");
  world_.clock().Advance(minutes(60));
  EXPECT_THAT(told_, IsEmpty());
  containerizer_->Destroy(ContainerId("c"));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(told_, ElementsAre("c fails"));
  EXPECT_THAT(observer_.programs, IsEmpty());
}

TEST_F(SimulatedContainerizerTest, NestedContainersAreDestroyedWithTheirParent) {
  Launch("p.a", "task=a run=inf");
  Launch("p.b", "task=b run=inf");
  Launch("pp", "task=c run=inf");
  world_.clock().Advance(seconds(1));
  containerizer_->Destroy(ContainerId("p"));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("c"));
}

// While the agent's process is paused, its containers continue.
TEST_F(SimulatedContainerizerTest, ContainersGoOnWhileTheAgentIsPaused) {
  Launch("c", "task=t run=30s");
  agent_.Pause();
  world_.clock().Advance(minutes(1));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1; mem:64", "t ends"));
  EXPECT_THAT(told_, IsEmpty());
  agent_.Resume();
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(told_, ElementsAre("c runs", "c ended"));
}

TEST_F(SimulatedContainerizerTest, OneContainerDiesOfWhatComesFromOutside) {
  SeededRandom random(3);
  containerizer_->KillOne(random);  // There is no container.
  Launch("a", "task=a run=inf");
  Launch("b", "task=b run=inf");
  Launch("c", "task=c start=hang");
  world_.clock().Advance(seconds(1));
  containerizer_->KillOne(random);
  world_.clock().Advance(seconds(1));
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_EQ(ended_.begin()->second.status, SIGSEGV);
  EXPECT_EQ(containerizer_->RunningTasks().size(), 1u);
}

TEST_F(SimulatedContainerizerTest, ThereIsNothingToWaitForInWhatIsUnknown) {
  std::optional<Termination> termination;
  containerizer_->Wait(ContainerId("c"), [&](Termination told) { termination = std::move(told); });
  EXPECT_FALSE(termination) << "not from inside the call";
  world_.clock().Advance(seconds(1));
  ASSERT_TRUE(termination);
  EXPECT_FALSE(termination->status);
}

TEST_F(SimulatedContainerizerTest, ChecksRunBesideAProgram) {
  Launch("c", "task=t run=1m");
  world_.clock().Advance(seconds(1));
  std::map<std::string, int> results;
  const auto check = [&](Duration timeout) {
    containerizer_->Exec(ContainerId("c"), {}, timeout, [&](Result<ExecResult> result) {
      if (!result) {
        ++results["none"];
      } else if (result->timed_out) {
        ++results["timed out"];
      } else {
        ++results[result->status == 0 ? "good" : "bad"];
      }
    });
  };
  for (int i = 0; i < 100; ++i) check(seconds(10));
  world_.clock().Advance(seconds(10));
  EXPECT_EQ(results["good"] + results["bad"], 100);
  EXPECT_GT(results["bad"], 0);
  EXPECT_GT(results["good"], results["bad"]);
  check(milliseconds(0));
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(results["timed out"], 1);
  world_.clock().Advance(minutes(1));
  check(seconds(10));
  world_.clock().Advance(seconds(10));
  EXPECT_EQ(results["none"], 1) << "the program has ended";
}

TEST_F(SimulatedContainerizerTest, TheNextAgentFindsWhatOutlivedTheLast) {
  Launch("runs", "task=runs run=inf", true);
  Launch("ends", "task=ends run=30s exit=3", true);
  Launch("orphan", "task=orphan run=inf", true);
  for (const char* id : {"runs", "ends", "orphan"}) Go(id);
  Launch("dies", "task=dies run=inf", false);
  world_.clock().Advance(seconds(1));
  agent_.Kill();
  containerizer_->Detach();
  world_.clock().Advance(minutes(1));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("orphan", "runs"));

  Process next(world_, "agent-0");
  containerizer_->Attach(next);
  std::vector<containers::RecoverSpec> specs;
  for (const char* id : {"runs", "ends", "dies"}) {
    containers::RecoverSpec& spec = specs.emplace_back();
    spec.launch.id = ContainerId(id);
    spec.launched = launched_.at(id);
  }
  std::optional<containers::Recovered> recovered;
  containerizer_->Recover(std::move(specs), [&](Result<containers::Recovered> result) {
    ASSERT_TRUE(result);
    recovered = std::move(*result);
  });
  world_.clock().Advance(seconds(1));
  ASSERT_TRUE(recovered);
  EXPECT_THAT(recovered->running, ElementsAre(ContainerId("runs")));
  ASSERT_EQ(recovered->ended.size(), 2u);
  EXPECT_EQ(recovered->ended[0].termination.status, 3 << 8);
  EXPECT_EQ(recovered->ended[1].termination.status, SIGKILL);
  EXPECT_THAT(recovered->orphans, ElementsAre(ContainerId("orphan")));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("runs"));
  next.Kill();
  containerizer_.reset();
}

TEST_F(SimulatedContainerizerTest, AProgramThatOutlivesTheAgentWaitsForGo) {
  Launch("c", "task=t run=inf", true);
  world_.clock().Advance(minutes(1));
  EXPECT_THAT(observer_.programs, IsEmpty());
  Go("c");
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(containerizer_->RunningTasks(), ElementsAre("t"));
}

TEST_F(SimulatedContainerizerTest, TheNextAgentLearnsWhatRan) {
  Launch("ended", "task=ended run=1s", true);
  Launch("held", "task=held run=inf", true);
  Launch("runs", "task=runs run=inf", true);
  Go("ended");
  Go("runs");
  agent_.Kill();
  containerizer_->Detach();
  world_.clock().Advance(seconds(5));
  Process next(world_, "agent-0");
  const containers::Recovered recovered =
      RecoverUnrecorded(next, {"ended", "held", "never launched", "runs"});
  EXPECT_THAT(recovered.running, ElementsAre(ContainerId("runs")));
  EXPECT_GT(recovered.processes.at(ContainerId("runs")).pid, 0);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_EQ(recovered.ended[0].id, ContainerId("ended"));
  EXPECT_THAT(recovered.not_started,
              ElementsAre(ContainerId("held"), ContainerId("never launched")));
  next.Kill();
  containerizer_.reset();
}

TEST_F(SimulatedContainerizerTest, AllEndsWithTheMachine) {
  Launch("a", "task=a run=inf");
  Launch("b", "task=b start=1m run=inf");
  world_.clock().Advance(seconds(1));
  agent_.Kill();
  containerizer_.reset();
  world_.clock().Advance(minutes(5));
  EXPECT_THAT(observer_.programs, ElementsAre("a starts with cpus:1; mem:64", "a ends"));
  EXPECT_THAT(told_, ElementsAre("a runs"));
}

TEST(SimulatedProberTest, MostlySucceeds) {
  World world(7, /*keep_trace=*/false);
  Process agent(world, "agent-0");
  MachineFaults faults;
  SimulatedProber prober(agent, SeededRandom(1), faults);
  std::map<int, int> http;
  std::map<bool, int> tcp;
  for (int i = 0; i < 100; ++i) {
    prober.Http("http", "127.0.0.1", 80, "/", seconds(1),
                [&](Result<int> status) { ++http[status.value_or(0)]; });
    prober.Tcp("127.0.0.1", 80, seconds(1), [&](Result<bool> up) { ++tcp[up.value_or(false)]; });
  }
  prober.Http("http", "127.0.0.1", 80, "/", milliseconds(0),
              [&](Result<int> status) { ++http[status.value_or(0)]; });
  world.clock().Advance(seconds(2));
  EXPECT_EQ(http[200] + http[503], 100);
  EXPECT_GT(http[503], 0);
  EXPECT_GT(http[200], http[503]);
  EXPECT_EQ(http[0], 1) << "of no time at all";
  EXPECT_EQ(tcp[true] + tcp[false], 100);
  EXPECT_GT(tcp[true], tcp[false]);
  EXPECT_GT(tcp[false], 0);

  faults.checks_fail = false;
  const int failed = http[503];
  for (int i = 0; i < 100; ++i) {
    prober.Http("http", "127.0.0.1", 80, "/", milliseconds(10),
                [&](Result<int> status) { ++http[status.value_or(0)]; });
  }
  world.clock().Advance(seconds(2));
  EXPECT_EQ(http[503], failed);
  EXPECT_EQ(http[0], 1);
}

}  // namespace
}  // namespace tepui::sim
