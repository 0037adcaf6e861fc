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

// Adds a task with this id to what the agent reports when it reregisters.
void Bring(Node* node, const Scheduler& scheduler, const std::string& id, v1::TaskState state) {
  v1::Task& task = *node->subscribe.add_tasks();
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  task.mutable_framework_id()->set_value(scheduler.id);
  task.mutable_agent_id()->set_value(node->id);
  task.set_state(state);
  Resources resources = Parse("cpus:1;mem:128");
  resources.Allocate("r");
  resources.ToProto(task.mutable_resources());
  if (node->subscribe.frameworks().empty()) *node->subscribe.add_frameworks() = scheduler.info;
}

// --- Registration (reference 4: durable before visible).

TEST(AgentRegistration, IsRecordedBeforeItIsAnswered) {
  MasterHarness h;
  h.registrar.held = true;
  Node node;
  node.subscribe = MasterHarness::Machine();
  EXPECT_FALSE(h.Rejoin(&node));  // No answer yet.
  EXPECT_THAT(h.links.Sent<link::Event>(node.stream), IsEmpty());
  EXPECT_THAT(h.Read().agents(), IsEmpty());
  h.registrar.Release();
  const std::vector<link::Event> events = h.Take(node, link::Event::SUBSCRIBED);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].subscribed().agent_id().value(), "m-S0");
  EXPECT_EQ(events[0].subscribed().total_ping_timeout_seconds(), 75);
  EXPECT_EQ(events[0].subscribed().master_info().id(), "m");
  const AgentRecord& record = *h.Read().agents().at(AgentId("m-S0"));
  EXPECT_EQ(record.pid, "slave(1)@10.0.0.1:5051");
  EXPECT_EQ(record.version, "1.11.0");
  EXPECT_TRUE(record.active && record.connected);
  EXPECT_EQ(h.Metric("slave_registrations"), 1);
  EXPECT_EQ(h.Metric("slaves_active"), 1);
}

TEST(AgentRegistration, FailsWithTheRegistry) {
  MasterHarness h;
  h.registrar.held = true;
  auto status = std::make_shared<Status>(MasterHarness::NoReply());
  h.master->OnAgentSubscribe(9, "s", {}, MasterHarness::Machine(),
                             [status](Status s) { *status = s; });
  h.registrar.Release(Fail(Code::kInternal, "the disk is full"));
  EXPECT_EQ(status->error().code, Code::kUnavailable);
  EXPECT_THAT(status->error().message, HasSubstr("the disk is full"));
  EXPECT_THAT(h.Read().agents(), IsEmpty());
}

TEST(AgentRegistration, AnAgentWhoseStreamEndedMeanwhileIsRegisteredAsDisconnected) {
  MasterHarness h;
  h.registrar.held = true;
  Node node;
  node.subscribe = MasterHarness::Machine();
  h.Rejoin(&node);
  h.Leave(node);
  h.registrar.Release();
  EXPECT_FALSE(h.Read().agents().at(AgentId("m-S0"))->connected);
  // It registers again without an id: the old agent is removed.
  const Node again = h.Join();
  h.clock.Settle();
  EXPECT_EQ(again.id, "m-S1");
  EXPECT_THAT(h.Read().agent_order(), ElementsAre(AgentId("m-S1")));
  EXPECT_EQ(h.Metric("slave_removals/reason_registered"), 1);
}

TEST(AgentRegistration, AnAnswerAfterTheMasterIsDestroyedDoesNothing) {
  MasterHarness h;
  h.registrar.held = true;
  Node node;
  node.subscribe = MasterHarness::Machine();
  h.Rejoin(&node);
  h.master.reset();
  h.registrar.Release();
}

TEST(AgentRegistration, NeedsADomainWhereTheMasterSaysSo) {
  Options options = MasterHarness::DefaultOptions();
  options.require_agent_domain = true;
  MasterHarness h(options);
  Node node = h.Join();
  const std::vector<link::Event> events = h.Take(node);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].type(), link::Event::ERROR);
  EXPECT_THAT(events[0].message(), HasSubstr("--domain"));
  EXPECT_TRUE(h.links.closed.contains(node.stream));
}

TEST(AgentRegistration, RefusesMessagesThatDoNotHoldTogether) {
  MasterHarness h;
  Node node;
  node.subscribe = MasterHarness::Machine();
  node.subscribe.add_tasks()->mutable_task_id()->set_value("t");
  EXPECT_EQ(h.Rejoin(&node).error().code, Code::kInvalid);
  node.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
  node.subscribe.mutable_tasks(0)->mutable_framework_id()->set_value("nobody");
  EXPECT_EQ(h.Rejoin(&node).error().code, Code::kInvalid);
  node.subscribe.clear_tasks();
  node.subscribe.mutable_info()->mutable_id()->set_value("../x");
  EXPECT_EQ(h.Rejoin(&node).error().code, Code::kInvalid);
  node.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
  node.subscribe.add_operations()->mutable_uuid()->set_value("short");
  EXPECT_EQ(h.Rejoin(&node).error().code, Code::kInvalid);
  EXPECT_THAT(h.registrar.asked, IsEmpty());
}

TEST(AgentRegistration, RefusesVolumesThatTheAgentDoesNotHave) {
  MasterHarness h;
  Node node;
  node.subscribe = MasterHarness::Machine("cpus:1");
  v1::Resource& volume = *node.subscribe.add_checkpointed_resources();
  volume.set_name("disk");
  volume.set_type(v1::Value::SCALAR);
  volume.mutable_scalar()->set_value(10);
  auto& reservation = *volume.add_reservations();
  reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
  reservation.set_role("r");
  h.Rejoin(&node);
  EXPECT_THAT(h.Take(node), ElementsAre(testing::Property(&link::Event::type, link::Event::ERROR)));
}

// --- Calls of a subscribed agent.

TEST(AgentCalls, NeedASubscribedStream) {
  MasterHarness h;
  const Node node = h.Join();
  Node stranger = node;
  stranger.stream_uuid = "nobody's";
  EXPECT_EQ(h.Say(stranger, link::Call::PONG).error().code, Code::kForbidden);
  EXPECT_EQ(h.Say(node, link::Call::SUBSCRIBE).error().code, Code::kInvalid);
  EXPECT_TRUE(h.Say(node, link::Call::PONG));
  h.Leave(node);
  EXPECT_EQ(h.Say(node, link::Call::PONG).error().code, Code::kForbidden);
}

TEST(AgentCalls, WithoutARequiredFieldAreDropped) {
  MasterHarness h;
  const Node node = h.Join();
  for (const auto type :
       {link::Call::STATUS_UPDATE, link::Call::EXECUTOR_MESSAGE, link::Call::EXECUTOR_EXITED,
        link::Call::OPERATION_UPDATE, link::Call::UNKNOWN}) {
    EXPECT_TRUE(h.Say(node, type));
  }
  EXPECT_EQ(h.Metric("dropped_messages"), 5);
}

// --- Pings.

TEST(Pings, KeepAnAgentThatAnswers) {
  MasterHarness h;
  const Node node = h.Join();
  h.PassTime(minutes(10), {&node});
  EXPECT_TRUE(h.Read(node).connected);
}

TEST(Pings, FiveUnansweredMakeAnAgentUnreachable) {
  MasterHarness h;
  const Node node = h.Join();
  h.clock.Advance(seconds(74));
  EXPECT_TRUE(h.Read().agents().contains(AgentId(node.id)));
  h.clock.Advance(seconds(2));
  EXPECT_FALSE(h.Read().agents().contains(AgentId(node.id)));
  EXPECT_THAT(h.registrar.asked, ElementsAre("put m-S0", "unreachable m-S0"));
  EXPECT_TRUE(h.links.closed.contains(node.stream));
  EXPECT_EQ(h.Metric("slave_removals"), 1);
  EXPECT_EQ(h.Metric("slave_removals/reason_unhealthy"), 1);
  EXPECT_EQ(h.Metric("slaves_unreachable"), 1);
  EXPECT_EQ(h.Metric("cpus_total"), 0);
}

TEST(Pings, OfADisconnectedAgentAreMissed) {
  MasterHarness h;
  Node node = h.Join();
  h.Leave(node);
  h.clock.Advance(seconds(60));
  EXPECT_TRUE(h.Read().agents().contains(AgentId(node.id)));
  h.clock.Advance(seconds(20));
  EXPECT_FALSE(h.Read().agents().contains(AgentId(node.id)));
}

TEST(Pings, ADisconnectedAgentMustReregisterWithinItsTimeout) {
  Options options = MasterHarness::DefaultOptions();
  options.agent_reregister_timeout = seconds(20);
  MasterHarness h(options);
  Node node = h.Join();
  h.Leave(node);
  h.clock.Advance(seconds(21));
  EXPECT_FALSE(h.Read().agents().contains(AgentId(node.id)));
}

TEST(Pings, ContinueIfTheRegistryRefusesTheLoss) {
  MasterHarness h;
  const Node node = h.Join();
  h.registrar.held = true;
  h.clock.Advance(seconds(76));
  h.registrar.Release(Fail(Code::kInternal, "no"));
  EXPECT_TRUE(h.Read().agents().contains(AgentId(node.id)));
  EXPECT_EQ(h.Metric("slave_unreachable_canceled"), 1);
  h.PassTime(minutes(3), {&node});
  EXPECT_TRUE(h.Read(node).connected);
}

// --- Unreachable agents and their tasks (reference 2.9).

class LostTasks : public ::testing::TestWithParam<bool> {
 protected:
  LostTasks()
      : node(h.Join()),
        scheduler(h.Subscribe(GetParam()
                                  ? MasterHarness::Info()
                                  : MasterHarness::InfoWithout(Capability::PARTITION_AWARE))) {
    h.Launch(scheduler, {MasterHarness::Task(node, "t")});
    h.Report(node, scheduler, "t", v1::TASK_RUNNING);
    h.Take(scheduler);
  }
  MasterHarness h;
  Node node;
  Scheduler scheduler;
};
INSTANTIATE_TEST_SUITE_P(PartitionAware, LostTasks, ::testing::Bool());

TEST_P(LostTasks, AreReportedByCapability) {
  h.clock.Advance(seconds(100));
  std::vector<Event> events = h.Take(scheduler);
  std::erase_if(events, [](const Event& event) { return event.type() == Event::OFFERS; });
  ASSERT_THAT(events, SizeIs(3));
  const v1::TaskStatus& status = events[0].update().status();
  EXPECT_EQ(status.state(), GetParam() ? v1::TASK_UNREACHABLE : v1::TASK_LOST);
  EXPECT_EQ(status.reason(), v1::TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_TRUE(status.has_unreachable_time());
  EXPECT_EQ(events[1].type(), Event::RESCIND);
  EXPECT_EQ(events[2].failure().agent_id().value(), node.id);
  EXPECT_FALSE(events[2].failure().has_executor_id());
  const ReadModel::Framework& framework = h.Read(scheduler);
  EXPECT_THAT(framework.active, IsEmpty());
  EXPECT_THAT(framework.unreachable, SizeIs(1));
  EXPECT_TRUE(framework.record->used.empty());
  EXPECT_EQ(h.Metric("tasks_unreachable"), GetParam() ? 1 : 0);
  EXPECT_EQ(h.Metric("tasks_lost"), GetParam() ? 0 : 1);
  EXPECT_EQ(h.Metric("tasks_running"), 0);

  // The task's id stays in use as long as the task may come back (reference 2.5).
  const Node other = h.Join(MasterHarness::Machine("cpus:4;mem:1024", "i", 5052));
  h.Launch(scheduler, {MasterHarness::Task(other, "t")});
  EXPECT_EQ(h.TakeStatuses(scheduler).at(0).state(), v1::TASK_ERROR);
}

TEST_P(LostTasks, ComeBackWithTheirAgent) {
  h.clock.Advance(seconds(100));
  h.Take(scheduler);
  Bring(&node, scheduler, "t", v1::TASK_RUNNING);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(h.registrar.asked.back(), "reachable m-S0");
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_RUNNING);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REREGISTERED);
  const ReadModel::Framework& framework = h.Read(scheduler);
  EXPECT_THAT(framework.active, SizeIs(1));
  EXPECT_THAT(framework.unreachable, IsEmpty());
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(1));
  EXPECT_TRUE(h.Read(node).reregistered.has_value());
  EXPECT_EQ(h.Metric("tasks_running"), 1);
  EXPECT_EQ(h.Metric("tasks_unreachable"), 0);
  EXPECT_EQ(h.Metric("slaves_unreachable"), 0);
}

// The agent reports the end of such a task itself, after the statuses before it.
TEST_P(LostTasks, ThatEndedReturnInTheirLastReportedState) {
  h.clock.Advance(seconds(100));
  h.Take(scheduler);
  Bring(&node, scheduler, "t", v1::TASK_FINISHED);
  node.subscribe.mutable_tasks(0)->set_status_update_state(v1::TASK_STARTING);
  ASSERT_TRUE(h.Rejoin(&node));
  std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_STARTING);

  h.clock.Advance(seconds(100));
  h.Take(scheduler);
  node.subscribe.mutable_tasks(0)->clear_status_update_state();
  ASSERT_TRUE(h.Rejoin(&node));
  statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), v1::TASK_STAGING);
}

TEST_P(LostTasks, ThatDoNotComeBackWithTheirAgentAreForgotten) {
  h.clock.Advance(seconds(100));
  h.Take(scheduler);  // Drops offers that were rescinded.
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Read(scheduler).unreachable, IsEmpty());
  EXPECT_THAT(h.Read(scheduler).index, IsEmpty());
  EXPECT_EQ(h.Metric("tasks_unreachable"), 0);
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
}

TEST_P(LostTasks, EndWithTheirFramework) {
  h.clock.Advance(seconds(100));
  h.Make(scheduler, Call::TEARDOWN);
  const ReadModel::Framework& framework = h.Read(scheduler);
  EXPECT_THAT(framework.unreachable, IsEmpty());
  ASSERT_THAT(framework.completed, SizeIs(1));
  EXPECT_EQ(framework.completed.begin()->second->state(),
            GetParam() ? v1::TASK_KILLED : v1::TASK_LOST);
  EXPECT_EQ(h.Metric("tasks_unreachable"), 0);
  // The agent brings back a task of the removed framework.
  Bring(&node, scheduler, "t", v1::TASK_RUNNING);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
  EXPECT_TRUE(h.Read(node).used.empty());
}

TEST_P(LostTasks, OfAnAgentThatUnregistersAreGone) {
  ASSERT_TRUE(h.Say(node, link::Call::UNREGISTER));
  h.clock.Settle();
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state(), GetParam() ? v1::TASK_GONE : v1::TASK_LOST);
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_THAT(h.Read().agents(), IsEmpty());
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
  EXPECT_EQ(h.registrar.asked.back(), "remove m-S0");
  EXPECT_TRUE(h.links.closed.contains(node.stream));
  EXPECT_EQ(h.Metric("slave_removals/reason_unregistered"), 1);
}

TEST(LostTasks, ThatWereReportedAsEndedAreNotLost) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Report(node, scheduler, "t", v1::TASK_FINISHED);
  h.Take(scheduler);
  h.clock.Advance(seconds(100));
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  EXPECT_THAT(h.Read(scheduler).completed, SizeIs(1));
}

TEST(LostTasks, AreRememberedUpToALimit) {
  Options options = MasterHarness::DefaultOptions();
  options.max_unreachable_tasks_per_framework = 2;
  MasterHarness h(options);
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "a"), MasterHarness::Task(node, "b"),
                       MasterHarness::Task(node, "c")});
  h.clock.Advance(seconds(100));
  EXPECT_THAT(h.Read(scheduler).unreachable, SizeIs(2));
  EXPECT_EQ(h.Metric("tasks_unreachable"), 2);
}

// --- Agents that come back to a master that knows them.

TEST(ReturningAgents, AreHeldAgainstWhatIsKnown) {
  MasterHarness h;
  Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler,
           {MasterHarness::Task(node, "kept"), MasterHarness::ExecutorTask(node, "missing", "e")});
  h.Leave(node);
  Bring(&node, scheduler, "kept", v1::TASK_RUNNING);
  Bring(&node, scheduler, "new", v1::TASK_RUNNING);
  Bring(&node, scheduler, "ended", v1::TASK_FINISHED);
  ASSERT_TRUE(h.Rejoin(&node));
  std::vector<link::Event> events = h.Take(node);
  EXPECT_EQ(events.at(0).type(), link::Event::SUBSCRIBED);
  std::erase_if(events,
                [](const link::Event& e) { return e.type() != link::Event::RECONCILE_TASKS; });
  ASSERT_THAT(events, SizeIs(1));
  ASSERT_EQ(events[0].reconcile_tasks().task_ids_size(), 1);
  EXPECT_EQ(events[0].reconcile_tasks().task_ids(0).value(), "missing");
  // The executor is gone. The task that the master did not know is adopted.
  EXPECT_THAT(h.Read(scheduler).record->executors, IsEmpty());
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(3));
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(3));
  // The agent answers that it does not have the task.
  h.Report(node, scheduler, "missing", v1::TASK_DROPPED);
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(2));
  h.clock.Advance(seconds(2));
  EXPECT_EQ(h.Read(node).offered.Scalar(ResourceNames::Cpus()), Amount::FromDouble(2));
}

TEST(ReturningAgents, ReplaceTheirOlderStream) {
  MasterHarness h;
  Node node = h.Join();
  const Node old = node;
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(node.id, old.id);
  EXPECT_TRUE(h.links.closed.contains(old.stream));
  EXPECT_EQ(h.Say(old, link::Call::PONG).error().code, Code::kForbidden);
  EXPECT_TRUE(h.Say(node, link::Call::PONG));
  h.Close(old.stream);
  EXPECT_TRUE(h.Read(node).connected);
  EXPECT_THAT(h.registrar.asked, ElementsAre("put m-S0"));  // Nothing changed.
}

TEST(ReturningAgents, MayHaveOtherResources) {
  MasterHarness h;
  Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  ASSERT_THAT(h.Offers(scheduler), SizeIs(1));
  h.Leave(node);
  node.subscribe.mutable_info()->clear_resources();
  Resources::Parse("cpus:8;mem:2048")->ToProto(node.subscribe.mutable_info()->mutable_resources());
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_EQ(h.registrar.asked.back(), "put m-S0");
  EXPECT_EQ(Parse(h.Offers(scheduler).at(0).resources()).Scalar(ResourceNames::Cpus()),
            Amount::FromDouble(8));
  EXPECT_EQ(h.Metric("cpus_total"), 8);
}

TEST(ReturningAgents, KeepTheirHostname) {
  MasterHarness h;
  Node node = h.Join();
  h.Leave(node);
  node.subscribe.mutable_info()->set_hostname("elsewhere");
  h.Rejoin(&node);
  EXPECT_THAT(h.Take(node), ElementsAre(testing::Property(&link::Event::type, link::Event::ERROR)));
}

TEST(ReturningAgents, WaitWhileTheRegistryIsWriting) {
  MasterHarness h;
  Node node = h.Join();
  h.registrar.held = true;
  h.clock.Advance(seconds(76));
  Node again = node;
  EXPECT_EQ(h.Rejoin(&again).error().code, Code::kUnavailable);
  h.registrar.Release();
  EXPECT_TRUE(h.Rejoin(&node));
}

// --- After a failover of the master.

struct FailedOver : ::testing::Test {
  static RecoveredRegistry Registry() {
    RecoveredRegistry registry;
    for (const char* id : {"old-S0", "old-S1"}) {
      registry.agents.push_back(MasterHarness::Machine().info());
      registry.agents.back().mutable_id()->set_value(id);
    }
    registry.gone.emplace_back(AgentId("old-S2"), WallTime{});
    return registry;
  }
  FailedOver() : h(MasterHarness::DefaultOptions(), Registry()) {
    scheduler.info = MasterHarness::Info();
    scheduler.info.mutable_id()->set_value("old-0000");
    scheduler.id = "old-0000";
    node.subscribe = MasterHarness::Machine();
    node.id = "old-S0";
    node.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
    Bring(&node, scheduler, "t", v1::TASK_RUNNING);
    auto& executor = *node.subscribe.add_executors();
    executor.mutable_framework_id()->set_value("old-0000");
    executor.mutable_info()->mutable_executor_id()->set_value("e");
    Resources::Parse("cpus:0.5")->ToProto(executor.mutable_info()->mutable_resources());
    auto& command = *node.subscribe.add_executors();
    command.mutable_framework_id()->set_value("old-0000");
    command.mutable_info()->mutable_executor_id()->set_value("t");
    command.set_command_executor(true);
    auto& history = *node.subscribe.add_completed_frameworks();
    *history.mutable_info() = scheduler.info;
    v1::Task before = node.subscribe.tasks(0);
    before.mutable_task_id()->set_value("before");
    before.set_state(v1::TASK_FINISHED);
    before.SerializeToString(history.add_tasks());
    *history.add_tasks() = "not a task";
  }
  MasterHarness h;
  Scheduler scheduler;
  Node node;
};

// The framework's agent was away when the earlier master removed the framework.
TEST(AfterFailover, TasksOfARemovedFrameworkThatAnAgentBringsAreKilled) {
  RecoveredRegistry registry = FailedOver::Registry();
  registry.removed_frameworks.emplace_back(FrameworkId("old-0000"), WallTime{});
  MasterHarness h(MasterHarness::DefaultOptions(), registry);
  Scheduler scheduler;
  scheduler.info = MasterHarness::Info();
  scheduler.info.mutable_id()->set_value("old-0000");
  scheduler.id = "old-0000";
  Node node;
  node.subscribe = MasterHarness::Machine();
  node.id = "old-S0";
  node.subscribe.mutable_info()->mutable_id()->set_value("old-S0");
  Bring(&node, scheduler, "t", v1::TASK_RUNNING);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_TRUE(h.Read().frameworks().empty());
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
  h.Resubscribe(&scheduler);
  const std::vector<Event> refused = h.Take(scheduler);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].error().message(), "Framework has been removed");
}

TEST_F(FailedOver, AFrameworkThatDoesNotFindTheNewMasterIsRemoved) {
  ASSERT_TRUE(h.Rejoin(&node));
  h.PassTime(MasterHarness::DefaultOptions().agent_reregister_timeout - seconds(1), {&node});
  EXPECT_FALSE(h.Read(scheduler).record->completed) << "it may be on its way";
  h.PassTime(seconds(2), {&node});
  EXPECT_TRUE(h.Read(scheduler).record->completed);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
}

// Reference 2.2: RECOVERED frameworks are known only from agents.
TEST_F(FailedOver, MastersLearnFrameworksFromAgents) {
  ASSERT_TRUE(h.Rejoin(&node));
  h.clock.Advance(seconds(1));  // Histories are read together.
  const ReadModel::Framework& framework = h.Read(scheduler);
  EXPECT_TRUE(framework.record->recovered);
  EXPECT_FALSE(framework.record->active || framework.record->connected);
  EXPECT_THAT(framework.active, SizeIs(1));
  EXPECT_THAT(framework.completed, SizeIs(1));
  ASSERT_THAT(framework.record->executors, SizeIs(1));
  EXPECT_EQ(framework.record->executors[0].second.executor_id().value(), "e");
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(1.5));
  // The registry has the same AgentInfo, so nothing is written.
  EXPECT_THAT(h.registrar.asked, IsEmpty());

  ASSERT_TRUE(h.Resubscribe(&scheduler));
  EXPECT_FALSE(h.Read(scheduler).record->recovered);
  // Its tasks were never lost, so no status is sent.
  EXPECT_THAT(h.TakeStatuses(scheduler), IsEmpty());
  const std::vector<link::Event> told = h.Take(node, link::Event::UPDATE_FRAMEWORK);
  EXPECT_THAT(told, SizeIs(2));
  h.clock.Advance(seconds(2));
  EXPECT_EQ(h.Read(node).offered.Scalar(ResourceNames::Cpus()), Amount::FromDouble(2.5));
}

TEST_F(FailedOver, FrameworksMayBeFirst) {
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  EXPECT_EQ(Parse(h.Offers(scheduler).at(0).resources()).Scalar(ResourceNames::Cpus()),
            Amount::FromDouble(2.5));
}

TEST_F(FailedOver, AgentsThatDoNotComeBackBecomeUnreachable) {
  ASSERT_TRUE(h.Rejoin(&node));
  h.Resubscribe(&scheduler);
  h.PassTime(minutes(11), {&node});
  EXPECT_THAT(h.registrar.asked, Contains("unreachable old-S1"));
  const std::vector<Event> failures = h.Take(scheduler, Event::FAILURE);
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].failure().agent_id().value(), "old-S1");
  EXPECT_TRUE(h.Read(node).connected);
  EXPECT_EQ(h.Metric("recovery_slave_removals"), 1);
}

// Reference 2.9: gone agents are shut down.
TEST_F(FailedOver, GoneAgentsAreShutDown) {
  Node gone;
  gone.subscribe = MasterHarness::Machine();
  gone.subscribe.mutable_info()->mutable_id()->set_value("old-S2");
  h.Rejoin(&gone);
  EXPECT_THAT(h.Take(gone),
              ElementsAre(testing::Property(&link::Event::type, link::Event::SHUTDOWN)));
  EXPECT_TRUE(h.links.closed.contains(gone.stream));
}

TEST_F(FailedOver, AgentsThatAreNotInTheRegistryReregisterAsWell) {
  node.subscribe.mutable_info()->mutable_id()->set_value("old-S7");
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  h.Take(scheduler);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.registrar.asked, ElementsAre("reachable old-S7"));
  const std::vector<v1::TaskStatus> statuses = h.TakeStatuses(scheduler);
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_AGENT_REREGISTERED);
}

TEST_F(FailedOver, OperationsOfFrameworksNotBackYetWait) {
  v1::Operation& operation = *node.subscribe.add_operations();
  operation.mutable_framework_id()->set_value(
      "elsewhere-0000");  // Not listed: the framework runs nothing here.
  operation.mutable_uuid()->set_value(std::string(16, 'o'));
  operation.mutable_info()->set_type(v1::Offer::Operation::RESERVE);
  operation.mutable_info()->mutable_id()->set_value("op");
  operation.mutable_latest_status()->set_state(v1::OPERATION_FINISHED);
  operation.mutable_latest_status()->mutable_uuid()->set_value(std::string(16, 'a'));
  ASSERT_TRUE(h.Rejoin(&node));
  link::Call call;
  call.set_type(link::Call::OPERATION_UPDATE);
  call.mutable_operation_update()->mutable_framework_id()->set_value("elsewhere-0000");
  call.mutable_operation_update()->set_operation_uuid(std::string(16, 'o'));
  *call.mutable_operation_update()->mutable_status() = operation.latest_status();
  h.Say(node, call);
  EXPECT_THAT(h.Take(node, link::Event::OPERATION_ACKNOWLEDGEMENT), IsEmpty());
  h.PassTime(minutes(10), {&node});
  h.Say(node, call);
  EXPECT_THAT(h.Take(node, link::Event::OPERATION_ACKNOWLEDGEMENT), SizeIs(1));
}

}  // namespace
}  // namespace tepui::master
