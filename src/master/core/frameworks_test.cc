// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Event::Type> Types(const std::vector<Event>& events) {
  std::vector<Event::Type> types;
  for (const Event& event : events) types.push_back(event.type());
  return types;
}

// Reference 1.1: ids are <master>-%04d. Reference 1.2: SUBSCRIBED has the heartbeat interval.
TEST(Frameworks, AreSubscribedUnderAnIdOfTheMaster) {
  MasterHarness h;
  const Scheduler first = h.Subscribe();
  const Scheduler second = h.Subscribe();
  EXPECT_EQ(first.id, "m-0000");
  EXPECT_EQ(second.id, "m-0001");
  const std::vector<Event> events = h.Take(first, Event::SUBSCRIBED);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].subscribed().heartbeat_interval_seconds(), 15);
  EXPECT_EQ(events[0].subscribed().master_info().id(), "m");
  const FrameworkRecord& record = *h.Read(first).record;
  EXPECT_TRUE(record.active && record.connected);
  EXPECT_FALSE(record.reregistered.has_value());
}

TEST(Frameworks, GetAHeartbeatAtOnceAndThenEveryInterval) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  EXPECT_THAT(Types(h.links.Sent<Event>(scheduler.stream)),
              ElementsAre(Event::SUBSCRIBED, Event::HEARTBEAT));
  h.clock.Advance(seconds(45));
  EXPECT_THAT(h.links.Sent<Event>(scheduler.stream), SizeIs(5));
}

// Reference 1.2: a framework has one live subscription. Reference 2.8: the old stream gets an ERROR
// "failed over".
TEST(Frameworks, FailOverToANewStream) {
  MasterHarness h;
  Scheduler scheduler = h.Subscribe();
  const Scheduler old = scheduler;
  h.Take(old);
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  const std::vector<Event> events = h.Take(old);
  ASSERT_THAT(Types(events), ElementsAre(Event::ERROR));
  EXPECT_EQ(events[0].error().message(), "Framework failed over");
  EXPECT_TRUE(h.links.closed.contains(old.stream));
  EXPECT_EQ(scheduler.id, old.id);
  EXPECT_TRUE(h.Read(scheduler).record->reregistered.has_value());

  // The server does not report the end of a stream that the master closed; if it did, nothing would
  // happen.
  h.Close(old.stream);
  EXPECT_TRUE(h.Read(scheduler).record->connected);
  EXPECT_EQ(h.Make(old, Call::REVIVE).error().code, Code::kInvalid);
  EXPECT_TRUE(h.Make(scheduler, Call::REVIVE));
}

TEST(Frameworks, ThatFailOverAreOfferedAgainWhatTheOldSchedulerHeld) {
  MasterHarness h;
  h.Join();
  Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> before = h.Offers(scheduler);
  ASSERT_THAT(before, SizeIs(1));
  h.Resubscribe(&scheduler);
  const std::vector<v1::Offer> after = h.Offers(scheduler);
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_NE(before[0].id().value(), after[0].id().value());
  // The old offer is no longer valid.
  h.Make(scheduler, MasterHarness::AcceptCall(before, {}));
  EXPECT_THAT(h.Read(scheduler).record->offers, SizeIs(1));
}

// Reference 2.8: within the failover timeout the tasks stay.
TEST(Frameworks, ComeBackWithinTheirFailoverTimeout) {
  MasterHarness h;
  const Node node = h.Join();
  Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Leave(scheduler);
  const FrameworkRecord gone = *h.Read(scheduler).record;
  EXPECT_FALSE(gone.active || gone.connected);
  h.PassTime(seconds(50), {&node});
  ASSERT_TRUE(h.Resubscribe(&scheduler));
  h.PassTime(seconds(200), {&node});
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), IsEmpty());
}

// Reference 2.8: when the timeout expires, the framework is removed: agents kill its tasks, which
// are KILLED with FRAMEWORK_REMOVED.
TEST(Frameworks, AreRemovedAfterTheirFailoverTimeout) {
  MasterHarness h;
  const Node node = h.Join();
  Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.Leave(scheduler);
  h.PassTime(seconds(61), {&node});
  const std::vector<link::Event> events = h.Take(node, link::Event::SHUTDOWN_FRAMEWORK);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].shutdown_framework().value(), scheduler.id);
  const ReadModel::Framework& framework = h.Read(scheduler);
  EXPECT_TRUE(framework.record->completed);
  EXPECT_TRUE(framework.record->unregistered.has_value());
  ASSERT_THAT(framework.completed, SizeIs(1));
  const v1::Task& task = *framework.completed.begin()->second;
  EXPECT_EQ(task.state(), v1::TASK_KILLED);
  EXPECT_EQ(task.statuses().rbegin()->reason(), v1::TaskStatus::REASON_FRAMEWORK_REMOVED);
  EXPECT_EQ(h.Metric("task_killed/source_master/reason_framework_removed"), 1);

  // The id is never used again.
  Scheduler again = scheduler;
  EXPECT_TRUE(h.Resubscribe(&again));
  const std::vector<Event> refused = h.Take(again);
  ASSERT_THAT(Types(refused), ElementsAre(Event::ERROR));
  EXPECT_EQ(refused[0].error().message(), "Framework has been removed");
  EXPECT_TRUE(h.links.closed.contains(again.stream));
}

TEST(Frameworks, WithoutFailoverTimeoutEndAtOnce) {
  MasterHarness h;
  v1::FrameworkInfo info = MasterHarness::Info();
  info.clear_failover_timeout();
  const Scheduler scheduler = h.Subscribe(info);
  h.Leave(scheduler);
  h.clock.Settle();
  EXPECT_TRUE(h.Read(scheduler).record->completed);
}

// A timeout of 1e300 seconds is no valid duration; one of many years is, and must not wrap around.
TEST(Frameworks, MayHaveAFailoverTimeoutOfCenturies) {
  MasterHarness h;
  v1::FrameworkInfo info = MasterHarness::Info();
  info.set_failover_timeout(9.2e9);
  const Scheduler scheduler = h.Subscribe(info);
  ASSERT_FALSE(scheduler.id.empty());
  h.Leave(scheduler);
  h.clock.Advance(std::chrono::hours(1));
  EXPECT_FALSE(h.Read(scheduler).record->completed);
}

TEST(Frameworks, TearDown) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::ExecutorTask(node, "t", "e")});
  EXPECT_EQ(h.Read(node).used.Scalar(ResourceNames::Cpus()), Amount::FromDouble(1.5));
  ASSERT_TRUE(h.Make(scheduler, Call::TEARDOWN));
  EXPECT_TRUE(h.links.closed.contains(scheduler.stream));
  EXPECT_TRUE(h.Read(node).used.empty());
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
  // What it held is offered to others.
  const Scheduler other = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(other);
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_EQ(Parse(offers[0].resources()).Scalar(ResourceNames::Cpus()), Amount::FromDouble(4));
  EXPECT_EQ(h.Make(scheduler, Call::TEARDOWN).error().code, Code::kInvalid);
}

TEST(Frameworks, AreRemovedOnceTheRegistryHasIt) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.registrar.asked.clear();
  h.registrar.held = true;
  h.Make(scheduler, Call::TEARDOWN);
  EXPECT_THAT(h.registrar.asked, ElementsAre("remove framework " + scheduler.id));
  EXPECT_FALSE(h.Read(scheduler).record->completed);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), IsEmpty());
  h.registrar.Release();
  EXPECT_TRUE(h.Read(scheduler).record->completed);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
}

// A deposed leader that does not know it yet must not remove a framework that lives on under the
// next.
TEST(Frameworks, AreNotRemovedIfTheRegistryCannotBeWritten) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  h.registrar.held = true;
  h.Leave(scheduler);
  h.PassTime(seconds(61), {&node});
  h.registrar.Release(Fail(Code::kUnavailable, "deposed"));
  EXPECT_FALSE(h.Read(scheduler).record->completed);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), IsEmpty());

  // The failure may be temporary, so the removal is tried again.
  h.registrar.held = false;
  h.PassTime(seconds(11), {&node});
  EXPECT_TRUE(h.Read(scheduler).record->completed);
  EXPECT_THAT(h.Take(node, link::Event::SHUTDOWN_FRAMEWORK), SizeIs(1));
}

TEST(Frameworks, AreTornDownByOperators) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  Status status = MasterHarness::NoReply();
  h.master->Teardown({}, FrameworkId("m-0007"), [&](Status s) { status = s; });
  EXPECT_EQ(status.error().code, Code::kNotFound);
  h.master->Teardown({}, FrameworkId(scheduler.id), [&](Status s) { status = s; });
  h.clock.Settle();
  EXPECT_TRUE(status);
  EXPECT_TRUE(h.Read(scheduler).record->completed);
}

TEST(Frameworks, CompletedOnesAreBounded) {
  Options options = MasterHarness::DefaultOptions();
  options.max_completed_frameworks = 2;
  MasterHarness h(options);
  std::vector<Scheduler> schedulers;
  for (int i = 0; i < 3; ++i) {
    schedulers.push_back(h.Subscribe());
    h.Make(schedulers.back(), Call::TEARDOWN);
  }
  EXPECT_THAT(h.Read().framework_order(),
              ElementsAre(FrameworkId("m-0001"), FrameworkId("m-0002")));
  // Readers have forgotten the framework, but its id is still refused.
  h.Resubscribe(&schedulers[0]);
  EXPECT_THAT(Types(h.Take(schedulers[0])), ElementsAre(Event::ERROR));
}

// A framework whose id another master gave comes back to this one before its agents do.
TEST(Frameworks, OfAnEarlierMasterKeepTheirId) {
  MasterHarness h;
  v1::FrameworkInfo info = MasterHarness::Info();
  info.mutable_id()->set_value("old-0003");
  Scheduler scheduler = h.Subscribe(info);
  EXPECT_EQ(scheduler.id, "old-0003");
  EXPECT_TRUE(h.Make(scheduler, Call::TEARDOWN));
  h.Resubscribe(&scheduler);
  EXPECT_THAT(Types(h.Take(scheduler)), ElementsAre(Event::ERROR));
}

TEST(Frameworks, CannotUseAnIdThatTheMasterHasNotAssignedYet) {
  MasterHarness h;
  v1::FrameworkInfo info = MasterHarness::Info();
  info.mutable_id()->set_value("m-0000");
  h.Subscribe(info);
  EXPECT_EQ(h.Subscribe().id, "m-0001");
}

TEST(Frameworks, WithInvalidIdsAreRefused) {
  MasterHarness h;
  for (const std::string& id :
       {std::string("../../etc"), std::string("a/b"), std::string(300, 'x')}) {
    v1::FrameworkInfo info = MasterHarness::Info();
    info.mutable_id()->set_value(id);
    Scheduler scheduler;
    scheduler.info = info;
    const Status status = h.Resubscribe(&scheduler);
    EXPECT_TRUE(!status || h.Take(scheduler, Event::ERROR).size() == 1) << id;
    EXPECT_THAT(h.Read().frameworks(), IsEmpty());
  }
}

TEST(Frameworks, AreRefusedInvalidInfos) {
  Options options = MasterHarness::DefaultOptions();
  options.root_submissions = false;
  MasterHarness h(options);
  v1::FrameworkInfo root = MasterHarness::Info();
  root.set_user("root");
  Scheduler scheduler = h.Subscribe(root);
  EXPECT_THAT(Types(h.Take(scheduler)), ElementsAre(Event::ERROR));
  EXPECT_TRUE(h.links.closed.contains(scheduler.stream));
}

// Reference 2.1: the principal of a framework never changes.
TEST(Frameworks, KeepTheirPrincipal) {
  MasterHarness h;
  Scheduler scheduler;
  scheduler.info = MasterHarness::Info();
  ASSERT_TRUE(h.Resubscribe(&scheduler, {.principal = "p"}));
  EXPECT_EQ(h.Read(scheduler).record->info.principal(), "p");  // The master filled it in.

  Scheduler thief = scheduler;
  thief.info.set_principal("q");
  h.Resubscribe(&thief, {.principal = "q"});
  EXPECT_THAT(Types(h.Take(thief)), ElementsAre(Event::ERROR));
  EXPECT_FALSE(h.links.closed.contains(scheduler.stream));
  EXPECT_EQ(h.Make(scheduler,
                   [] {
                     Call c;
                     c.set_type(Call::REVIVE);
                     return c;
                   }(),
                   {.principal = "q"})
                .error()
                .code,
            Code::kInvalid);
}

TEST(Frameworks, ThatComeBackWithAnotherUserKeepTheirs) {
  MasterHarness h;
  Scheduler scheduler = h.Subscribe();
  scheduler.info.set_user("other");
  scheduler.info.set_name("renamed");
  h.Resubscribe(&scheduler);
  EXPECT_EQ(h.Read(scheduler).record->info.user(), "nobody");
  EXPECT_EQ(h.Read(scheduler).record->info.name(), "renamed");
}

Call Update(v1::FrameworkInfo info) {
  Call call;
  call.set_type(Call::UPDATE_FRAMEWORK);
  *call.mutable_update_framework()->mutable_framework_info() = std::move(info);
  return call;
}

// Reference 1.2: an update is applied whole or not at all; agents that run the framework get it.
TEST(UpdateFramework, ChangesRolesAndRescindsOffersOfThoseLeft) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t")});
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  h.Take(node);

  v1::FrameworkInfo info = scheduler.info;
  info.clear_roles();
  info.add_roles("s");
  ASSERT_TRUE(h.Make(scheduler, Update(info)));
  const std::vector<Event> rescinds = h.Take(scheduler, Event::RESCIND);
  ASSERT_THAT(rescinds, SizeIs(1));
  EXPECT_EQ(rescinds[0].rescind().offer_id().value(), offers[0].id().value());
  const std::vector<link::Event> told = h.Take(node, link::Event::UPDATE_FRAMEWORK);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0].update_framework().roles(), ElementsAre("s"));
  const std::vector<v1::Offer> next = h.Offers(scheduler);
  ASSERT_THAT(next, SizeIs(1));
  EXPECT_EQ(next[0].allocation_info().role(), "s");
}

TEST(UpdateFramework, RefusesWhatCannotChange) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  v1::FrameworkInfo info = scheduler.info;
  info.set_user("other");
  const Status status = h.Make(scheduler, Update(info));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("user"));
  info = scheduler.info;
  info.mutable_id()->set_value("m-0009");
  EXPECT_FALSE(h.Make(scheduler, Update(info)));
  info = scheduler.info;
  info.add_roles("bad role");
  EXPECT_FALSE(h.Make(scheduler, Update(info)));
  EXPECT_THAT(h.Read(scheduler).record->info.roles(), ElementsAre("r"));
}

}  // namespace
}  // namespace tepui::master
