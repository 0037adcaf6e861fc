// SPDX-License-Identifier: Apache-2.0
#include "sim/network/network_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A link from "client" to a server process on "server" that records its requests.
class NetworkLinkTest : public testing::Test {
 protected:
  struct Asked {
    net::Request request;
    std::shared_ptr<Network::Exchange> exchange;
  };

  NetworkLinkTest() {
    server_.emplace(world_, "server");
    network_.Serve("server", *server_,
                   [this](net::Request request, std::shared_ptr<Network::Exchange> exchange) {
                     asked_.push_back({std::move(request), std::move(exchange)});
                   });
  }

  void Connect(const Host& host = "server") {
    link_.Connect({.host = host, .port = 5050, .unix_path = ""}, [this](const Status& status) {
      heard_.push_back(status ? "connected" : "not connected: " + status.error().message);
    });
    Advance(100ms);
  }
  // Connects and forgets the probe.
  void ConnectFully() {
    Connect();
    Answer(0, 404);
    ASSERT_THAT(heard_, ElementsAre("connected"));
    heard_.clear();
    asked_.clear();
  }
  void Post(const std::string& body, const std::string& stream_id = "") {
    link_.Post(body, stream_id, [this, body](const Result<net::Response>& response) {
      heard_.push_back(response ? fmt::format("{}: {}", body, response->status)
                                : fmt::format("{}: {}", body, response.error().message));
    });
  }
  void Subscribe() {
    link_.Subscribe(
        "subscribe",
        {.on_response =
             [this](const net::Response& response) {
               heard_.push_back(std::to_string(response.status));
             },
         .on_record = [this](const std::string& record) { heard_.push_back(record); },
         .on_end = [this](const std::string& why) { heard_.push_back("end: " + why); }});
    Advance(100ms);
  }
  void Answer(size_t index, unsigned status) {
    net::Response response;
    response.status = status;
    asked_.at(index).exchange->Respond(response);
    Advance(100ms);
  }
  void Advance(Duration by) { world_.clock().Advance(by); }

  World world_{1, true};
  Network network_{world_, {}};
  std::optional<Process> server_;
  Process client_{world_, "client"};
  std::vector<Asked> asked_;
  NetworkLink link_{
      network_, client_, "client", {.path = "/api/v1/scheduler", .authorization = "Bearer x"}};
  std::vector<std::string> heard_;
};

// Any answer of the server shows that it is there.
TEST_F(NetworkLinkTest, IsConnectedWhenTheServerAnswered) {
  Connect();
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].request.target, "/health");
  EXPECT_THAT(heard_, IsEmpty());
  Answer(0, 503);
  EXPECT_THAT(heard_, ElementsAre("connected"));
}

TEST_F(NetworkLinkTest, SaysWhyItIsNotConnected) {
  Connect("nowhere");
  Advance(10s);
  EXPECT_THAT(heard_, ElementsAre(StartsWith("not connected: ")));
}

TEST_F(NetworkLinkTest, PostsOneCallAtATimeInOrder) {
  ConnectFully();
  Post("a", "id");
  Post("b");
  Advance(100ms);
  ASSERT_THAT(asked_, SizeIs(1));
  const net::Request& request = asked_[0].request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/api/v1/scheduler");
  EXPECT_EQ(request.body, "a");
  EXPECT_EQ(*request.headers.Find("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(*request.headers.Find("Accept"), "application/x-protobuf");
  EXPECT_EQ(*request.headers.Find("Mesos-Stream-Id"), "id");
  EXPECT_EQ(*request.headers.Find("Authorization"), "Bearer x");
  Answer(0, 202);
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_EQ(asked_[1].request.body, "b");
  EXPECT_EQ(asked_[1].request.headers.Find("Mesos-Stream-Id"), nullptr);
  Answer(1, 400);
  EXPECT_THAT(heard_, ElementsAre("a: 202", "b: 400"));
}

TEST_F(NetworkLinkTest, StreamsRecordsBesideCalls) {
  ConnectFully();
  Subscribe();
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].request.body, "subscribe");
  asked_[0].exchange->Start({});
  asked_[0].exchange->Write("one");
  Post("a");
  Advance(100ms);
  Answer(1, 202);
  asked_[0].exchange->Write("two");
  asked_[0].exchange->End();
  Advance(100ms);
  EXPECT_THAT(heard_, AllOf(Contains("a: 202"), SizeIs(5)));
  std::erase(heard_, "a: 202");
  EXPECT_THAT(heard_, ElementsAre("200", "one", "two", StartsWith("end: ")));
}

// It counts as a stream that never began, so no end follows.
TEST_F(NetworkLinkTest, ARefusedSubscriptionIsOnlyAResponse) {
  ConnectFully();
  Subscribe();
  Answer(0, 503);
  EXPECT_THAT(heard_, ElementsAre("503"));
  // SUBSCRIBE may be sent again.
  Subscribe();
  ASSERT_THAT(asked_, SizeIs(2));
  asked_[1].exchange->Start({});
  Advance(100ms);
  EXPECT_THAT(heard_, ElementsAre("503", "200"));
}

TEST_F(NetworkLinkTest, WhenTheServerDiesTheCallAndTheStreamEnd) {
  ConnectFully();
  Subscribe();
  asked_[0].exchange->Start({});
  Post("a");
  Advance(100ms);
  heard_.clear();
  server_->Kill();
  Advance(100ms);
  EXPECT_THAT(heard_, testing::UnorderedElementsAre(StartsWith("end: "), StartsWith("a: ")));
}

// The call after a failed one uses a new connection.
TEST_F(NetworkLinkTest, ReconnectsAfterACallFailed) {
  ConnectFully();
  network_.Reset("client", "server");
  Post("a");
  Post("b");
  Advance(100ms);
  ASSERT_THAT(heard_, ElementsAre(StartsWith("a: ")));
  ASSERT_THAT(asked_, SizeIs(1));
  Answer(0, 202);
  EXPECT_THAT(heard_, Contains("b: 202"));
}

TEST_F(NetworkLinkTest, AfterDisconnectNoCallbackRuns) {
  ConnectFully();
  Subscribe();
  asked_[0].exchange->Start({});
  asked_[0].exchange->Write("one");
  Post("a");
  link_.Disconnect();
  Advance(100ms);
  EXPECT_THAT(heard_, IsEmpty());
  // A connection attempt in progress does not call back either.
  Connect();
  heard_.clear();
  Subscribe();
  link_.Disconnect();
  Advance(2min);
  EXPECT_THAT(heard_, IsEmpty());
}

TEST_F(NetworkLinkTest, HoldsABoundedNumberOfCalls) {
  ConnectFully();
  for (size_t i = 0; i < NetworkLink::kMaxWaiting; ++i) Post("a");
  Post("last");
  EXPECT_THAT(heard_, IsEmpty());  // No callback runs from inside the call.
  Advance(100ms);
  EXPECT_THAT(heard_, ElementsAre("last: 10000 calls wait already"));
}

}  // namespace
}  // namespace tepui::sim
