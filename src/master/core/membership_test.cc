// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

AgentId Agent(const Node& node) { return AgentId(node.id); }

Status MarkGone(MasterHarness& h, const AgentId& agent) {
  auto status = std::make_shared<Status>(MasterHarness::NoReply());
  h.master->MarkAgentGone({}, agent, [status](Status s) { *status = std::move(s); });
  h.clock.Settle();
  return *status;
}

// A registry of `count` agents, none of which comes back by itself.
RecoveredRegistry WithAgents(int count) {
  RecoveredRegistry registry;
  for (int i = 0; i < count; ++i) {
    registry.agents.push_back(MasterHarness::Machine().info());
    registry.agents.back().mutable_id()->set_value("old-S" + std::to_string(i));
  }
  return registry;
}

// --- The removal limits (reference 4).

TEST(RemovalRate, SpacesTheLossOfAgents) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_removal_rate = RemovalRate{.agents = 1, .per = minutes(1)};
  MasterHarness h(options);
  const std::vector<Node> nodes = {h.Join(MasterHarness::Machine("cpus:1", "a", 1)),
                                   h.Join(MasterHarness::Machine("cpus:1", "b", 2)),
                                   h.Join(MasterHarness::Machine("cpus:1", "c", 3))};
  h.clock.Advance(seconds(76));
  EXPECT_EQ(h.Read().agents().size(), 2u);
  h.clock.Advance(minutes(1));
  EXPECT_EQ(h.Read().agents().size(), 1u);
  h.clock.Advance(minutes(1));
  EXPECT_EQ(h.Read().agents().size(), 0u);
}

TEST(RemovalRate, AnAgentThatAnswersBeforeItsTurnStays) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_removal_rate = RemovalRate{.agents = 1, .per = minutes(1)};
  MasterHarness h(options);
  h.Join(MasterHarness::Machine("cpus:1", "a", 1));
  const Node second = h.Join(MasterHarness::Machine("cpus:1", "b", 2));
  h.clock.Advance(seconds(76));
  EXPECT_TRUE(h.Say(second, link::Call::PONG));
  EXPECT_EQ(h.Metric("slave_unreachable_canceled"), 1);
  h.PassTime(minutes(3), {&second});
  EXPECT_THAT(h.Read().agents(), SizeIs(1));
}

TEST(RecoveredAgents, BecomeUnreachableAtTheRemovalRate) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_removal_rate = RemovalRate{.agents = 1, .per = minutes(1)};
  MasterHarness h(options, WithAgents(3));
  h.clock.Advance(options.agent_reregister_timeout);
  EXPECT_THAT(h.registrar.asked, SizeIs(1));
  h.clock.Advance(minutes(2));
  EXPECT_THAT(h.registrar.asked, SizeIs(3));
}

TEST(RecoveredAgents, OneWhoseLossTheRegistryRefusedBecomesUnreachableLater) {
  const Options options = MasterHarness::DefaultOptions();
  MasterHarness h(options, WithAgents(1));
  h.registrar.held = true;
  h.clock.Advance(options.agent_reregister_timeout);
  ASSERT_THAT(h.registrar.asked, SizeIs(1));
  h.registrar.Release(Fail(Code::kTooLarge, "the record is too large"));
  h.clock.Advance(seconds(11));
  EXPECT_THAT(h.registrar.asked, ElementsAre("unreachable old-S0", "unreachable old-S0"));
  EXPECT_EQ(h.Metric("recovery_slave_removals"), 1);
  h.clock.Advance(minutes(5));
  EXPECT_THAT(h.registrar.asked, SizeIs(2));
}

TEST(RecoveredAgents, OneThatReregistersBeforeItsTurnStays) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_removal_rate = RemovalRate{.agents = 1, .per = minutes(1)};
  MasterHarness h(options, WithAgents(2));
  h.clock.Advance(options.agent_reregister_timeout);
  ASSERT_THAT(h.registrar.asked, SizeIs(1));
  Node late;
  late.subscribe = MasterHarness::Machine();
  late.subscribe.mutable_info()->mutable_id()->set_value(
      h.registrar.asked[0] == "unreachable old-S0" ? "old-S1" : "old-S0");
  EXPECT_TRUE(h.Rejoin(&late));
  h.PassTime(minutes(2), {&late});
  EXPECT_THAT(h.registrar.asked, SizeIs(1));
}

TEST(RecoveredAgents, TheMasterExitsIfTooManyAreMissing) {
  Options options = MasterHarness::DefaultOptions();
  options.recovery_agent_removal_limit = 0.5;
  std::vector<std::string> ends;
  options.exit = [&](const Error& error) { ends.push_back(error.message); };
  MasterHarness h(options, WithAgents(4));
  Node back;
  back.subscribe = MasterHarness::Machine();
  back.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
  h.Rejoin(&back);
  h.PassTime(options.agent_reregister_timeout, {&back});
  EXPECT_THAT(ends, ElementsAre(HasSubstr("3 of the registry's 4 agents")));
  EXPECT_THAT(h.registrar.asked, Not(Contains(HasSubstr("unreachable"))));
}

TEST(RecoveredAgents, AsManyMissingAsTheLimitAllowsBecomeUnreachable) {
  Options options = MasterHarness::DefaultOptions();
  options.recovery_agent_removal_limit = 1;
  options.exit = [](const Error& error) { ADD_FAILURE() << error.message; };
  MasterHarness h(options, WithAgents(4));
  h.clock.Advance(options.agent_reregister_timeout);
  EXPECT_THAT(h.registrar.asked, SizeIs(4));
}

// --- One way out at a time.

TEST(LeavingAgents, OneThatIsReplacedDoesNotBecomeUnreachableAsWell) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_removal_rate = RemovalRate{.agents = 1, .per = minutes(1)};
  MasterHarness h(options);
  h.Join(MasterHarness::Machine("cpus:1", "a", 1));
  h.Leave(h.Join(MasterHarness::Machine("cpus:1", "b", 2)));
  h.clock.Advance(seconds(76));  // The first is unreachable; the second waits for its turn.
  h.registrar.asked.clear();
  h.registrar.held = true;
  const Node next = h.Join(MasterHarness::Machine("cpus:1", "b", 2));
  h.clock.Advance(minutes(2));  // The turn of the replaced agent passes.
  EXPECT_THAT(h.registrar.asked, ElementsAre("remove m-S1", "put m-S2"));
  h.registrar.Release();
  EXPECT_THAT(h.Read().agent_order(), ElementsAre(AgentId("m-S2")));
  EXPECT_EQ(h.Metric("slave_unreachable_canceled"), 1);
}

TEST(LeavingAgents, OneWhoseNewInfoIsWrittenMayUnregister) {
  MasterHarness h;
  Node node = h.Join();
  const Node old = node;
  node.subscribe.mutable_info()->mutable_resources(0)->mutable_scalar()->set_value(8);
  h.registrar.held = true;
  h.Rejoin(&node);
  EXPECT_TRUE(h.Say(old, link::Call::UNREGISTER));
  h.registrar.Release();
  EXPECT_THAT(h.registrar.asked, ElementsAre("put m-S0", "put m-S0", "remove m-S0"));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
  EXPECT_THAT(h.Take(node), IsEmpty());
}

// --- MARK_AGENT_GONE.

TEST(GoneAgents, TakeTheirTasksWithThem) {
  MasterHarness h;
  Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Report(node, scheduler, "t", v1::TASK_RUNNING);
  h.Take(scheduler);
  EXPECT_TRUE(MarkGone(h, Agent(node)));
  EXPECT_THAT(h.registrar.asked, Contains("gone m-S0"));
  const auto statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN), SizeIs(1));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
  // A second call is no error, and the agent does not come back.
  EXPECT_TRUE(MarkGone(h, Agent(node)));
  h.Rejoin(&node);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN), SizeIs(1));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
}

// Runs a task on `node`, marks the agent gone, and returns the statuses that the scheduler gets.
std::vector<v1::TaskStatus> RunUntilGone(MasterHarness& h, const Scheduler& scheduler,
                                         const Node& node, bool unreachable) {
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Report(node, scheduler, "t", v1::TASK_RUNNING);
  if (unreachable) {
    h.Leave(node);
    h.clock.Advance(minutes(2));
  }
  h.Take(scheduler);
  EXPECT_TRUE(MarkGone(h, Agent(node)));
  return h.TakeStatuses(scheduler);
}

// Frameworks that do not know the state get TASK_LOST.
TEST(GoneAgents, AreLostForFrameworksThatAreNotPartitionAware) {
  for (const bool away : {false, true}) {
    MasterHarness h;
    const Node node = h.Join();
    const Scheduler scheduler =
        h.Subscribe(MasterHarness::InfoWithout(v1::FrameworkInfo::Capability::PARTITION_AWARE));
    const auto statuses = RunUntilGone(h, scheduler, node, away);
    ASSERT_THAT(statuses, SizeIs(1));
    EXPECT_EQ(statuses[0].state(), v1::TASK_LOST);
    EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REMOVED);
    EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
    EXPECT_EQ(h.Metric("tasks_lost"), 1);
  }
}

TEST(GoneAgents, AreAnnouncedAfterTheRegistryIsWritten) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Take(scheduler);
  h.registrar.held = true;
  MarkGone(h, Agent(node));
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  EXPECT_EQ(MarkGone(h, Agent(node)).error().code, Code::kUnavailable);
  h.registrar.Release();
  EXPECT_THAT(h.TakeStatuses(scheduler), SizeIs(1));
}

TEST(GoneAgents, StayIfTheRegistryRefuses) {
  MasterHarness h;
  const Node node = h.Join();
  h.registrar.held = true;
  MarkGone(h, Agent(node));
  h.registrar.Release(Fail(Code::kInternal, "the disk is full"));
  EXPECT_THAT(h.Read().agents(), SizeIs(1));
  EXPECT_TRUE(h.Say(node, link::Call::PONG));
  h.registrar.held = false;
  EXPECT_TRUE(MarkGone(h, Agent(node)));
}

TEST(GoneAgents, MayHaveBeenUnreachable) {
  MasterHarness h;
  Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  const auto statuses = RunUntilGone(h, scheduler, node, /*unreachable=*/true);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  EXPECT_THAT(h.Read(scheduler).unreachable, IsEmpty());
  const auto& completed = h.Read(scheduler).completed;
  ASSERT_THAT(completed, SizeIs(1));
  EXPECT_EQ(completed.begin()->second->state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(h.Metric("tasks_gone_by_operator"), 1);
  EXPECT_EQ(h.Metric("tasks_unreachable"), 0);
}

TEST(GoneAgents, MayNotBeBackYet) {
  MasterHarness h(MasterHarness::DefaultOptions(), WithAgents(1));
  EXPECT_TRUE(MarkGone(h, AgentId("old-S0")));
  h.clock.Advance(minutes(11));
  EXPECT_THAT(h.registrar.asked, ElementsAre("gone old-S0"));
  EXPECT_EQ(MarkGone(h, AgentId("nobody")).error().code, Code::kNotFound);
}

// --- Registry pruning (reference 4: records that are too old or too many).

TEST(RegistryPruning, ForgetsByAge) {
  Options options = MasterHarness::DefaultOptions();
  options.registry_max_agent_age = std::chrono::hours(1);
  RecoveredRegistry registry;
  const WallTime now = VirtualClock().WallNow();
  registry.unreachable = {{AgentId("old"), now - std::chrono::hours(1)}, {AgentId("new"), now}};
  registry.gone = {{AgentId("long gone"), now - std::chrono::hours(3)},
                   {AgentId("just gone"), now}};
  registry.removed_frameworks = {{FrameworkId("f0"), now - std::chrono::hours(2)},
                                 {FrameworkId("f1"), now}};
  MasterHarness h(options, registry);
  h.clock.Advance(minutes(15));
  EXPECT_THAT(h.registrar.asked, ElementsAre("forget unreachable old", "forget gone long gone",
                                             "forget framework f0", "prune "));
  h.registrar.asked.clear();
  h.clock.Advance(std::chrono::hours(1));
  EXPECT_THAT(h.registrar.asked, ElementsAre("forget unreachable new", "forget gone just gone",
                                             "forget framework f1", "prune "));
}

TEST(RegistryPruning, ForgetsThoseLostFirstIfThereAreTooMany) {
  Options options = MasterHarness::DefaultOptions();
  options.registry_max_agent_count = 10;
  RecoveredRegistry registry;
  const WallTime now = VirtualClock().WallNow();
  for (int i = 0; i < 12; ++i) {
    registry.unreachable.emplace_back(AgentId("u" + std::to_string(i)), now + seconds(i));
    registry.gone.emplace_back(AgentId("g" + std::to_string(i)), now + seconds(i));
  }
  MasterHarness h(options, registry);
  h.clock.Advance(minutes(15));
  EXPECT_THAT(h.registrar.asked, ElementsAre("forget unreachable u0", "forget unreachable u1",
                                             "forget gone g0", "forget gone g1", "prune "));
}

TEST(RegistryPruning, DoesNotWaitForTheIntervalIfThereAreFarTooMany) {
  Options options = MasterHarness::DefaultOptions();
  options.registry_max_agent_count = 10;
  options.registry_gc_interval = std::chrono::weeks(1);
  MasterHarness h(options);
  for (int i = 0; i < 13; ++i) h.Join(MasterHarness::Machine("cpus:1", "h", 1 + i));
  h.clock.Advance(minutes(2));
  EXPECT_THAT(h.registrar.asked, Contains("prune "));
  EXPECT_THAT(h.registrar.asked, Contains(HasSubstr("forget unreachable")).Times(3));
}

TEST(RegistryPruning, KeepsWhatTheRegistryKept) {
  RecoveredRegistry registry;
  registry.gone = {{AgentId("g"), WallTime{}}};
  MasterHarness h(MasterHarness::DefaultOptions(), registry);
  h.registrar.held = true;
  h.clock.Advance(minutes(15));
  h.registrar.Release(Fail(Code::kInternal, "the disk is full"));
  EXPECT_TRUE(MarkGone(h, AgentId("g")));  // Still known as gone.
  h.clock.Advance(minutes(15));            // The prune is tried again.
  EXPECT_EQ(MarkGone(h, AgentId("g")).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace tepui::master
