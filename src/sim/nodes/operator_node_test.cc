// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/operator_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <set>

#include "api/operator/master_calls.h"
#include "web/responses.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Call = mesos::v1::master::Call;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two handwritten masters.
class OperatorNodeTest : public testing::Test {
 protected:
  struct Master {
    Master(World& world, const Host& host) : process(world, host) {}
    Process process;
    // The next answers; when there is none, the answer is 200. Status 0: the connection is reset.
    std::deque<net::Response> answers;
    std::vector<std::string> heard;  // "/teardown of f".
  };

  OperatorNodeTest() {
    for (const char* host : {"master-0", "master-1"}) {
      Master& master = masters_
                           .emplace(std::piecewise_construct, std::forward_as_tuple(host),
                                    std::forward_as_tuple(world_, host))
                           .first->second;
      network_.Serve(host, master.process,
                     [this, host, &master](const net::Request& request,
                                           std::shared_ptr<Network::Exchange> exchange) {
                       OnRequest(host, master, request, *exchange);
                     });
    }
  }

  void OnRequest(const Host& host, Master& master, const net::Request& request,
                 Network::Exchange& exchange) {
    EXPECT_EQ(request.method, "POST");
    const auto read = request.target == api::kTeardownPath
                          ? api::AdmitTeardownForm(request, {})
                          : api::AdmitRequest<api::MasterApi>(request, {});
    ASSERT_TRUE(read) << read.error().body;
    forms_.insert(request.target + " " + *request.headers.Find("Content-Type"));
    master.heard.push_back(read->call().has_teardown()
                               ? read->call().teardown().framework_id().value()
                               : read->call().mark_agent_gone().agent_id().value());
    if (master.answers.empty()) return exchange.Respond(web::TextResponse(200, ""));
    net::Response answer = std::move(master.answers.front());
    master.answers.pop_front();
    if (answer.status == 0) return network_.Reset(host, OperatorNode::kHost);
    exchange.Respond(std::move(answer));
  }

  Master& master(const Host& host) { return masters_.at(host); }
  size_t heard() { return master("master-0").heard.size() + master("master-1").heard.size(); }
  void Advance(Duration by) { world_.clock().Advance(by); }

  World world_{1, false};
  Network network_{world_, {}};
  std::map<Host, Master> masters_;
  std::set<std::string> forms_;
  OperatorNode operator_{{world_, network_}, {"master-0", "master-1"}};
};

net::Response RedirectTo(const std::string& host, std::string_view path) {
  net::Response response = web::TextResponse(307, "");
  response.headers.Add("Location", fmt::format("//{}:5050{}", host, path));
  return response;
}

TEST_F(OperatorNodeTest, CallsUntilThereIsAnAnswer) {
  operator_.MarkAgentGone("a");
  EXPECT_THAT(operator_.Unanswered(), ElementsAre("MARK_AGENT_GONE of a"));
  Advance(10s);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_GE(heard(), 1u);
}

// A call leaves in each of its forms.
TEST_F(OperatorNodeTest, SpeaksAllFormsOfACall) {
  for (int i = 0; i < 20; ++i) operator_.MarkAgentGone("a");
  Advance(20s);
  EXPECT_THAT(forms_, ElementsAre("/api/v1 application/json", "/api/v1 application/x-protobuf"));
  for (int i = 0; i < 30; ++i) operator_.TearDown("f/1");
  Advance(20s);
  EXPECT_THAT(forms_, ElementsAre("/api/v1 application/json", "/api/v1 application/x-protobuf",
                                  "/teardown application/x-www-form-urlencoded"));
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
}

TEST_F(OperatorNodeTest, FollowsRedirectsToTheLeader) {
  for (int i = 0; i < 20; ++i)
    master("master-1").answers.push_back(RedirectTo("master-0", api::kOperatorPath));
  for (int i = 0; i < 5; ++i) operator_.MarkAgentGone("a");
  Advance(30s);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_GE(master("master-0").heard.size(), 5u);
}

TEST_F(OperatorNodeTest, ARefusalIsAnAnswerAndAFailureIsNot) {
  for (const char* host : {"master-0", "master-1"}) {
    for (int i = 0; i < 2; ++i) master(host).answers.push_back(web::TextResponse(503, "busy"));
    master(host).answers.push_back(web::TextResponse(404, "nobody"));
  }
  operator_.MarkAgentGone("a");
  Advance(1min);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_GE(heard(), 5u);
}

TEST_F(OperatorNodeTest, ALostAnswerIsAskedForAgain) {
  for (const char* host : {"master-0", "master-1"}) {
    net::Response lost;
    lost.status = 0;
    master(host).answers.push_back(lost);
  }
  operator_.TearDown("f");
  Advance(1min);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_GE(heard(), 3u);
}

TEST_F(OperatorNodeTest, TriesTheOtherMasterWhenOneIsOutOfReach) {
  network_.Block(OperatorNode::kHost, "master-0");
  for (int i = 0; i < 5; ++i) operator_.MarkAgentGone("a");
  Advance(1min);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_THAT(master("master-0").heard, IsEmpty());
}

TEST_F(OperatorNodeTest, SometimesDropsItsConnection) {
  for (int i = 0; i < 50; ++i) operator_.MarkAgentGone("a");
  Advance(1min);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
  EXPECT_GT(heard(), 50u);
}

// Calls that were answered by one master leave connections behind that the other never accepts.
TEST_F(OperatorNodeTest, AnswersAreFinalThoughAConnectionIsStillBeingMade) {
  network_.Block("master-0", OperatorNode::kHost);
  for (int i = 0; i < 50; ++i) operator_.MarkAgentGone("a");
  Advance(1min);
  EXPECT_THAT(operator_.Unanswered(), IsEmpty());
}

TEST_F(OperatorNodeTest, MayGoWhileItsCallsAreUnderWay) {
  World world(2, false);
  Network network(world, {});
  {
    OperatorNode leaves({world, network}, {"master-0"});
    leaves.MarkAgentGone("a");
    world.clock().Advance(1ms);
  }
  world.clock().Advance(1min);
}

}  // namespace
}  // namespace tepui::sim
