// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/core/master_harness.h"

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Call CallOf(Call::Type type, const std::string& framework) {
  Call call;
  call.set_type(type);
  call.mutable_framework_id()->set_value(framework);
  return call;
}

Code CodeOf(const Status& status) { return status ? Code::kInternal : status.error().code; }

// Reference 1.2 lists the error that each wrong caller gets.
TEST(SchedulerCalls, NeedTheStreamOfTheirFramework) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  const Call revive = CallOf(Call::REVIVE, scheduler.id);
  EXPECT_TRUE(h.MakeOn(scheduler.stream_uuid, revive));
  EXPECT_EQ(CodeOf(h.MakeOn(std::nullopt, revive)), Code::kInvalid);
  EXPECT_EQ(CodeOf(h.MakeOn("another", revive)), Code::kInvalid);
  EXPECT_EQ(CodeOf(h.MakeOn(scheduler.stream_uuid, CallOf(Call::REVIVE, "m-0099"))),
            Code::kInvalid);
  EXPECT_EQ(CodeOf(h.MakeOn(scheduler.stream_uuid, CallOf(Call::UNKNOWN, scheduler.id))),
            Code::kUnimplemented);
  EXPECT_EQ(CodeOf(h.MakeOn(scheduler.stream_uuid, CallOf(Call::SUBSCRIBE, scheduler.id))),
            Code::kInvalid);
  EXPECT_EQ(CodeOf(h.MakeOn(scheduler.stream_uuid, CallOf(Call::KILL, scheduler.id))),
            Code::kInvalid);
  h.Leave(scheduler);
  EXPECT_EQ(CodeOf(h.MakeOn(scheduler.stream_uuid, revive)), Code::kForbidden);
}

TEST(SchedulerCalls, OfFrameworksKnownFromAgentsOnlyAreForbidden) {
  MasterHarness h;
  link::Call::Subscribe subscribe = MasterHarness::Machine();
  subscribe.mutable_info()->mutable_id()->set_value("old-S0");
  *subscribe.add_frameworks() = MasterHarness::Info();
  subscribe.mutable_frameworks(0)->mutable_id()->set_value("old-0000");
  h.Join(subscribe);
  EXPECT_EQ(CodeOf(h.MakeOn("x", CallOf(Call::REVIVE, "old-0000"))), Code::kForbidden);
}

TEST(SchedulerCalls, CountThemselves) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  h.Make(scheduler, Call::REVIVE);
  h.Make(scheduler, Call::REVIVE);
  const std::string prefix = "frameworks/f/" + scheduler.id + "/";
  EXPECT_EQ(h.Metric(prefix + "calls"), 3);
  EXPECT_EQ(h.Metric(prefix + "calls/revive"), 2);
  EXPECT_EQ(h.Metric(prefix + "calls/kill"), 0);
  EXPECT_EQ(h.Metric(prefix + "events/subscribed"), 1);
  EXPECT_EQ(h.Metric(prefix + "subscribed"), 1);
  EXPECT_EQ(h.Metric("messages_revive_offers"), 2);
  EXPECT_EQ(h.Metric("messages_register_framework"), 1);
}

Call Roles(Call::Type type, const std::vector<std::string>& roles) {
  Call call;
  call.set_type(type);
  for (const std::string& role : roles) {
    if (type == Call::SUPPRESS) {
      call.mutable_suppress()->add_roles(role);
    } else {
      call.mutable_revive()->add_roles(role);
    }
  }
  return call;
}

// Reference 2.3: SUPPRESS and REVIVE are per role; no role means all.
TEST(Suppress, EndsOffersUntilRevive) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  ASSERT_TRUE(h.Make(scheduler, Call::SUPPRESS));
  h.Join();
  EXPECT_THAT(h.Offers(scheduler), IsEmpty());
  EXPECT_EQ(h.Metric("frameworks/f/" + scheduler.id + "/roles/r/suppressed"), 1);
  ASSERT_TRUE(h.Make(scheduler, Roles(Call::REVIVE, {"r"})));
  EXPECT_THAT(h.Offers(scheduler), SizeIs(1));
  EXPECT_EQ(h.Metric("frameworks/f/" + scheduler.id + "/roles/r/suppressed"), 0);
}

TEST(Suppress, IgnoresRolesOfOthers) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  EXPECT_TRUE(h.Make(scheduler, Roles(Call::SUPPRESS, {"r", "other"})));
  EXPECT_TRUE(h.Make(scheduler, Roles(Call::SUPPRESS, {"not/"})));
  EXPECT_EQ(h.Metric("dropped_messages"), 2);
  h.Join();
  EXPECT_THAT(h.Offers(scheduler), SizeIs(1));
  EXPECT_TRUE(h.Make(scheduler, Roles(Call::REVIVE, {"other"})));
  EXPECT_EQ(h.Metric("dropped_messages"), 3);
}

TEST(Request, IsIgnored) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  Call call;
  call.set_type(Call::REQUEST);
  call.mutable_request();
  EXPECT_TRUE(h.Make(scheduler, call));
  EXPECT_EQ(h.Metric("messages_resource_request"), 1);
}

TEST(InverseOffers, AnswersToStaleOnesAreIgnored) {
  MasterHarness h;
  const Scheduler scheduler = h.Subscribe();
  Call call;
  call.set_type(Call::ACCEPT_INVERSE_OFFERS);
  call.mutable_accept_inverse_offers()->add_inverse_offer_ids()->set_value("m-O1");
  EXPECT_TRUE(h.Make(scheduler, call));
  call.set_type(Call::DECLINE_INVERSE_OFFERS);
  call.mutable_decline_inverse_offers()->add_inverse_offer_ids()->set_value("m-O1");
  EXPECT_TRUE(h.Make(scheduler, call));
  EXPECT_EQ(h.Metric("dropped_messages"), 2);
}

TEST(Executors, ExchangeMessagesWithTheirFramework) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  Call call;
  call.set_type(Call::MESSAGE);
  call.mutable_message()->mutable_agent_id()->set_value(node.id);
  call.mutable_message()->mutable_executor_id()->set_value("e");
  call.mutable_message()->set_data("down");
  ASSERT_TRUE(h.Make(scheduler, call));
  const std::vector<link::Event> down = h.Take(node, link::Event::FRAMEWORK_MESSAGE);
  ASSERT_THAT(down, SizeIs(1));
  EXPECT_EQ(down[0].framework_message().data(), "down");
  EXPECT_EQ(down[0].framework_message().framework_id().value(), scheduler.id);

  link::Call up;
  up.set_type(link::Call::EXECUTOR_MESSAGE);
  up.mutable_executor_message()->mutable_framework_id()->set_value(scheduler.id);
  up.mutable_executor_message()->mutable_executor_id()->set_value("e");
  up.mutable_executor_message()->set_data("up");
  ASSERT_TRUE(h.Say(node, up));
  const std::vector<Event> heard = h.Take(scheduler, Event::MESSAGE);
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_EQ(heard[0].message().data(), "up");
  EXPECT_EQ(heard[0].message().agent_id().value(), node.id);

  call.mutable_message()->mutable_agent_id()->set_value("m-S77");
  EXPECT_TRUE(h.Make(scheduler, call));
  up.mutable_executor_message()->mutable_framework_id()->set_value("m-0077");
  EXPECT_TRUE(h.Say(node, up));
  EXPECT_EQ(h.Metric("valid_framework_to_executor_messages"), 1);
  EXPECT_EQ(h.Metric("invalid_framework_to_executor_messages"), 1);
  EXPECT_EQ(h.Metric("valid_executor_to_framework_messages"), 1);
  EXPECT_EQ(h.Metric("invalid_executor_to_framework_messages"), 1);
}

TEST(Executors, AreShutDownByTheirFramework) {
  MasterHarness h;
  const Node node = h.Join();
  const Scheduler scheduler = h.Subscribe();
  Call call;
  call.set_type(Call::SHUTDOWN);
  call.mutable_shutdown()->mutable_agent_id()->set_value(node.id);
  call.mutable_shutdown()->mutable_executor_id()->set_value("e");
  ASSERT_TRUE(h.Make(scheduler, call));
  const std::vector<link::Event> events = h.Take(node, link::Event::SHUTDOWN_EXECUTOR);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].shutdown_executor().executor_id().value(), "e");
  call.mutable_shutdown()->mutable_agent_id()->set_value("m-S77");
  EXPECT_TRUE(h.Make(scheduler, call));
  EXPECT_EQ(h.Metric("dropped_messages"), 1);
}

}  // namespace
}  // namespace tepui::master
