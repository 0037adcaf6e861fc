// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/rest_invariants.h"

#include <functional>

#include "sim/invariants/invariants_testing.h"

namespace tepui::sim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A cluster at rest: one agent that runs task "t" of framework "f".
struct RestInvariantsTest : ::testing::Test {
  RestInvariantsTest() {
    tasks.OnSchedulerCall(AcceptOf("f", {"o"}, {TaskOn("m-S0", "t")}));
    tasks.OnSchedulerEvent(
        UpdateOf(Because(StatusOf("t", v1::TASK_RUNNING), v1::TaskStatus::REASON_RECONCILIATION)));

    RestPicture::Agent agent;
    agent.host = "agent-0";
    agent.running = agent.registered = true;
    agent.id = "m-S0";
    agent.tasks[{"f", "t"}] = v1::TASK_RUNNING;
    agent.executors.emplace("f", "e");
    agent.programs.insert("t");
    picture.agents.push_back(agent);

    RestPicture::Scheduler scheduler;
    scheduler.host = "framework-0";
    scheduler.running = scheduler.subscribed = true;
    scheduler.framework = "f";
    scheduler.tasks["t"] = v1::TASK_RUNNING;
    picture.schedulers.push_back(scheduler);

    RestPicture::Leader::Agent as_led;
    as_led.connected = true;
    as_led.used = as_led.held = R("cpus:1").ScalarQuantities();
    as_led.tasks = agent.tasks;
    as_led.executors = agent.executors;
    picture.leader.emplace();
    picture.leader->host = "master-0";
    picture.leader->agents["m-S0"] = as_led;
    picture.leader->frameworks["f"].connected = true;

    picture.removed = [this](const std::string& framework) { return removed.contains(framework); };
    picture.standing = [this](const std::string& id) {
      const auto found = standings.find(id);
      return found == standings.end() ? std::nullopt : std::optional(found->second);
    };
  }

  std::vector<std::string> Check() {
    Findings fresh{world};
    RestInvariants(picture, tasks, fresh).Check();
    return NamesOf(fresh);
  }
  // Returns the violations after `change`, which is undone.
  std::vector<std::string> CheckWith(const std::function<void(RestPicture&)>& change) {
    const RestPicture before = picture;
    change(picture);
    const std::vector<std::string> names = Check();
    picture = before;
    return names;
  }
  // The task is gone everywhere, and its framework received and accepted `state`.
  void End(v1::TaskState state) {
    picture.agents[0].tasks.clear();
    picture.agents[0].programs.clear();
    picture.leader->agents["m-S0"].tasks.clear();
    Hear(state);
  }
  void Hear(v1::TaskState state) {
    picture.schedulers[0].tasks["t"] = state;
    tasks.OnSchedulerEvent(
        UpdateOf(Because(StatusOf("t", state), v1::TaskStatus::REASON_RECONCILIATION)));
  }

  World world{1, false};
  Findings findings{world};
  TaskInvariants tasks{findings};
  RestPicture picture;
  std::map<std::string, Registry::Standing> standings{{"m-S0", Registry::Standing::kAdmitted}};
  std::set<std::string> removed;
};

TEST_F(RestInvariantsTest, AClusterAtRestIsRight) {
  EXPECT_THAT(Check(), IsEmpty());
  End(v1::TASK_FINISHED);
  EXPECT_THAT(Check(), IsEmpty());
}

// --- converged.

TEST_F(RestInvariantsTest, AMasterLeads) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader.reset(); }), ElementsAre("converged"));
}

TEST_F(RestInvariantsTest, AgentsThatRunAreRegistered) {
  const auto found = Contains("converged");
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].registered = false; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->agents["m-S0"].connected = false; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].id = "m-S1"; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->agents["m-S1"].connected = true; }),
              ElementsAre("converged"));
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->agents["m-S1"].connected = false; }),
              IsEmpty());
}

TEST_F(RestInvariantsTest, FrameworksThatRunAreSubscribed) {
  const auto found = Contains("converged");
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.schedulers[0].subscribed = false; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks["f"].connected = false; }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks["f"].completed = true; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks.clear(); }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.leader->frameworks.clear();
                p.schedulers[0].running = false;
              }),
              IsEmpty());
}

TEST_F(RestInvariantsTest, MasterAndAgentAgreeOnTasks) {
  const RestPicture::TaskKey other{"f", "u"};
  EXPECT_THAT(CheckWith([&](RestPicture& p) { p.agents[0].tasks[other] = v1::TASK_RUNNING; }),
              ElementsAre("converged"));
  EXPECT_THAT(
      CheckWith([&](RestPicture& p) { p.leader->agents["m-S0"].tasks[other] = v1::TASK_RUNNING; }),
      ElementsAre("converged"));
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.leader->agents["m-S0"].tasks.begin()->second = v1::TASK_STARTING;
              }),
              ElementsAre("converged"));
}

TEST_F(RestInvariantsTest, MasterAndAgentAgreeOnExecutors) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].executors.emplace("f", "e2"); }),
              ElementsAre("converged"));
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].executors.clear(); }),
              ElementsAre("converged"));
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.agents[0].idle_executors = std::move(p.agents[0].executors);
                p.agents[0].executors.clear();
              }),
              IsEmpty());
}

TEST_F(RestInvariantsTest, TheMastersBooksAddUp) {
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.leader->agents["m-S0"].used = R("cpus:2").ScalarQuantities();
              }),
              ElementsAre("converged"));
}

// --- nothing-forgotten.

TEST_F(RestInvariantsTest, TasksThatAFrameworkConsidersRunningAreRunning) {
  const auto found = Contains("nothing-forgotten");
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.agents[0].tasks.clear();
                p.leader->agents["m-S0"].tasks.clear();
              }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].programs.clear(); }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.schedulers[0].tasks["t"] = v1::TASK_STARTING; }),
              found);
}

TEST_F(RestInvariantsTest, RunningTasksAreNotRecordedAsEnded) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.schedulers[0].tasks["t"] = v1::TASK_LOST; }),
              ElementsAre("nothing-forgotten"));
}

TEST_F(RestInvariantsTest, RunningTasksBelongToAFramework) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].programs.insert("u"); }),
              ElementsAre("nothing-forgotten"));
}

TEST_F(RestInvariantsTest, WhatRunsIsKnownToItsAgent) {
  picture.schedulers[0].well_behaved = false;
  picture.schedulers[0].tasks["u"] = v1::TASK_KILLED;
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].programs.insert("u"); }),
              ElementsAre("nothing-forgotten"));
}

// --- gone-stays-gone and removed-stays-removed.

TEST_F(RestInvariantsTest, AnAgentThatWasRemovedDoesNotRun) {
  standings["m-S0"] = Registry::Standing::kRemoved;
  EXPECT_THAT(Check(), ElementsAre("gone-stays-gone"));
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].id = "m-S1"; }),
              ElementsAre("converged", "converged"));
}

TEST_F(RestInvariantsTest, NothingIsLeftOfARemovedFramework) {
  picture.leader->frameworks["g"].completed = true;
  removed.insert("g");
  EXPECT_THAT(Check(), IsEmpty());
  const auto found = Contains("removed-stays-removed");
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks["g"].completed = false; }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].executors.emplace("g", "e"); }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].idle_executors.emplace("g", "e"); }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].tasks[{"g", "u"}] = v1::TASK_RUNNING; }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                p.leader->agents["m-S0"].tasks[{"g", "u"}] = v1::TASK_KILLED;
              }),
              found);
}

TEST_F(RestInvariantsTest, AnOperatorsCallHasAnAnswer) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.unanswered = {"TEARDOWN of f"}; }),
              ElementsAre("converged"));
}

TEST_F(RestInvariantsTest, NothingIsPromisedToIllBehavedFrameworks) {
  picture.schedulers[0].well_behaved = false;
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.schedulers[0].tasks["t"] = v1::TASK_LOST; }),
              IsEmpty());
}

TEST_F(RestInvariantsTest, AnUnreachableTaskWasOnAnUnreachableAgent) {
  standings["m-S0"] = Registry::Standing::kUnreachable;
  End(v1::TASK_UNREACHABLE);
  EXPECT_THAT(Check(), IsEmpty());
  standings["m-S0"] = Registry::Standing::kRemoved;
  EXPECT_THAT(Check(), ElementsAre("nothing-forgotten", "gone-stays-gone"));
  standings["m-S0"] = Registry::Standing::kUnreachable;
  picture.agents[0].programs.insert("t");
  EXPECT_THAT(Check(), ElementsAre("told-truth", "nothing-forgotten"));
}

TEST_F(RestInvariantsTest, AnUnknownTaskDoesNotRun) {
  picture.schedulers[0].tasks["t"] = v1::TASK_UNKNOWN;
  EXPECT_THAT(Check(), ElementsAre("nothing-forgotten"));
  End(v1::TASK_UNKNOWN);
  EXPECT_THAT(Check(), IsEmpty());
}

// --- told-truth.

TEST_F(RestInvariantsTest, AnswersAreTrue) {
  // What the framework believes differs from the answer it received, so that only this check fails.
  picture.agents[0].programs.clear();
  picture.agents[0].tasks.begin()->second = v1::TASK_STAGING;
  picture.leader->agents["m-S0"].tasks.begin()->second = v1::TASK_STAGING;
  picture.schedulers[0].tasks["t"] = v1::TASK_STAGING;
  EXPECT_THAT(Check(), ElementsAre("told-truth"));
  Hear(v1::TASK_STAGING);
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(RestInvariantsTest, QuestionsAreAnswered) {
  world.clock().Advance(std::chrono::minutes(3));
  EXPECT_THAT(Check(), ElementsAre("told-truth"));
  Hear(v1::TASK_RUNNING);
  EXPECT_THAT(Check(), IsEmpty());
}

// --- statuses-arrive.

TEST_F(RestInvariantsTest, NoStatusIsLeft) {
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].unacknowledged.emplace("f", "t"); }),
              ElementsAre("statuses-arrive"));
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].unacknowledged.emplace("g", "t"); }),
              IsEmpty())
      << "of a framework that is not there to acknowledge";
  tasks.OnAgentSends("agent-0", SentOf("f", StatusOf("t", v1::TASK_RUNNING, "1")));
  EXPECT_THAT(Check(), ElementsAre("statuses-arrive"));
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.schedulers[0].well_behaved = false; }), IsEmpty());
  tasks.OnAgentEvent("agent-0", AcknowledgementOf("t", "1"));
  EXPECT_THAT(Check(), IsEmpty());
}

// --- bounded.

TEST_F(RestInvariantsTest, NothingGrowsBeyondItsBound) {
  const auto found = ElementsAre("bounded");
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.most_in_flight_bytes = 1 << 30; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].completed_frameworks = 51; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].completed_executors = 151; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.agents[0].completed_tasks = 201; }), found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks["f"].completed_tasks = 1001; }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) { p.leader->frameworks["f"].unreachable_tasks = 1001; }),
              found);
  EXPECT_THAT(CheckWith([](RestPicture& p) {
                for (int i = 0; i < 51; ++i)
                  p.leader->frameworks[std::to_string(i)].completed = true;
              }),
              found);
}

}  // namespace
}  // namespace tepui::sim
