// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Reference 2.3: an offer is for one agent, one framework and one role.
TEST(Offers, SayWhereAndForWhom) {
  MasterHarness h;
  link::Call::Subscribe machine =
      MasterHarness::Machine("cpus:4;mem:1024;ports:[1-9];ephemeral_ports:[10-20]");
  v1::Attribute& attribute = *machine.mutable_info()->add_attributes();
  attribute.set_name("rack");
  attribute.set_type(v1::Value::TEXT);
  attribute.mutable_text()->set_value("r1");
  const Node node = h.Join(machine);
  const Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  const v1::Offer& offer = offers[0];
  EXPECT_EQ(offer.id().value(), "m-O0");
  EXPECT_EQ(offer.framework_id().value(), scheduler.id);
  EXPECT_EQ(offer.agent_id().value(), node.id);
  EXPECT_EQ(offer.hostname(), "h");
  EXPECT_EQ(offer.url().address().ip(), "10.0.0.1");
  EXPECT_EQ(offer.url().path(), "/slave(1)");
  EXPECT_EQ(offer.attributes(0).text().value(), "r1");
  EXPECT_EQ(offer.allocation_info().role(), "r");
  Resources expected = Parse("cpus:4;mem:1024;ports:[1-9]");
  expected.Allocate("r");
  EXPECT_EQ(Parse(offer.resources()), expected);
  EXPECT_THAT(h.Read(scheduler).record->offers, SizeIs(1));
  EXPECT_EQ(h.Read(node).offered.Scalar(ResourceNames::Cpus()), Amount::FromDouble(4));
  EXPECT_EQ(h.Metric("outstanding_offers"), 1);
}

// Reference 2.2: allocation info is for MULTI_ROLE, the reservations list for
// RESERVATION_REFINEMENT.
TEST(Offers, TakeTheFormTheFrameworkKnows) {
  MasterHarness h;
  h.Join(MasterHarness::Machine("cpus:4;mem:1024;cpus(r):2"));
  v1::FrameworkInfo info = MasterHarness::Info();
  info.clear_capabilities();
  info.clear_roles();
  info.set_role("r");
  const Scheduler old = h.Subscribe(info);
  const std::vector<v1::Offer> offers = h.Offers(old);
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_FALSE(offers[0].has_allocation_info());
  std::vector<std::string> roles;
  for (const v1::Resource& resource : offers[0].resources()) {
    EXPECT_FALSE(resource.has_allocation_info());
    EXPECT_EQ(resource.reservations_size(), 0);
    roles.push_back(resource.role());
  }
  EXPECT_THAT(roles, testing::UnorderedElementsAre("*", "r", "*"));

  // The master understands the same form in calls.
  const Node node{
      .subscribe = {}, .id = offers[0].agent_id().value(), .stream = 0, .stream_uuid = {}};
  v1::TaskInfo task = MasterHarness::Task(node, "t");
  *task.mutable_resources() = offers[0].resources();
  h.Make(old, MasterHarness::AcceptCall(offers, {MasterHarness::LaunchOf({task})}));
  EXPECT_THAT(h.TakeStatuses(old), IsEmpty());
  EXPECT_THAT(h.Read(old).active, SizeIs(1));
}

TEST(Offers, ListTheFrameworksExecutorsOfTheAgent) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::ExecutorTask(node, "t", "e")});
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  ASSERT_EQ(offers[0].executor_ids_size(), 1);
  EXPECT_EQ(offers[0].executor_ids(0).value(), "e");
}

TEST(Offers, DeclinedComeAgainAfterTheirFilter) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  Call call;
  call.set_type(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offers[0].id();
  call.mutable_decline()->mutable_filters()->set_refuse_seconds(30);
  ASSERT_TRUE(h.Make(scheduler, call));
  EXPECT_THAT(h.Read(scheduler).record->offers, IsEmpty());
  h.PassTime(seconds(25), {&node});
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
  h.PassTime(seconds(8), {&node});
  EXPECT_THAT(h.Offers(scheduler), SizeIs(1));
  EXPECT_EQ(h.Metric("frameworks/f/" + scheduler.id + "/offers/declined"), 1);
}

// Reference 2.3: the default filter is five seconds.
TEST(Offers, DeclinedWithoutFilterAreFilteredForFiveSeconds) {
  MasterHarness h;
  h.Join();
  const Scheduler scheduler = h.Subscribe();
  Call call;
  call.set_type(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = h.Offers(scheduler).at(0).id();
  h.Make(scheduler, call);
  h.clock.Advance(seconds(3));
  EXPECT_THAT(h.Take(scheduler, Event::OFFERS), IsEmpty());
  h.clock.Advance(seconds(4));
  EXPECT_THAT(h.Take(scheduler, Event::OFFERS), SizeIs(1));
}

TEST(Offers, OfOthersCannotBeDeclined) {
  MasterHarness h;
  h.Join();
  const Scheduler owner = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(owner);
  ASSERT_THAT(offers, SizeIs(1));
  const Scheduler thief = h.Subscribe();
  Call call;
  call.set_type(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offers[0].id();
  h.Make(thief, call);
  EXPECT_THAT(h.Read(owner).record->offers, SizeIs(1));
}

TEST(Offers, EndAtTheirTimeout) {
  Options options = MasterHarness::DefaultOptions();
  options.offer_timeout = seconds(10);
  MasterHarness h(options);
  h.Join();
  const Scheduler scheduler = h.Subscribe();
  const std::vector<v1::Offer> offers = h.Offers(scheduler);
  ASSERT_THAT(offers, SizeIs(1));
  h.clock.Advance(seconds(10));
  const std::vector<Event> rescinds = h.Take(scheduler, Event::RESCIND);
  ASSERT_THAT(rescinds, SizeIs(1));
  EXPECT_EQ(rescinds[0].rescind().offer_id().value(), offers[0].id().value());
  h.clock.Advance(seconds(2));
  EXPECT_THAT(h.Read(scheduler).record->offers, SizeIs(1));
  EXPECT_EQ(h.Metric("frameworks/f/" + scheduler.id + "/offers/rescinded"), 1);
}

TEST(Offers, AcceptedInTimeOutliveTheTimeout) {
  Options options = MasterHarness::DefaultOptions();
  options.offer_timeout = seconds(10);
  MasterHarness h(options);
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::Task(node, "t", "cpus:4;mem:1024;disk:1024")});
  h.clock.Advance(seconds(30));
  EXPECT_THAT(h.Take(scheduler, Event::RESCIND), IsEmpty());
  EXPECT_THAT(h.Read(scheduler).active, SizeIs(1));
}

TEST(Offers, OfADisconnectedAgentAreRescinded) {
  MasterHarness h;
  Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  ASSERT_THAT(h.Offers(scheduler), SizeIs(1));
  h.Leave(node);
  EXPECT_THAT(h.Take(scheduler, Event::RESCIND), SizeIs(1));
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
  EXPECT_FALSE(h.Read(node).active);
  ASSERT_TRUE(h.Rejoin(&node));
  EXPECT_THAT(h.Offers(scheduler), SizeIs(1));
  EXPECT_TRUE(h.Read(node).active);
}

TEST(Offers, GoToOthersWhenTheirFrameworkLeaves) {
  MasterHarness h;
  h.Join();
  const Scheduler first = h.Subscribe();
  ASSERT_THAT(h.Offers(first), SizeIs(1));
  const Scheduler second = h.Subscribe();
  EXPECT_THAT(h.Offers(second), IsEmpty());
  h.Leave(first);
  EXPECT_THAT(h.Offers(second), SizeIs(1));
}

TEST(Offers, AreNotMadeOfAgentsFullOfExecutors) {
  Options options = MasterHarness::DefaultOptions();
  options.max_executors_per_agent = 1;
  MasterHarness h(options);
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  h.Launch(scheduler, {MasterHarness::ExecutorTask(node, "t", "e")});
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
  link::Call call;
  call.set_type(link::Call::EXECUTOR_EXITED);
  call.mutable_executor_exited()->mutable_framework_id()->set_value(scheduler.id);
  call.mutable_executor_exited()->mutable_executor_id()->set_value("e");
  call.mutable_executor_exited()->set_status(0);
  h.Say(node, call);
  h.clock.Advance(seconds(7));
  EXPECT_THAT(h.Take(scheduler, Event::OFFERS), SizeIs(1));
}

}  // namespace
}  // namespace tepui::master
