// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/resource_invariants.h"

#include "sim/invariants/invariants_testing.h"

namespace tepui::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

master::Changes AgentChanges(const std::string& total, const std::string& used,
                             const std::string& offered) {
  auto record = std::make_shared<master::AgentRecord>();
  record->total = R(total);
  record->used = R(used);
  record->offered = R(offered);
  master::Changes changes;
  changes.agents.emplace_back(AgentId("m-S0"), std::move(record));
  return changes;
}

v1::TaskInfo WithExecutor(v1::TaskInfo task, const std::string& resources) {
  task.mutable_executor()->mutable_executor_id()->set_value("e");
  R(resources).ToProto(task.mutable_executor()->mutable_resources());
  return task;
}

struct ResourceInvariantsTest : ::testing::Test {
  ResourceInvariantsTest() {
    link::Call subscribe;
    subscribe.set_type(link::Call::SUBSCRIBE);
    R("cpus:4;mem:1024")
        .ToProto(subscribe.mutable_subscribe()->mutable_info()->mutable_resources());
    resources.OnAgentSends("agent-0", subscribe);
  }

  void Sends(const SchedulerEvent& event, const std::string& framework = "f") {
    resources.OnMasterSends("master-0", framework, event);
  }
  void Accept(const std::vector<std::string>& offers, const std::vector<v1::TaskInfo>& tasks) {
    resources.OnSchedulerCall(AcceptOf("f", offers, tasks));
  }
  void Run(const v1::TaskInfo& task, bool launch_executor = true) {
    resources.OnMasterSends("master-0", RunTaskOf("f", task, launch_executor));
    resources.OnAgentEvent(RunTaskOf("f", task, launch_executor));
  }
  void Start(const std::string& task, const std::string& of) {
    resources.OnContainerStarted("agent-0", "c-" + task, task, R(of));
  }

  World world{1, false};
  Findings findings{world};
  ResourceInvariants resources{findings};
};

// --- capacity.

TEST_F(ResourceInvariantsTest, TheMasterCountsNoMoreInUseThanThereIs) {
  resources.OnPublished("master-0", AgentChanges("cpus:4;mem:64", "cpus:4;mem:64", ""));
  resources.OnPublished("master-0", AgentChanges("cpus:4;mem:64", "cpus:1", "cpus:3;mem:64"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  resources.OnPublished("master-0", AgentChanges("cpus:4;mem:64", "cpus:4.5", ""));
  EXPECT_THAT(NamesOf(findings), ElementsAre("capacity"));
}

TEST_F(ResourceInvariantsTest, ProgramsUseNoMoreThanTheMachineHas) {
  Start("t", "cpus:3;mem:10");
  Start("u", "cpus:1;mem:10");
  resources.OnContainerEnded("agent-0", "c-t");
  Start("v", "cpus:3;mem:10");
  resources.OnContainerEnded("agent-0", "c-u");
  resources.OnContainerEnded("agent-0", "c-v");
  Start("w", "cpus:4;mem:10");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Start("x", "cpus:0.1;mem:10");
  EXPECT_THAT(NamesOf(findings), ElementsAre("capacity"));
}

TEST_F(ResourceInvariantsTest, TasksOfExecutorsCountWhileTheyRun) {
  const v1::TaskInfo first = WithExecutor(TaskOn("m-S0", "t", "cpus:3"), "cpus:1");
  const v1::TaskInfo second = WithExecutor(TaskOn("m-S0", "u", "cpus:3"), "cpus:1");
  resources.OnAgentEvent(RunTaskOf("f", first));
  // The container is made with the resources of its first tasks, which are counted separately
  // below.
  resources.OnContainerStarted("agent-0", "c", "executor e", R("cpus:4"));
  resources.OnExecutorTask("agent-0", "t", true);
  resources.OnExecutorTask("agent-0", "t", false);
  resources.OnAgentEvent(RunTaskOf("f", second, false));
  resources.OnExecutorTask("agent-0", "u", true);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Start("v", "cpus:1");
  EXPECT_THAT(NamesOf(findings), ElementsAre("capacity"));
}

TEST_F(ResourceInvariantsTest, WhatARemovedFrameworkLeavesBehindDoesNotCount) {
  resources.OnAgentEvent(RunTaskOf("f", TaskOn("m-S0", "t", "cpus:4")));
  Start("t", "cpus:4");
  master::Changes changes;
  auto record = std::make_shared<master::FrameworkRecord>();
  record->completed = true;
  changes.frameworks.emplace_back(FrameworkId("f"), record);
  resources.OnPublished("master-0", changes);
  Start("u", "cpus:4");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Start("v", "cpus:4");
  EXPECT_THAT(NamesOf(findings), ElementsAre("capacity"));
}

// --- offered-once.

// A launch on a reservation: both were lost on their way to the agent.
TEST_F(ResourceInvariantsTest, WhatAnAgentCameBackWithoutIsNotInUse) {
  link::Event registered;
  registered.set_type(link::Event::SUBSCRIBED);
  registered.mutable_subscribed()->mutable_agent_id()->set_value("m-S0");
  resources.OnMasterSends("master-0", registered);
  resources.OnPublished("master-0", AgentChanges("cpus:4", "cpus:1;cpus(r):1", "cpus:3"));
  resources.OnPublished("master-0", AgentChanges("cpus:4", "cpus:1;cpus(r):0.5", "cpus:3"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  resources.OnPublished("master-0", AgentChanges("cpus:4", "cpus:1;cpus(r):1", "cpus:3"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once")) << "more than it came without";
  resources.OnMasterSends("master-0", registered);
  resources.OnPublished("master-0", AgentChanges("cpus:3;cpus(r):1", "cpus:1;cpus(r):1", "cpus:3"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once", "offered-once")) << "it has it";
}

TEST_F(ResourceInvariantsTest, WhatTheMasterTookFromTheTotalIsInUse) {
  resources.OnPublished("master-0", AgentChanges("cpus:4", "cpus:1;cpus(r):1", "cpus:3"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, NothingIsOfferedThatIsInUse) {
  resources.OnPublished("master-0", AgentChanges("cpus:4;mem:64", "cpus:2", "cpus:2.5"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, LaunchesUseWhatTheirOffersHold) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:2"));
  Sends(OfferOf("o2", "f", "m-S0", "cpus:2"));
  const v1::TaskInfo first = WithExecutor(TaskOn("m-S0", "t", "cpus:1"), "cpus:1");
  const v1::TaskInfo second = WithExecutor(TaskOn("m-S0", "u", "cpus:2"), "cpus:1");
  Accept({"o1", "o2"}, {first, second});
  Run(first);
  Run(second, /*launch_executor=*/false);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(ResourceInvariantsTest, LaunchesUseNotMoreThanTheirOffersHold) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:2"));
  const v1::TaskInfo task = WithExecutor(TaskOn("m-S0", "t", "cpus:2"), "cpus:0.1");
  Accept({"o1"}, {task});
  Run(task);
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, GroupsCountWhole) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:2"));
  link::Event event;
  event.set_type(link::Event::RUN_TASK_GROUP);
  link::Event::RunTaskGroup& run = *event.mutable_run_task_group();
  run.mutable_framework_info()->mutable_id()->set_value("f");
  run.set_launch_executor(true);
  R("cpus:0.5").ToProto(run.mutable_executor()->mutable_resources());
  for (const char* id : {"t", "u"})
    *run.mutable_task_group()->add_tasks() = TaskOn("m-S0", id, "cpus:1");
  Accept({"o1"}, {TaskOn("m-S0", "t"), TaskOn("m-S0", "u")});
  resources.OnMasterSends("master-0", event);
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, NothingIsLaunchedOnAnUnknownOffer) {
  const v1::TaskInfo task = TaskOn("m-S0", "t", "cpus:1");
  Run(task);
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once")) << "nobody asked";
  Sends(OfferOf("o1", "g", "m-S0", "cpus:2"), "g");
  Sends(OfferOf("o2", "f", "m-S0", "cpus:2"));
  Accept({"o1", "o2"}, {task});
  Run(task);
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once", "offered-once")) << "another's offer";
}

TEST_F(ResourceInvariantsTest, NothingIsLaunchedOnARescindedOffer) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:2"));
  Accept({"o1"}, {TaskOn("m-S0", "t")});
  Sends(RescindOf("o1"));
  Run(TaskOn("m-S0", "t"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, AnOfferIsUsedOnce) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:2"));
  Accept({"o1"}, {TaskOn("m-S0", "t")});
  Accept({"o1"}, {TaskOn("m-S0", "u")});
  Run(TaskOn("m-S0", "t"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Run(TaskOn("m-S0", "u"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, OffersOfALostAgentAreRescinded) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:1"));
  Sends(OfferOf("o2", "f", "m-S0", "cpus:1"));
  Sends(OfferOf("o3", "f", "m-S1", "cpus:1"));
  Sends(OfferOf("o4", "g", "m-S0", "cpus:1"), "g");
  Sends(RescindOf("o1"));
  Accept({"o2"}, {TaskOn("m-S0", "t")});  // The call is on its way to the master.
  Sends(AgentLostOf("m-S0"));
  // The end of an executor does not mean that its agent is lost.
  SchedulerEvent executor = AgentLostOf("m-S1");
  executor.mutable_failure()->mutable_executor_id()->set_value("e");
  Sends(executor);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Sends(AgentLostOf("m-S1"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

TEST_F(ResourceInvariantsTest, ANewSubscriptionEndsOldOffers) {
  Sends(OfferOf("o1", "f", "m-S0", "cpus:1"));
  Sends(SubscribedOf("f"));
  Sends(AgentLostOf("m-S0"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Sends(OfferOf("o2", "f", "m-S0", "cpus:1"));
  // This master does not know the offer.
  resources.OnMasterSends("master-1", "f", AgentLostOf("m-S0"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Sends(AgentLostOf("m-S0"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("offered-once"));
}

}  // namespace
}  // namespace tepui::sim
