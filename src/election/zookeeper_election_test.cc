// SPDX-License-Identifier: Apache-2.0
#include "election/zookeeper_election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/mutex.h"
#include "base/owner_thread.h"
#include "base/virtual_clock.h"
#include "wire/json.h"
#include "zookeeper/test_proxy.h"
#include "zookeeper/test_server.h"

namespace tepui::election {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using zookeeper::Answer;
using zookeeper::CreateMode;
using zookeeper::FreshTestAddress;
using zookeeper::Node;
using zookeeper::Opcode;
using zookeeper::SharedTestServer;
using zookeeper::TestProxy;
using zookeeper::TestServer;

constexpr Duration kShort = std::chrono::seconds(1);
constexpr Duration kLong = std::chrono::seconds(30);

v1::MasterInfo Info(const std::string& id, uint32_t port = 5050) {
  v1::MasterInfo info;
  info.set_id(id);
  info.set_ip(16777343);  // 127.0.0.1, packed like in Mesos.
  info.set_port(port);
  info.set_pid("master@127.0.0.1:5050");
  info.set_hostname("localhost");
  info.set_version("1.11.0");
  info.mutable_address()->set_hostname("localhost");
  info.mutable_address()->set_ip("127.0.0.1");
  info.mutable_address()->set_port(static_cast<int32_t>(port));
  info.add_capabilities()->set_type(v1::MasterInfo::Capability::AGENT_UPDATE);
  return info;
}

// Collects reports on the owner's thread for the test's thread.
class Said {
 public:
  void Add(std::string what) {
    const MutexLock lock(mutex_);
    all_.push_back(std::move(what));
    changed_.NotifyAll();
  }
  std::vector<std::string> all() {
    const MutexLock lock(mutex_);
    return all_;
  }
  // Waits until the last report was `what`.
  testing::AssertionResult Ends(const std::string& what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(mutex_);
    while (!LastIs(what)) {
      if (!changed_.WaitUntil(mutex_, until)) {
        return testing::AssertionFailure() << testing::PrintToString(all_);
      }
    }
    return testing::AssertionSuccess();
  }

 private:
  bool LastIs(const std::string& what) const TEPUI_REQUIRES(mutex_) {
    return !all_.empty() && all_.back().find(what) != std::string::npos;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> all_ TEPUI_GUARDED_BY(mutex_);
};

// A master that stands for election; it reports "elected", and why it lost.
class Standing {
 public:
  Standing(OwnerThread& owner, const std::string& address, const std::string& id,
           Duration timeout = kLong)
      : owner_(owner) {
    owner_.loop().Run([&] {
      contender_ = std::make_unique<ZooKeeperContender>(zookeeper::ParseAddress(address).value(),
                                                        timeout, owner_.loop(), owner_.poster());
      contender_->Contend({.info = Info(id),
                           .elected =
                               [this](const std::string& candidacy) {
                                 candidacy_ = candidacy;
                                 said.Add("elected");
                               },
                           .lost = [this](const Error& why) { said.Add(why.message); }});
    });
  }
  ~Standing() { Leave(); }
  void Leave() {
    owner_.loop().Run([this] { contender_.reset(); });
  }
  // Valid once it was elected.
  const std::string& candidacy() const { return candidacy_; }
  Said said;

 private:
  OwnerThread& owner_;
  std::string candidacy_;
  std::unique_ptr<ZooKeeperContender> contender_;
};

// Reports the id of the leader, or "nobody".
class Watching {
 public:
  Watching(OwnerThread& owner, const std::string& address, Duration timeout = kLong)
      : Watching(owner, address, timeout, owner.loop()) {}
  Watching(OwnerThread& owner, const std::string& address, Duration timeout, Clock& clock)
      : owner_(owner) {
    owner_.loop().Run([&] {
      detector_ = std::make_unique<ZooKeeperDetector>(zookeeper::ParseAddress(address).value(),
                                                      timeout, clock, owner_.poster());
      detector_->Watch([this](const std::optional<v1::MasterInfo>& leader) {
        said.Add(leader ? leader->id() : "nobody");
      });
    });
  }
  ~Watching() {
    owner_.loop().Run([this] { detector_.reset(); });
  }
  Said said;

 private:
  OwnerThread& owner_;
  std::unique_ptr<ZooKeeperDetector> detector_;
};

// Another client with a session of its own.
class Somebody {
 public:
  Somebody(OwnerThread& owner, const std::string& address) : owner_(owner) {
    owner_.loop().Run([&] {
      session_ = std::make_unique<zookeeper::Session>(
          zookeeper::ParseAddress(address).value(), kLong, owner_.loop(), owner_.poster(), nullptr);
    });
  }
  ~Somebody() {
    owner_.loop().Run([this] { session_.reset(); });
  }

  const std::string& path() { return session_->address().path; }
  std::vector<std::string> Children() {
    auto names = owner_.Await<Answer<std::vector<std::string>>>(
        [&](auto done) { session_->Children(path(), nullptr, std::move(done)); });
    if (!names) return {names.error().message};
    std::sort(names->begin(), names->end());
    return *names;
  }
  // Waits until there are `count` children.
  std::vector<std::string> WaitForChildren(size_t count) {
    std::vector<std::string> names = Children();
    while (names.size() != count) names = Children();
    return names;
  }
  Answer<Node> Get(const std::string& name) {
    return owner_.Await<Answer<Node>>(
        [&](auto done) { session_->Get(path() + "/" + name, nullptr, std::move(done)); });
  }
  Answer<std::string> Put(const std::string& name, const std::string& data) {
    EXPECT_TRUE(owner_.Await<Answer<void>>(
        [&](auto done) { session_->CreatePath(path(), std::move(done)); }));
    return owner_.Await<Answer<std::string>>([&](auto done) {
      session_->Create(path() + "/" + name, data, CreateMode::kPersistent, std::move(done));
    });
  }
  Answer<void> Delete(const std::string& name) {
    return owner_.Await<Answer<void>>([&](auto done) {
      session_->Delete(path() + "/" + name, zookeeper::kAnyVersion, std::move(done));
    });
  }

 private:
  OwnerThread& owner_;
  std::unique_ptr<zookeeper::Session> session_;
};

TEST(LeaderNodeTest, TheLowestNumberOfTheKnownLabelsLeads) {
  const std::pair<std::vector<std::string>, std::optional<std::string>> cases[] = {
      {{}, std::nullopt},
      {{"json.info_0000000003", "json.info_0000000002"}, "json.info_0000000002"},
      {{"json.info_0000000003", "info_0000000002"}, "info_0000000002"},
      {{"json.info_0000000010", "json.info_0000000009"}, "json.info_0000000009"},
      {{"log_replicas", "store", "json.info_0000000007"}, "json.info_0000000007"},
      {{"json.info_", "json.info_x", "json.info_1x", "info_ 1", "json.info_-1", "0000000000",
        "JSON.INFO_0000000000", "xjson.info_0000000001", "json.info_99999999999999999999"},
       std::nullopt},
  };
  for (const auto& [children, leader] : cases) EXPECT_EQ(LeaderNode(children), leader);
}

TEST(ReadCandidateTest, ReadsWhatTheLabelSays) {
  const v1::MasterInfo info = Info("m");
  const auto json = ReadCandidate("json.info_0000000000", wire::ToJson(info));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->SerializeAsString(), info.SerializeAsString());
  const auto binary = ReadCandidate("info_0000000000", info.SerializeAsString());
  ASSERT_TRUE(binary);
  EXPECT_EQ(binary->SerializeAsString(), info.SerializeAsString());
}

TEST(ReadCandidateTest, ReadsJsonThatMesosWrote) {
  const auto info = ReadCandidate(
      "json.info_0000000004",
      R"({"address":{"hostname":"m1","ip":"10.0.0.1","port":5050},)"
      R"("capabilities":[{"type":"AGENT_UPDATE"},{"type":"SOMETHING_NEWER"}],"hostname":"m1",)"
      R"("id":"5b1d","ip":16777226,"pid":"master@10.0.0.1:5050","port":5050,"version":"1.11.0"})");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->id(), "5b1d");
  EXPECT_EQ(info->address().ip(), "10.0.0.1");
}

TEST(ReadCandidateTest, GarbageIsNotACandidate) {
  for (const char* data : {"", "{", "[]", "null", "{\"id\":\"m\"}", "\xff\xfe", "master@1:5050"}) {
    EXPECT_EQ(ReadCandidate("json.info_0000000000", data), std::nullopt) << data;
    EXPECT_EQ(ReadCandidate("info_0000000000", data), std::nullopt) << data;
  }
  EXPECT_EQ(ReadCandidate("store", wire::ToJson(Info("m"))), std::nullopt);
}

class ZooKeeperElectionTest : public testing::Test {
 protected:
  std::string Through(const TestProxy& proxy) const {
    return fmt::format("zk://{}{}", proxy.host(), address_.substr(address_.rfind('/')));
  }

  OwnerThread owner_;
  const std::string address_ = FreshTestAddress();
};

TEST_F(ZooKeeperElectionTest, ALeaderIsAnnouncedAsMesosDoes) {
  Standing master(owner_, address_, "m");
  ASSERT_TRUE(master.said.Ends("elected"));
  Somebody somebody(owner_, address_);
  ASSERT_THAT(somebody.Children(), ElementsAre("json.info_0000000000"));
  EXPECT_EQ(master.candidacy(), somebody.path() + "/json.info_0000000000");
  const auto node = somebody.Get("json.info_0000000000");
  ASSERT_TRUE(node);
  EXPECT_NE(node->stat.ephemeral_owner, 0);
  EXPECT_EQ(node->data,
            R"({"id":"m","ip":16777343,"port":5050,"pid":"master@127.0.0.1:5050",)"
            R"("hostname":"localhost","version":"1.11.0","address":{"hostname":"localhost",)"
            R"("ip":"127.0.0.1","port":5050},"capabilities":[{"type":"AGENT_UPDATE"}]})");
}

TEST_F(ZooKeeperElectionTest, CandidatesLeadInTheOrderOfTheirNodes) {
  Somebody somebody(owner_, address_);
  Watching watching(owner_, address_);
  ASSERT_TRUE(watching.said.Ends("nobody"));
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  ASSERT_TRUE(watching.said.Ends("first"));
  Standing second(owner_, address_, "second");
  somebody.WaitForChildren(2);
  Standing third(owner_, address_, "third");
  somebody.WaitForChildren(3);
  EXPECT_THAT(second.said.all(), IsEmpty());

  first.Leave();
  ASSERT_TRUE(second.said.Ends("elected"));
  ASSERT_TRUE(watching.said.Ends("second"));
  EXPECT_THAT(third.said.all(), IsEmpty());
  second.Leave();
  ASSERT_TRUE(third.said.Ends("elected"));
  ASSERT_TRUE(watching.said.Ends("third"));
  third.Leave();
  ASSERT_TRUE(watching.said.Ends("nobody"));
  EXPECT_THAT(first.said.all(), ElementsAre("elected"));
}

TEST_F(ZooKeeperElectionTest, ACandidateThatLeavesIsPassedOver) {
  Somebody somebody(owner_, address_);
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  Standing second(owner_, address_, "second");
  somebody.WaitForChildren(2);
  Standing third(owner_, address_, "third");
  somebody.WaitForChildren(3);
  second.Leave();
  somebody.WaitForChildren(2);
  EXPECT_THAT(third.said.all(), IsEmpty());
  first.Leave();
  EXPECT_TRUE(third.said.Ends("elected"));
}

TEST_F(ZooKeeperElectionTest, LeadersOfMesosAreFound) {
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Put("log_replicas", ""));
  ASSERT_TRUE(somebody.Put("json.info_garbage", "{}"));
  Watching watching(owner_, address_);
  ASSERT_TRUE(watching.said.Ends("nobody"));
  ASSERT_TRUE(somebody.Put("info_0000000009", Info("binary").SerializeAsString()));
  ASSERT_TRUE(watching.said.Ends("binary"));
  ASSERT_TRUE(somebody.Put("json.info_0000000004", wire::ToJson(Info("json"))));
  ASSERT_TRUE(watching.said.Ends("json"));
  // A leader whose node cannot be parsed still leads, but no one can talk to it, so nobody is
  // reported.
  ASSERT_TRUE(somebody.Put("json.info_0000000002", "no JSON"));
  ASSERT_TRUE(watching.said.Ends("nobody"));
  ASSERT_TRUE(somebody.Delete("json.info_0000000002"));
  ASSERT_TRUE(watching.said.Ends("json"));
}

TEST_F(ZooKeeperElectionTest, ForeignCandidatesBeforeUsLead) {
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Put("info_0000000000", "not even protobuf"));
  Standing master(owner_, address_, "m");
  somebody.WaitForChildren(2);
  EXPECT_THAT(master.said.all(), IsEmpty());
  ASSERT_TRUE(somebody.Delete("info_0000000000"));
  EXPECT_TRUE(master.said.Ends("elected"));
}

TEST_F(ZooKeeperElectionTest, ALeaderWhoseSessionEndsIsLostAndAnotherLeads) {
  TestProxy proxy(SharedTestServer().port());
  Standing first(owner_, Through(proxy), "first", kShort);
  ASSERT_TRUE(first.said.Ends("elected"));
  Standing second(owner_, address_, "second");
  Somebody(owner_, address_).WaitForChildren(2);
  Watching watching(owner_, address_);
  ASSERT_TRUE(watching.said.Ends("first"));
  proxy.SetMode(TestProxy::Mode::kDropRequests);
  ASSERT_TRUE(first.said.Ends("is over"));
  ASSERT_TRUE(second.said.Ends("elected"));
  ASSERT_TRUE(watching.said.Ends("second"));
  EXPECT_EQ(first.said.all().size(), 2u);
}

TEST_F(ZooKeeperElectionTest, ACandidateWhoseSessionEndsStandsAgain) {
  TestProxy proxy(SharedTestServer().port());
  Somebody somebody(owner_, address_);
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  Standing second(owner_, Through(proxy), "second", kShort);
  somebody.WaitForChildren(2);
  proxy.SetMode(TestProxy::Mode::kDropRequests);
  EXPECT_THAT(somebody.WaitForChildren(1), ElementsAre("json.info_0000000000"));
  proxy.Cut();
  EXPECT_THAT(somebody.WaitForChildren(2),
              ElementsAre("json.info_0000000000", "json.info_0000000002"));
  first.Leave();
  ASSERT_TRUE(second.said.Ends("elected"));
  EXPECT_EQ(second.said.all().size(), 1u);
}

TEST_F(ZooKeeperElectionTest, ANodeWhoseCreationWasNotAnsweredIsFound) {
  Somebody somebody(owner_, address_);
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  TestProxy proxy(SharedTestServer().port());
  proxy.DropRepliesAfter("/json.info_");
  Standing second(owner_, Through(proxy), "second");
  somebody.WaitForChildren(2);
  proxy.Cut();
  // A second node of its own would wait behind its first, which it does not know.
  first.Leave();
  ASSERT_TRUE(second.said.Ends("elected"));
  EXPECT_THAT(somebody.Children(), ElementsAre("json.info_0000000001"));
  EXPECT_EQ(second.candidacy(), somebody.path() + "/json.info_0000000001");
}

TEST_F(ZooKeeperElectionTest, AnUnseenNodeIsReadAgainAfterASync) {
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Put("log_replicas", ""));
  TestProxy proxy(SharedTestServer().port());
  proxy.DropRepliesAfter("/json.info_");
  Standing master(owner_, Through(proxy), "m");
  somebody.WaitForChildren(2);
  const size_t before = proxy.requests().size();
  proxy.Cut();
  ASSERT_TRUE(master.said.Ends("elected"));
  // Until it has synchronized, the server may lag behind the one that created the node.
  std::vector<Opcode> requests = proxy.requests();
  requests.erase(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(before));
  const auto sync = std::ranges::find(requests, Opcode::kSync);
  const auto list = std::ranges::find(requests, Opcode::kChildren);
  EXPECT_LT(sync, list);
  EXPECT_NE(list, requests.end());
}

TEST_F(ZooKeeperElectionTest, ACandidateWithSeveralNodesStandsAsTheLowest) {
  Somebody somebody(owner_, address_);
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  TestProxy proxy(SharedTestServer().port());
  // So many that the lowest is neither first nor last in a server's unordered list.
  constexpr int kOwn = 12;
  proxy.DropRepliesAfter("/json.info_", kOwn);
  Standing second(owner_, Through(proxy), "second");
  somebody.WaitForChildren(1 + kOwn);
  proxy.Cut();
  // If it took another node for its own, it would wait for itself.
  first.Leave();
  ASSERT_TRUE(second.said.Ends("elected"));
  EXPECT_EQ(second.candidacy(), somebody.path() + "/json.info_0000000001");
  EXPECT_EQ(somebody.Children().size(), static_cast<size_t>(kOwn));
}

TEST_F(ZooKeeperElectionTest, ADetectorThatIsConnectedAgainGoesOnWithItsWatch) {
  TestProxy proxy(SharedTestServer().port());
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Put("json.info_0000000009", wire::ToJson(Info("9"))));
  Watching watching(owner_, Through(proxy));
  ASSERT_TRUE(watching.said.Ends("9"));
  const size_t looks = proxy.Count(Opcode::kChildren);
  // A look made after one reconnection would be counted by the next one at the latest.
  for (size_t i = 1; i <= 3; ++i) {
    proxy.Cut();
    proxy.WaitForCount(Opcode::kSetWatches, i);
  }
  ASSERT_TRUE(somebody.Put("json.info_0000000008", wire::ToJson(Info("8"))));
  ASSERT_TRUE(watching.said.Ends("8"));
  EXPECT_EQ(proxy.Count(Opcode::kChildren), looks + 1);
}

TEST_F(ZooKeeperElectionTest, ADetectorKeepsOneWatchAfterLostReads) {
  TestProxy proxy(SharedTestServer().port());
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Put("json.info_0000000009", wire::ToJson(Info("9"))));
  Watching watching(owner_, Through(proxy));
  ASSERT_TRUE(watching.said.Ends("9"));
  for (int i = 8; i > 2; i -= 2) {
    // The look at this change is sent again, and the new connection makes another one.
    const size_t before = proxy.Count(Opcode::kChildren);
    proxy.DropRepliesAfter(somebody.path());
    std::string id = std::to_string(i);
    ASSERT_TRUE(somebody.Put("json.info_000000000" + id, wire::ToJson(Info(id))));
    proxy.WaitForCount(Opcode::kChildren, before + 1);
    proxy.Cut();
    ASSERT_TRUE(watching.said.Ends(id));
    // Both looks have set a watch; only one of them may lead to a new look.
    const size_t looks = proxy.Count(Opcode::kChildren);
    id = std::to_string(i - 1);
    ASSERT_TRUE(somebody.Put("json.info_000000000" + id, wire::ToJson(Info(id))));
    ASSERT_TRUE(watching.said.Ends(id));
    EXPECT_EQ(proxy.Count(Opcode::kChildren), looks + 1);
  }
}

TEST_F(ZooKeeperElectionTest, ASupersededReadIsNotRetried) {
  TestProxy proxy(SharedTestServer().port());
  Somebody somebody(owner_, address_);
  VirtualClock clock;
  Watching watching(owner_, Through(proxy), kLong, clock);
  // The path does not exist yet, so the look is retried.
  ASSERT_TRUE(watching.said.Ends("nobody"));
  ASSERT_TRUE(somebody.Put("json.info_0000000009", wire::ToJson(Info("9"))));
  proxy.Cut();
  ASSERT_TRUE(watching.said.Ends("9"));
  const size_t looks = proxy.Count(Opcode::kChildren);
  owner_.loop().Run([&] { clock.Advance(std::chrono::minutes(1)); });
  ASSERT_TRUE(somebody.Put("json.info_0000000008", wire::ToJson(Info("8"))));
  ASSERT_TRUE(watching.said.Ends("8"));
  EXPECT_EQ(proxy.Count(Opcode::kChildren), looks + 1);
}

TEST_F(ZooKeeperElectionTest, ADetectorGoesOnWithANewSession) {
  TestProxy proxy(SharedTestServer().port());
  Standing master(owner_, address_, "m");
  Watching watching(owner_, Through(proxy), kShort);
  ASSERT_TRUE(watching.said.Ends("m"));
  proxy.SetMode(TestProxy::Mode::kDropReplies);
  ASSERT_TRUE(watching.said.Ends("nobody"));
  proxy.Cut();
  EXPECT_TRUE(watching.said.Ends("m"));
}

TEST_F(ZooKeeperElectionTest, ARemovedNodeIsNotACandidate) {
  Somebody somebody(owner_, address_);
  Standing first(owner_, address_, "first");
  ASSERT_TRUE(first.said.Ends("elected"));
  Standing second(owner_, address_, "second");
  somebody.WaitForChildren(2);
  ASSERT_TRUE(somebody.Delete("json.info_0000000001"));
  EXPECT_THAT(somebody.WaitForChildren(2),
              ElementsAre("json.info_0000000000", "json.info_0000000002"));
  ASSERT_TRUE(somebody.Delete("json.info_0000000000"));
  EXPECT_TRUE(first.said.Ends("json.info_0000000000 was removed"));
  EXPECT_TRUE(second.said.Ends("elected"));
}

TEST_F(ZooKeeperElectionTest, ARestartOfTheServerIsSurvivedWithTheSession) {
  TestServer server;
  server.WaitUntilServing();
  const std::string address = fmt::format("zk://{}/mesos", server.host());
  // If it leaves while it is disconnected, its node stays for this long.
  Standing first(owner_, address, "first", std::chrono::seconds(10));
  ASSERT_TRUE(first.said.Ends("elected"));
  Standing second(owner_, address, "second");
  Watching watching(owner_, address);
  ASSERT_TRUE(watching.said.Ends("first"));
  Somebody(owner_, address).WaitForChildren(2);
  server.Kill();
  server.Start();
  server.WaitUntilServing();
  Somebody somebody(owner_, address);
  EXPECT_THAT(somebody.Children(), ElementsAre("json.info_0000000000", "json.info_0000000001"));
  first.Leave();
  ASSERT_TRUE(second.said.Ends("elected"));
  ASSERT_TRUE(watching.said.Ends("second"));
  EXPECT_THAT(first.said.all(), ElementsAre("elected"));
}

TEST_F(ZooKeeperElectionTest, WithCredentialsOthersMayOnlyRead) {
  const std::string path = address_.substr(address_.rfind('/'));
  const auto as = [&](const std::string& who) {
    return fmt::format("zk://{}@{}{}", who, SharedTestServer().host(), path);
  };
  Standing master(owner_, as("mesos:s@cr:t"), "m");
  ASSERT_TRUE(master.said.Ends("elected"));
  Somebody stranger(owner_, address_);
  EXPECT_THAT(stranger.Children(), ElementsAre("json.info_0000000000"));
  EXPECT_TRUE(stranger.Get("json.info_0000000000"));
  const auto deleted = stranger.Delete("json.info_0000000000");
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().problem, zookeeper::Problem::kForbidden);
  EXPECT_FALSE(stranger.Put("json.info_0000000000x", ""));
  Watching watching(owner_, address_);
  EXPECT_TRUE(watching.said.Ends("m"));

  // A master that may never stand must report that.
  Standing wrong(owner_, as("mesos:guess"), "wrong");
  ASSERT_TRUE(wrong.said.Ends("is over"));
  EXPECT_THAT(wrong.said.all().back(), Not(HasSubstr("guess")));
  Standing second(owner_, as("mesos:s@cr:t"), "second");
  stranger.WaitForChildren(2);
  master.Leave();
  EXPECT_TRUE(second.said.Ends("elected"));
}

TEST_F(ZooKeeperElectionTest, AServerThatComesLaterIsWaitedFor) {
  TestServer server;
  server.WaitUntilServing();
  server.Kill();
  const std::string address = fmt::format("zk://{}/mesos", server.host());
  Standing master(owner_, address, "m");
  Watching watching(owner_, address);
  server.Start();
  EXPECT_TRUE(master.said.Ends("elected"));
  EXPECT_TRUE(watching.said.Ends("m"));
}

}  // namespace
}  // namespace tepui::election
