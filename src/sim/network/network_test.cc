// SPDX-License-Identifier: Apache-2.0
#include "sim/network/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// What a client received, each as one string: "200 body", "record r", "end: why".
using Heard = std::vector<std::string>;

std::vector<std::string> Numbered(std::string_view word, int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back(fmt::format("{} {}", word, i));
  return all;
}

std::string Outcome(const Result<std::unique_ptr<Network::Connection>>& result) {
  return result ? "connected" : result.error().message;
}

// A server process on host "server" that records its requests, and a client process on host
// "client".
class NetworkTest : public testing::Test {
 protected:
  struct Asked {
    std::string body;
    std::shared_ptr<Network::Exchange> exchange;
  };

  void SetUp() override { Boot(); }

  void Boot(uint64_t seed = 1, Network::Options options = {}) {
    asked_.clear();
    connection_.reset();
    client_.reset();
    server_.reset();
    network_.reset();
    world_.emplace(seed, /*keep_trace=*/true);
    network_.emplace(*world_, options);
    client_.emplace(*world_, "client");
    StartServer();
  }

  void StartServer() {
    server_.emplace(*world_, "server");
    network_->Serve("server", *server_,
                    [this](net::Request request, std::shared_ptr<Network::Exchange> exchange) {
                      asked_.push_back({request.body, std::move(exchange)});
                    });
  }

  void EndServer() {
    server_->Kill();
    asked_.clear();
    server_.reset();
  }

  std::unique_ptr<Network::Connection> Connect() {
    std::unique_ptr<Network::Connection> connection;
    network_->Connect(*client_, "client", "server", [&](auto result) {
      ASSERT_TRUE(result) << result.error().message;
      connection = std::move(*result);
    });
    Advance(milliseconds(100));
    return connection;
  }

  // Connects connection_ and opens a stream on it, whose records are stored in heard_; the server's
  // end is stream().
  void OpenStream() {
    connection_ = Connect();
    ASSERT_NE(connection_, nullptr);
    Send(*connection_, "subscribe");
    Advance(milliseconds(100));
    ASSERT_THAT(asked_, SizeIs(1));
    stream().Start({});
    stream().OnClosed([this] { ++closed_; });
    Advance(milliseconds(100));
    ASSERT_THAT(heard_, ElementsAre("200 "));
    heard_.clear();
  }

  Network::Exchange& stream() { return *asked_.front().exchange; }

  void Send(Network::Connection& connection, std::string body) {
    net::Request request;
    request.method = "POST";
    request.body = std::move(body);
    connection.Send(std::move(request), Handler());
  }

  Network::ResponseHandler Handler() {
    return {.on_response =
                [this](const net::Response& response) {
                  heard_.push_back(fmt::format("{} {}", response.status, response.body));
                },
            .on_record = [this](std::string record) { heard_.push_back("record " + record); },
            .on_end = [this](const std::string& reason) { heard_.push_back("end: " + reason); }};
  }

  static net::Response Answer(std::string body) {
    net::Response response;
    response.body = std::move(body);
    return response;
  }

  void Advance(Duration by) { world_->clock().Advance(by); }

  std::optional<World> world_;
  std::optional<Network> network_;
  std::optional<Process> client_;
  std::optional<Process> server_;
  std::vector<Asked> asked_;
  std::unique_ptr<Network::Connection> connection_;
  Heard heard_;
  int closed_ = 0;
};

TEST_F(NetworkTest, ARequestIsAnswered) {
  const auto connection = Connect();
  Send(*connection, "ping");
  EXPECT_THAT(asked_, IsEmpty());  // No callback runs from inside the call.
  Advance(milliseconds(100));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].body, "ping");
  asked_[0].exchange->Respond(Answer("pong"));
  EXPECT_THAT(heard_, IsEmpty());
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, ElementsAre("200 pong"));
}

TEST_F(NetworkTest, RequestsOfAConnectionArriveInOrderAndAreAnsweredInOrder) {
  const auto connection = Connect();
  for (int i = 0; i < 20; ++i) Send(*connection, fmt::format("{}", i));
  Advance(seconds(1));
  ASSERT_THAT(asked_, SizeIs(20));
  for (int i = 19; i >= 0; --i) {
    EXPECT_EQ(asked_[i].body, fmt::format("{}", i));
    asked_[i].exchange->Respond(Answer(asked_[i].body));
  }
  Advance(seconds(1));
  EXPECT_EQ(heard_, Numbered("200", 20));
}

TEST_F(NetworkTest, AStreamBehindAnUnansweredRequestWaitsForIt) {
  const auto connection = Connect();
  Send(*connection, "slow");
  Send(*connection, "subscribe");
  Advance(milliseconds(100));
  asked_[1].exchange->Start({});
  asked_[1].exchange->Write("r");
  Advance(seconds(1));
  EXPECT_THAT(heard_, IsEmpty());
  asked_[0].exchange->Respond(Answer("done"));
  Advance(seconds(1));
  EXPECT_THAT(heard_, ElementsAre("200 done", "200 ", "record r"));
}

TEST_F(NetworkTest, AStreamBringsItsRecordsInOrderUntilItsEndWhichClosesTheConnection) {
  OpenStream();
  for (int i = 0; i < 50; ++i) stream().Write(fmt::format("{}", i));
  Send(*connection_, "behind the stream");
  Advance(seconds(1));
  stream().End();
  stream().Write("after the end");
  Advance(seconds(1));
  Heard expected = Numbered("record", 50);
  expected.push_back("end: the server ended the stream");
  expected.push_back("end: connection with server: closed by the peer");
  EXPECT_EQ(heard_, expected);
  EXPECT_EQ(closed_, 0);
  EXPECT_EQ(network_->open_connections(), 0u);
}

TEST_F(NetworkTest, AnExchangeDroppedUnansweredAnswers500) {
  const auto connection = Connect();
  Send(*connection, "x");
  Advance(milliseconds(100));
  asked_.clear();
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, ElementsAre(StartsWith("500 ")));
}

TEST_F(NetworkTest, ConnectionsOvertakeEachOther) {
  std::vector<std::unique_ptr<Network::Connection>> connections;
  for (int i = 0; i < 10; ++i) connections.push_back(Connect());
  for (int i = 0; i < 10; ++i) Send(*connections[i], fmt::format("{}", i));
  Advance(seconds(1));
  ASSERT_THAT(asked_, SizeIs(10));
  EXPECT_FALSE(std::ranges::is_sorted(asked_, {}, &Asked::body));
}

TEST_F(NetworkTest, ConnectingToAClosedPortIsRefused) {
  EndServer();
  std::string outcome;
  network_->Connect(*client_, "client", "server", [&](auto result) { outcome = Outcome(result); });
  Advance(milliseconds(100));
  EXPECT_EQ(outcome, "connection from client to server: refused");
}

TEST_F(NetworkTest, ConnectingTimesOutAcrossAPartitionAndSurvivesAShortOne) {
  for (const auto& [from, to] : {std::pair("client", "server"), std::pair("server", "client")}) {
    std::string outcome;
    const auto done = [&outcome](auto result) { outcome = Outcome(result); };
    network_->Block(from, to);
    network_->Connect(*client_, "client", "server", done);
    Advance(milliseconds(4999));
    EXPECT_EQ(outcome, "");
    Advance(milliseconds(1));
    EXPECT_EQ(outcome, "connection from client to server: timed out");

    network_->Connect(*client_, "client", "server", done);
    Advance(milliseconds(500));
    network_->Unblock(from, to);
    Advance(milliseconds(1000));
    EXPECT_EQ(outcome, "connected");
  }
}

TEST_F(NetworkTest, APartitionDelaysWhatIsSentUntilItEnds) {
  OpenStream();
  network_->Block("server", "client");
  network_->Block("server", "client");
  EXPECT_FALSE(network_->Reaches("server", "client"));
  EXPECT_TRUE(network_->Reaches("client", "server"));
  for (int i = 0; i < 5; ++i) stream().Write(fmt::format("{}", i));
  Advance(seconds(5));
  network_->Unblock("server", "client");  // It was blocked twice.
  Advance(seconds(5));
  EXPECT_THAT(heard_, IsEmpty());
  network_->Unblock("server", "client");
  Advance(seconds(10));
  EXPECT_EQ(heard_, Numbered("record", 5));
  EXPECT_EQ(closed_, 0);
}

TEST_F(NetworkTest, ASenderTimesOutAfterTheRetransmissionLimitAndTheOtherEndStaysHalfOpen) {
  OpenStream();
  network_->Block("server", "client");
  stream().Write("lost");
  Advance(milliseconds(29'900));
  EXPECT_EQ(closed_, 0);
  Advance(milliseconds(200));
  EXPECT_EQ(closed_, 1);
  network_->Unblock("server", "client");
  Advance(minutes(30));
  EXPECT_THAT(heard_, IsEmpty());  // The client sees the same as on a quiet stream.
  // The answer to what it sends is a reset.
  Send(*connection_, "are you there?");
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, ElementsAre("end: connection with server: reset by the peer",
                                  "end: connection with server: reset by the peer"));
  EXPECT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(network_->open_connections(), 0u);
}

TEST_F(NetworkTest, AOneWayPartitionLetsDataPassButBreaksTheSenderThatHearsNothing) {
  OpenStream();
  network_->Block("client", "server");
  stream().Write("0");
  Advance(seconds(20));
  stream().Write("1");
  Advance(seconds(9));
  EXPECT_EQ(heard_, Numbered("record", 2));
  EXPECT_EQ(closed_, 0);
  Advance(seconds(2));
  EXPECT_EQ(closed_, 1);  // The first record was not acknowledged.
  Advance(minutes(5));
  // The client does not know that the connection is broken.
  EXPECT_EQ(heard_, Numbered("record", 2));
}

TEST_F(NetworkTest, BothWaysBlockedEachEndLearnsOnlyByItsOwnSending) {
  OpenStream();
  network_->Block("client", "server");
  network_->Block("server", "client");
  Send(*connection_, "hello?");
  Advance(seconds(31));
  EXPECT_THAT(heard_, ElementsAre("end: connection with server: nothing is acknowledged",
                                  "end: connection with server: nothing is acknowledged"));
  Advance(minutes(10));
  EXPECT_EQ(closed_, 0);
  network_->Unblock("client", "server");
  network_->Unblock("server", "client");
  Advance(minutes(10));
  EXPECT_EQ(closed_, 0);
  stream().Write("still there?");
  Advance(milliseconds(100));
  EXPECT_EQ(closed_, 1);
}

TEST_F(NetworkTest, TheEndOfAServerResetsItsConnectionsUnlessAPartitionHidesIt) {
  OpenStream();
  EndServer();
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, ElementsAre("end: connection with server: closed by the peer"));
  EXPECT_EQ(network_->open_connections(), 0u);

  heard_.clear();
  StartServer();
  OpenStream();
  network_->Block("server", "client");
  EndServer();
  Advance(minutes(5));
  network_->Unblock("server", "client");
  Advance(minutes(5));
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_EQ(network_->open_connections(), 1u);
  StartServer();  // The new process does not know the old one's connections.
  Send(*connection_, "hello?");
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, Contains("end: connection with server: reset by the peer"));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(NetworkTest, APrefixOfWhatASenderSentBeforeItsEndArrives) {
  std::set<size_t> arrived;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Boot(seed);
    heard_.clear();
    OpenStream();
    for (int i = 0; i < 10; ++i) stream().Write(fmt::format("{}", i));
    EndServer();
    Advance(seconds(1));
    ASSERT_FALSE(heard_.empty());
    EXPECT_EQ(heard_.back(), "end: connection with server: closed by the peer");
    heard_.pop_back();
    EXPECT_EQ(heard_, Numbered("record", static_cast<int>(heard_.size())));
    arrived.insert(heard_.size());
  }
  EXPECT_THAT(arrived, AllOf(Contains(0u), Contains(10u)));
  EXPECT_GE(arrived.size(), 8u);
}

TEST_F(NetworkTest, AResetOnTheWayBreaksBothEndsAfterAPrefix) {
  std::set<size_t> arrived;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Boot(seed);
    heard_.clear();
    closed_ = 0;
    OpenStream();
    for (int i = 0; i < 10; ++i) stream().Write(fmt::format("{}", i));
    network_->Reset("client", "server");
    stream().Write("after the reset");
    Advance(seconds(1));
    EXPECT_EQ(closed_, 1);
    ASSERT_FALSE(heard_.empty());
    EXPECT_EQ(heard_.back(), "end: connection with server: reset on the way");
    heard_.pop_back();
    EXPECT_EQ(heard_, Numbered("record", static_cast<int>(heard_.size())));
    arrived.insert(heard_.size());
    EXPECT_EQ(network_->open_connections(), 0u);
  }
  EXPECT_THAT(arrived, AllOf(Contains(0u), Contains(10u)));
}

TEST_F(NetworkTest, AResetConcernsTheTwoHostsOnly) {
  OpenStream();
  network_->Reset("client", "elsewhere");
  Advance(seconds(1));
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_EQ(closed_, 0);
}

TEST_F(NetworkTest, AClientThatClosesIsGoneForTheServerAndHearsNothing) {
  OpenStream();
  stream().Write("on its way");
  connection_.reset();
  Advance(seconds(1));
  EXPECT_EQ(closed_, 1);
  EXPECT_THAT(heard_, IsEmpty());
  int late = 0;
  stream().OnClosed([&] { ++late; });
  stream().Write("to nobody");
  Advance(seconds(1));
  EXPECT_EQ(late, 1);
  EXPECT_EQ(closed_, 1);
}

TEST_F(NetworkTest, AHandlerMayDropItsConnection) {
  OpenStream();
  connection_->Send({}, {.on_response = nullptr,
                         .on_record = nullptr,
                         .on_end = [this](const std::string&) { heard_.push_back("dropped"); }});
  auto doomed = Connect();
  doomed->Send({}, {.on_response = [&](const net::Response&) { doomed.reset(); },
                    .on_record = [this](std::string) { heard_.push_back("too late"); },
                    .on_end = [this](const std::string&) { heard_.push_back("too late"); }});
  Advance(milliseconds(100));
  ASSERT_THAT(asked_, SizeIs(3));
  asked_[2].exchange->Start({});
  asked_[2].exchange->Write("x");
  asked_[2].exchange->End();
  Advance(seconds(1));
  EXPECT_EQ(doomed, nullptr);
  EXPECT_THAT(heard_, IsEmpty());
}

TEST_F(NetworkTest, APausedServerIsConnectedToAndAnswersAfterwards) {
  server_->Pause();
  const auto connection = Connect();
  ASSERT_NE(connection, nullptr);
  Send(*connection, "0");
  Send(*connection, "1");
  Advance(seconds(40));  // The server's machine acknowledges, so the connection is not broken.
  EXPECT_THAT(asked_, IsEmpty());
  server_->Resume();
  Advance(milliseconds(100));
  ASSERT_THAT(asked_, SizeIs(2));
  for (const Asked& asked : asked_) asked.exchange->Respond(Answer(asked.body));
  Advance(milliseconds(100));
  EXPECT_EQ(heard_, Numbered("200", 2));
}

TEST_F(NetworkTest, ARequestThatIsNotAnsweredInTimeFails) {
  connection_ = Connect();
  Send(*connection_, "0");
  Advance(seconds(59));
  Send(*connection_, "1");
  EXPECT_THAT(heard_, IsEmpty());
  Advance(seconds(2));
  EXPECT_THAT(heard_, ElementsAre("end: server has not answered within 60 s",
                                  "end: server has not answered within 60 s"));
  ASSERT_THAT(asked_, SizeIs(2));
  asked_[0].exchange->Respond(Answer("late"));
  Send(*connection_, "2");
  Advance(seconds(1));
  EXPECT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(heard_, SizeIs(3));
}

TEST_F(NetworkTest, AnOpenStreamMayBeSilentForEver) {
  OpenStream();
  Advance(std::chrono::hours(10));
  stream().Write("0");
  Advance(seconds(1));
  EXPECT_EQ(heard_, Numbered("record", 1));
}

TEST_F(NetworkTest, AReaderThatIsTooSlowIsCut) {
  Boot(1, {.max_in_flight_bytes = 1000});
  OpenStream();
  client_->Pause();
  for (int i = 0; i < 10; ++i) stream().Write(std::string(100, 'r'));
  Advance(minutes(1));
  EXPECT_EQ(closed_, 0);
  EXPECT_EQ(network_->most_in_flight_bytes(), 1000u);
  stream().Write("x");
  Advance(milliseconds(100));
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(network_->most_in_flight_bytes(), 1000u);
  client_->Resume();
  Advance(milliseconds(100));
  ASSERT_THAT(heard_, SizeIs(11));
  EXPECT_EQ(heard_.back(), "end: connection with server: closed by the peer");
}

TEST_F(NetworkTest, AReaderThatTakesWhatComesIsNotCut) {
  Boot(1, {.max_in_flight_bytes = 1000});
  OpenStream();
  for (int i = 0; i < 100; ++i) {
    stream().Write(std::string(100, 'r'));
    Advance(milliseconds(10));
  }
  Advance(milliseconds(100));
  EXPECT_THAT(heard_, SizeIs(100));
  EXPECT_EQ(closed_, 0);
}

TEST_F(NetworkTest, SlownessMultipliesLatencies) {
  connection_ = Connect();
  const auto round_trip = [this] {
    const MonotonicTime start = world_->clock().Now();
    asked_.clear();
    heard_.clear();
    Send(*connection_, "x");
    while (asked_.empty()) world_->clock().Step();
    asked_[0].exchange->Respond(Answer("y"));
    while (heard_.empty()) world_->clock().Step();
    return world_->clock().Now() - start;
  };
  Duration usual{};
  for (int i = 0; i < 50; ++i) usual += round_trip();
  network_->SetSlowness(10);
  Duration slow{};
  for (int i = 0; i < 50; ++i) slow += round_trip();
  EXPECT_LT(usual, 50 * milliseconds(40));
  EXPECT_GT(slow, 5 * usual);
  EXPECT_LT(slow, 20 * usual);
}

TEST_F(NetworkTest, AProcessThatEndsWhileItConnectsIsNotCalled) {
  network_->Connect(*client_, "client", "server", [](auto) { FAIL(); });
  client_->Kill();
  Advance(minutes(1));
  EXPECT_EQ(network_->open_connections(), 0u);
}

TEST_F(NetworkTest, ConnectionsMayOutliveTheNetwork) {
  OpenStream();
  stream().Write("on its way");
  Send(*connection_, "too");
  network_.reset();
  Advance(minutes(2));
  stream().Write("to nobody");
  Send(*connection_, "from nobody");
  Advance(minutes(2));
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_EQ(closed_, 0);
}

TEST_F(NetworkTest, EqualSeedsMakeEqualTracesAndOthersDoNot) {
  const auto trace = [this](uint64_t seed) {
    Boot(seed);
    heard_.clear();
    OpenStream();
    for (int i = 0; i < 20; ++i) stream().Write("x");
    network_->Reset("client", "server");
    Advance(seconds(1));
    return world_->trace().text();
  };
  const std::string first = trace(5);
  EXPECT_THAT(first, HasSubstr("client > server #1 request 9"));
  EXPECT_EQ(first, trace(5));
  EXPECT_NE(first, trace(6));
}

}  // namespace
}  // namespace tepui::sim
