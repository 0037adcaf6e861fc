// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/scheduler_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "sim/nodes/recording_observer.h"
#include "web/call_decoding.h"
#include "wire/content_type.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = mesos::v1::scheduler::Call;
using Event = mesos::v1::scheduler::Event;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

// A framework that does what the test demands.
class Puppet final : public Framework {
 public:
  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info;
    info.set_user("nobody");
    info.set_name("puppet");
    return info;
  }
  std::vector<std::string> SuppressedRoles() const override { return suppressed; }
  void OnSubscribed(Tasks& tasks) override {
    ++subscribed;
    tasks_ = &tasks;
  }
  void OnOffers(Tasks&, const std::vector<v1::Offer>& offers) override {
    for (const v1::Offer& offer : offers) heard.push_back("offer " + offer.id().value());
  }
  void OnRescind(Tasks&, const v1::OfferID& id) override {
    heard.push_back("rescind " + id.value());
  }
  void OnStatus(Tasks&, const v1::TaskStatus& status) override {
    heard.push_back(status.task_id().value() + " " + v1::TaskState_Name(status.state()));
  }
  void OnTick(Tasks&) override { ++ticks; }
  void Calm(Tasks&) override { ++calms; }
  bool well_behaved() const override { return behaves; }

  Tasks& tasks() { return *tasks_; }

  std::vector<std::string> suppressed;
  bool behaves = true;
  int subscribed = 0;
  int ticks = 0;
  int calms = 0;
  std::vector<std::string> heard;

 private:
  Tasks* tasks_ = nullptr;
};

v1::TaskStatus Status(const std::string& task, v1::TaskState state, const std::string& uuid = "") {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value(task);
  status.set_state(state);
  status.mutable_agent_id()->set_value("a");
  if (!uuid.empty()) status.set_uuid(std::string(16, uuid.front()));
  return status;
}

Event Update(const v1::TaskStatus& status) {
  Event event;
  event.set_type(Event::UPDATE);
  *event.mutable_update()->mutable_status() = status;
  return event;
}

// A handwritten master that accepts every call.
class SchedulerNodeTest : public testing::Test {
 protected:
  SchedulerNodeTest() {
    master_.emplace(world_, "master-0");
    network_.Serve(
        "master-0", *master_,
        [this](const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
          OnRequest(request, std::move(exchange));
        });
    auto puppet = std::make_unique<Puppet>();
    puppet_ = puppet.get();
    node_.emplace(SchedulerNode::Parts{world_, network_, observer_}, "framework-0", "master-0",
                  std::move(puppet));
    node_->Start();
    Advance(1s);
  }

  void OnRequest(const net::Request& request, std::shared_ptr<Network::Exchange> exchange) {
    if (request.target == "/health") return exchange->Respond({});
    Call call;
    ASSERT_TRUE(web::DecodeCall(request, &call));
    calls_.push_back(call);
    net::Response response;
    response.status = answer_;
    if (call.type() != Call::SUBSCRIBE) {
      if (answer_ != 0) exchange->Respond(response);
      exchanges_.push_back(std::move(exchange));
      return;
    }
    stream_ = std::move(exchange);
    net::Headers headers;
    headers.Add("Mesos-Stream-Id", "stream");
    stream_->Start(headers);
    if (refusal_) {
      Event event;
      event.set_type(Event::ERROR);
      event.mutable_error()->set_message(*std::exchange(refusal_, std::nullopt));
      Say(event);
      return stream_->End();
    }
    Event event;
    event.set_type(Event::SUBSCRIBED);
    const bool returns = call.framework_id().value() != "";
    event.mutable_subscribed()->mutable_framework_id()->set_value(
        returns ? call.framework_id().value() : "id-" + std::to_string(next_id_++));
    event.mutable_subscribed()->set_heartbeat_interval_seconds(1000);
    Say(event);
  }

  void Say(const Event& event) {
    stream_->Write(wire::Encode(event, wire::ContentType::kProtobuf));
  }
  void Tell(const Event& event) {
    Say(event);
    Advance(1s);
  }

  // Returns the calls of that type since the last call of Take.
  std::vector<Call> Take(Call::Type type) {
    std::vector<Call> taken;
    std::erase_if(calls_, [&](const Call& call) {
      if (call.type() != type) return false;
      taken.push_back(call);
      return true;
    });
    return taken;
  }

  // Accepts an offer of agent "a" for a task and returns the task's id.
  std::string Launch() {
    Offer("o");
    const std::string id = puppet_->tasks().NextId();
    Call call;
    call.set_type(Call::ACCEPT);
    call.mutable_accept()->add_offer_ids()->set_value("o");
    auto& operation = *call.mutable_accept()->add_operations();
    operation.set_type(v1::Offer::Operation::LAUNCH);
    v1::TaskInfo& task = *operation.mutable_launch()->add_task_infos();
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_agent_id()->set_value("a");
    puppet_->tasks().Send(call);
    Advance(1s);
    return id;
  }
  void Offer(const std::string& id) {
    Event event;
    event.set_type(Event::OFFERS);
    v1::Offer& offer = *event.mutable_offers()->add_offers();
    offer.mutable_id()->set_value(id);
    offer.mutable_framework_id()->set_value("id-0");
    offer.mutable_agent_id()->set_value("a");
    offer.set_hostname("agent-0");
    Tell(event);
  }

  void Restart() {
    node_->Crash();
    node_->Start();
    Advance(2s);
  }
  void Advance(Duration by) { world_.clock().Advance(by); }

  World world_{1, true};
  Network network_{world_, {}};
  RecordingObserver observer_;
  std::optional<Process> master_;
  unsigned answer_ = 202;  // Status of the answer to calls except SUBSCRIBE; 0: no answer.
  std::optional<std::string> refusal_;  // Answer to the next SUBSCRIBE.
  int next_id_ = 0;
  std::vector<Call> calls_;
  std::vector<std::shared_ptr<Network::Exchange>> exchanges_;
  std::shared_ptr<Network::Exchange> stream_;
  Puppet* puppet_ = nullptr;
  std::optional<SchedulerNode> node_;
};

TEST_F(SchedulerNodeTest, SubscribesAndTicks) {
  EXPECT_TRUE(node_->subscribed());
  EXPECT_EQ(node_->framework_id(), "id-0");
  EXPECT_EQ(puppet_->subscribed, 1);
  EXPECT_THAT(observer_.lives, ElementsAre("framework-0 starts"));
  const std::vector<Call> calls = Take(Call::SUBSCRIBE);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].subscribe().framework_info().name(), "puppet");
  Advance(11s);
  EXPECT_EQ(puppet_->ticks, 2);
}

TEST_F(SchedulerNodeTest, ACrashForgetsNothingButOffers) {
  const std::string first = Launch();
  Tell(Update(Status(first, v1::TASK_RUNNING)));
  const std::string second = Launch();
  Tell(Update(Status(second, v1::TASK_FINISHED)));
  Take(Call::SUBSCRIBE);
  puppet_->suppressed = {"*"};

  node_->Crash();
  EXPECT_FALSE(node_->running());
  EXPECT_FALSE(node_->subscribed());
  EXPECT_EQ(node_->process(), nullptr);
  EXPECT_EQ(node_->framework_id(), "id-0");
  Advance(1min);
  EXPECT_THAT(Take(Call::SUBSCRIBE), IsEmpty());
  node_->Start();
  node_->Start();  // It runs already.
  Advance(2s);

  const std::vector<Call> subscriptions = Take(Call::SUBSCRIBE);
  ASSERT_THAT(subscriptions, SizeIs(1));
  EXPECT_EQ(subscriptions[0].framework_id().value(), "id-0");
  EXPECT_EQ(subscriptions[0].subscribe().framework_info().id().value(), "id-0");
  EXPECT_THAT(subscriptions[0].subscribe().suppressed_roles(), ElementsAre("*"));
  EXPECT_THAT(node_->tasks(),
              UnorderedElementsAre(Pair(first, v1::TASK_RUNNING), Pair(second, v1::TASK_FINISHED)));
  EXPECT_THAT(puppet_->tasks().Living(), ElementsAre(first));
  EXPECT_NE(Launch(), first);
  EXPECT_THAT(node_->tasks(), SizeIs(3));
  EXPECT_THAT(observer_.lives,
              ElementsAre("framework-0 starts", "framework-0 ends: crash", "framework-0 starts"));
}

TEST_F(SchedulerNodeTest, ReconcilesWhatLivesOnEachSubscriptionAndNowAndThen) {
  EXPECT_THAT(Take(Call::RECONCILE), IsEmpty());  // An empty one would ask for all tasks.
  const std::string living = Launch();
  const std::string ended = Launch();
  Tell(Update(Status(ended, v1::TASK_KILLED)));
  Restart();
  for (int i = 0; i < 2; ++i) {
    const std::vector<Call> calls = Take(Call::RECONCILE);
    ASSERT_THAT(calls, SizeIs(1));
    ASSERT_THAT(calls[0].reconcile().tasks(), SizeIs(1));
    EXPECT_EQ(calls[0].reconcile().tasks(0).task_id().value(), living);
    EXPECT_EQ(calls[0].reconcile().tasks(0).agent_id().value(), "a");
    Advance(SchedulerNode::kReconcileInterval);
  }
}

TEST_F(SchedulerNodeTest, AcknowledgesRepeatedStatuses) {
  const std::string id = Launch();
  Tell(Update(Status(id, v1::TASK_RUNNING)));
  EXPECT_THAT(Take(Call::ACKNOWLEDGE), IsEmpty());
  for (int i = 0; i < 2; ++i) Tell(Update(Status(id, v1::TASK_RUNNING, "u")));
  const std::vector<Call> calls = Take(Call::ACKNOWLEDGE);
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].acknowledge().task_id().value(), id);
  EXPECT_EQ(calls[0].acknowledge().agent_id().value(), "a");
  EXPECT_EQ(calls[0].acknowledge().uuid(), std::string(16, 'u'));
  EXPECT_THAT(puppet_->heard, ElementsAre("offer o", id + " TASK_RUNNING"));
}

// The status is stored first, so a crash in between loses the acknowledgement, not the status.
TEST_F(SchedulerNodeTest, ACrashMayComeBeforeTheAcknowledgement) {
  const std::string id = Launch();
  Say(Update(Status(id, v1::TASK_FINISHED, "u")));
  while (node_->tasks().at(id) != v1::TASK_FINISHED) ASSERT_TRUE(world_.clock().Step());
  Restart();
  EXPECT_THAT(Take(Call::ACKNOWLEDGE), IsEmpty());
  EXPECT_THAT(node_->tasks(), ElementsAre(Pair(id, v1::TASK_FINISHED)));
}

TEST_F(SchedulerNodeTest, InterpretsTaskStates) {
  const std::string id = Launch();
  const auto state_after = [&](v1::TaskState state) {
    Tell(Update(Status(id, state)));
    return v1::TaskState_Name(node_->tasks().at(id));
  };
  const auto living = [&] { return !puppet_->tasks().Living().empty(); };
  EXPECT_EQ(v1::TaskState_Name(node_->tasks().at(id)), "TASK_STAGING");
  EXPECT_EQ(state_after(v1::TASK_UNREACHABLE), "TASK_UNREACHABLE");
  EXPECT_TRUE(living());
  // The master does not know the task, so it counts as ended unless it shows up again.
  EXPECT_EQ(state_after(v1::TASK_UNKNOWN), "TASK_UNKNOWN");
  EXPECT_FALSE(living());
  EXPECT_EQ(state_after(v1::TASK_RUNNING), "TASK_RUNNING");
  EXPECT_TRUE(living());
  EXPECT_EQ(state_after(v1::TASK_LOST), "TASK_LOST");
  EXPECT_FALSE(living());
  EXPECT_EQ(state_after(v1::TASK_RUNNING), "TASK_RUNNING");
  // A terminal state is final.
  EXPECT_EQ(state_after(v1::TASK_FAILED), "TASK_FAILED");
  for (const v1::TaskState late : {v1::TASK_RUNNING, v1::TASK_UNKNOWN, v1::TASK_GONE})
    EXPECT_EQ(state_after(late), "TASK_FAILED");
  EXPECT_FALSE(living());
}

TEST_F(SchedulerNodeTest, SubscribesAsANewFrameworkAfterItsRemoval) {
  const std::string id = Launch();
  refusal_ = "Framework has been removed";
  node_->Crash();
  node_->Start();
  Advance(5s);
  EXPECT_TRUE(node_->subscribed());
  EXPECT_EQ(node_->framework_id(), "id-1");
  EXPECT_THAT(node_->tasks(), ElementsAre(Pair(id, v1::TASK_KILLED)));
  EXPECT_THAT(puppet_->tasks().Living(), IsEmpty());
  EXPECT_NE(puppet_->tasks().NextId(), id);
}

TEST_F(SchedulerNodeTest, ATeardownEndsItsTasksWhenItIsConfirmed) {
  const std::string id = Launch();
  Call teardown;
  teardown.set_type(Call::TEARDOWN);
  answer_ = 0;
  puppet_->tasks().Send(teardown);
  Advance(1s);
  EXPECT_THAT(node_->tasks(), ElementsAre(Pair(id, v1::TASK_STAGING)));
  net::Response response;
  response.status = 202;
  exchanges_.back()->Respond(response);
  answer_ = 202;
  Advance(2s);
  EXPECT_THAT(node_->tasks(), ElementsAre(Pair(id, v1::TASK_KILLED)));
  EXPECT_EQ(node_->framework_id(), "id-1");
  EXPECT_EQ(puppet_->subscribed, 2);
}

TEST_F(SchedulerNodeTest, ATeardownThatGotLostIsMadeAgain) {
  Launch();
  Call teardown;
  teardown.set_type(Call::TEARDOWN);
  answer_ = 0;
  puppet_->tasks().Send(teardown);
  Advance(1s);
  EXPECT_THAT(Take(Call::TEARDOWN), SizeIs(1));
  answer_ = 202;
  Restart();
  Advance(2s);
  const std::vector<Call> again = Take(Call::TEARDOWN);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].framework_id().value(), "id-0");
  EXPECT_EQ(node_->framework_id(), "id-1");
  EXPECT_EQ(puppet_->subscribed, 2);  // The id that was leaving has not subscribed again.
}

TEST_F(SchedulerNodeTest, FollowsItsOperationsToTheirEnd) {
  Offer("o1");
  Call call;
  call.set_type(Call::ACCEPT);
  call.mutable_accept()->add_offer_ids()->set_value("o1");
  auto& operation = *call.mutable_accept()->add_operations();
  operation.set_type(v1::Offer::Operation::RESERVE);
  operation.mutable_reserve();
  operation.mutable_id()->set_value("op");
  puppet_->tasks().Send(call);
  Advance(SchedulerNode::kReconcileInterval);
  const std::vector<Call> asked = Take(Call::RECONCILE_OPERATIONS);
  ASSERT_THAT(asked, SizeIs(1));
  ASSERT_THAT(asked[0].reconcile_operations().operations(), SizeIs(1));
  EXPECT_EQ(asked[0].reconcile_operations().operations(0).operation_id().value(), "op");
  EXPECT_EQ(asked[0].reconcile_operations().operations(0).agent_id().value(), "a");

  Event event;
  event.set_type(Event::UPDATE_OPERATION_STATUS);
  v1::OperationStatus& status = *event.mutable_update_operation_status()->mutable_status();
  status.mutable_operation_id()->set_value("op");
  status.mutable_agent_id()->set_value("a");
  status.set_state(v1::OPERATION_FINISHED);
  status.mutable_uuid()->set_value(std::string(16, 'u'));
  Tell(event);
  const std::vector<Call> acknowledged = Take(Call::ACKNOWLEDGE_OPERATION_STATUS);
  ASSERT_THAT(acknowledged, SizeIs(1));
  const auto& acknowledgement = acknowledged[0].acknowledge_operation_status();
  EXPECT_EQ(acknowledgement.operation_id().value(), "op");
  EXPECT_EQ(acknowledgement.agent_id().value(), "a");
  EXPECT_EQ(acknowledgement.uuid(), std::string(16, 'u'));
  Advance(SchedulerNode::kReconcileInterval);
  EXPECT_THAT(Take(Call::RECONCILE_OPERATIONS), IsEmpty());
}

TEST_F(SchedulerNodeTest, UpdatesItself) {
  Call call;
  call.set_type(Call::UPDATE_FRAMEWORK);
  *call.mutable_update_framework()->mutable_framework_info() = puppet_->Info();
  puppet_->tasks().Send(call);
  Advance(1s);
  const std::vector<Call> calls = Take(Call::UPDATE_FRAMEWORK);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].framework_id().value(), "id-0");
  EXPECT_EQ(calls[0].update_framework().framework_info().id().value(), "id-0");
}

// A well-behaved framework reconnects; one that sends nonsense expects errors.
TEST_F(SchedulerNodeTest, ReconnectsAfterAnErrorIfItIsWellBehaved) {
  Call revive;
  revive.set_type(Call::REVIVE);
  for (const bool behaves : {true, false}) {
    Take(Call::SUBSCRIBE);
    puppet_->behaves = behaves;
    answer_ = 400;
    puppet_->tasks().Send(revive);
    Advance(1s);
    answer_ = 202;
    Advance(2s);
    EXPECT_THAT(Take(Call::SUBSCRIBE), SizeIs(behaves ? 1 : 0));
    EXPECT_TRUE(node_->subscribed());
  }
}

TEST_F(SchedulerNodeTest, SendsNothingWhileItIsNotSubscribed) {
  master_->Kill();
  Advance(1s);
  EXPECT_FALSE(node_->subscribed());
  Call revive;
  revive.set_type(Call::REVIVE);
  calls_.clear();
  puppet_->tasks().Send(revive);
  Advance(1min);
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(SchedulerNodeTest, CalmReachesItAlsoWhileItIsDown) {
  node_->Calm();
  EXPECT_EQ(puppet_->calms, 1);
  Restart();
  EXPECT_EQ(puppet_->calms, 2);
  node_->Crash();
  node_->Calm();
  EXPECT_EQ(puppet_->calms, 2);
  node_->Start();
  EXPECT_EQ(puppet_->calms, 3);
}

TEST_F(SchedulerNodeTest, HearsOfOffersAndTheirEnd) {
  Offer("o1");
  Event event;
  event.set_type(Event::RESCIND);
  event.mutable_rescind()->mutable_offer_id()->set_value("o1");
  Tell(event);
  EXPECT_THAT(puppet_->heard, ElementsAre("offer o1", "rescind o1"));
}

}  // namespace
}  // namespace tepui::sim
