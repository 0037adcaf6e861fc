// SPDX-License-Identifier: Apache-2.0
#include "zookeeper/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>

#include "base/mutex.h"
#include "base/owner_thread.h"
#include "zookeeper/test_server.h"

namespace tepui::zookeeper {
namespace {

using State = Session::State;

// A session, called from the test's thread.
class TestClient {
 public:
  TestClient(OwnerThread& owner, const std::string& address,
             Duration timeout = Session::kDefaultTimeout)
      : owner_(owner) {
    owner_.loop().Run([&] {
      session_ = std::make_unique<Session>(ParseAddress(address).value(), timeout, owner_.loop(),
                                           owner_.poster(), [this](State state) {
                                             const MutexLock lock(mutex_);
                                             states_.push_back(state);
                                             changed_.NotifyAll();
                                           });
    });
  }
  ~TestClient() { Close(); }

  void Close() {
    owner_.loop().Run([this] { session_.reset(); });
  }
  Session& session() { return *session_; }
  std::unique_ptr<Session> Release() { return std::move(session_); }

  // Waits until the session has reported `states`, in this order and as the last ones; returns all.
  std::vector<State> WaitFor(std::vector<State> states) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(mutex_);
    while ((states_.size() < states.size() ||
            !std::equal(states.rbegin(), states.rend(), states_.rbegin())) &&
           changed_.WaitUntil(mutex_, until)) {
    }
    return states_;
  }

  Answer<std::string> Create(const std::string& path, const std::string& data = "",
                             CreateMode mode = CreateMode::kPersistent) {
    return owner_.Await<Answer<std::string>>(
        [&](auto done) { session_->Create(path, data, mode, std::move(done)); });
  }
  Answer<void> CreatePath(const std::string& path) {
    return owner_.Await<Answer<void>>(
        [&](auto done) { session_->CreatePath(path, std::move(done)); });
  }
  Answer<Node> Get(const std::string& path) {
    return owner_.Await<Answer<Node>>(
        [&](auto done) { session_->Get(path, nullptr, std::move(done)); });
  }
  Answer<std::optional<NodeStat>> Exists(const std::string& path) {
    return owner_.Await<Answer<std::optional<NodeStat>>>(
        [&](auto done) { session_->Exists(path, nullptr, std::move(done)); });
  }
  Answer<std::vector<std::string>> Children(const std::string& path) {
    auto names = owner_.Await<Answer<std::vector<std::string>>>(
        [&](auto done) { session_->Children(path, nullptr, std::move(done)); });
    if (names) std::sort(names->begin(), names->end());
    return names;
  }
  Answer<NodeStat> Set(const std::string& path, const std::string& data,
                       int32_t version = kAnyVersion) {
    return owner_.Await<Answer<NodeStat>>(
        [&](auto done) { session_->Set(path, data, version, std::move(done)); });
  }
  Answer<void> Delete(const std::string& path, int32_t version = kAnyVersion) {
    return owner_.Await<Answer<void>>(
        [&](auto done) { session_->Delete(path, version, std::move(done)); });
  }
  Answer<std::vector<NodeStat>> Multi(std::vector<Operation> operations) {
    return owner_.Await<Answer<std::vector<NodeStat>>>(
        [&](auto done) { session_->Multi(std::move(operations), std::move(done)); });
  }

 private:
  OwnerThread& owner_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<State> states_ TEPUI_GUARDED_BY(mutex_);
  std::unique_ptr<Session> session_;
};

template <class T>
Problem ProblemIn(const Answer<T>& answer) {
  return answer ? Problem::kOther : answer.error().problem;
}

class SessionTest : public testing::Test {
 protected:
  // Returns a path below this test's own node.
  std::string At(const std::string& path) const {
    return std::string("/") + testing::UnitTest::GetInstance()->current_test_info()->name() + path;
  }
  std::unique_ptr<TestClient> Connect(const std::string& credentials = "") {
    return std::make_unique<TestClient>(owner_,
                                        "zk://" + credentials + SharedTestServer().host() + At(""));
  }
  std::unique_ptr<TestClient> ConnectWithNode() {
    auto client = Connect();
    EXPECT_TRUE(client->CreatePath(At("")));
    return client;
  }

  OwnerThread owner_;
};

TEST_F(SessionTest, ConnectsByItself) {
  auto client = Connect();
  EXPECT_EQ(client->WaitFor({State::kConnected}), std::vector{State::kConnected});
  EXPECT_NE(client->session().id(), 0);
}

TEST_F(SessionTest, MakesReadsChangesAndRemovesNodes) {
  auto client = ConnectWithNode();
  const std::string data("a\0b\xFF", 4);
  EXPECT_EQ(client->Create(At("/a"), data).value(), At("/a"));
  EXPECT_EQ(ProblemIn(client->Create(At("/a"))), Problem::kNodeExists);
  EXPECT_EQ(ProblemIn(client->Create(At("/x/y"))), Problem::kNoNode);

  EXPECT_EQ(client->Get(At("/a"))->data, data);
  EXPECT_EQ(client->Get(At("/a"))->stat.version, 0);
  EXPECT_EQ(ProblemIn(client->Get(At("/none"))), Problem::kNoNode);
  EXPECT_EQ(client->Get(At(""))->data, "");

  EXPECT_EQ(client->Set(At("/a"), "second")->version, 1);
  EXPECT_EQ(ProblemIn(client->Set(At("/a"), "third", 0)), Problem::kBadVersion);
  EXPECT_EQ(client->Set(At("/a"), "third", 1)->version, 2);
  EXPECT_EQ(client->Get(At("/a"))->data, "third");

  EXPECT_EQ(client->Exists(At("/a")).value()->version, 2);
  EXPECT_EQ(client->Exists(At("/none")).value(), std::nullopt);
  EXPECT_TRUE(client->Create(At("/a/é b%:"), ""));
  EXPECT_EQ(client->Children(At("/a")).value(), std::vector<std::string>{"é b%:"});
  EXPECT_EQ(client->Children(At("/a/é b%:")).value(), std::vector<std::string>{});

  EXPECT_EQ(ProblemIn(client->Delete(At("/a"))), Problem::kNotEmpty);
  EXPECT_TRUE(client->Delete(At("/a/é b%:")));
  EXPECT_EQ(ProblemIn(client->Delete(At("/a"), 5)), Problem::kBadVersion);
  EXPECT_TRUE(client->Delete(At("/a"), 2));
  EXPECT_EQ(ProblemIn(client->Delete(At("/a"))), Problem::kNoNode);

  const auto wrong = client->Create("no path", "");
  EXPECT_EQ(ProblemIn(wrong), Problem::kInvalid);
  EXPECT_NE(wrong.error().message.find("Cannot create 'no path'"), std::string::npos);
}

TEST_F(SessionTest, MakesThePathAboveANode) {
  auto client = Connect();
  EXPECT_TRUE(client->CreatePath(At("/a/b/c")));
  EXPECT_TRUE(client->CreatePath(At("/a/b/c")));
  EXPECT_TRUE(client->CreatePath(At("/a/b/d")));
  EXPECT_EQ(client->Children(At("/a/b")).value(), (std::vector<std::string>{"c", "d"}));
}

TEST_F(SessionTest, WhatIsEphemeralEndsWithTheSession) {
  auto client = ConnectWithNode();
  auto other = Connect();
  const auto first = other->Create(At("/n_"), "1", CreateMode::kEphemeralSequential);
  const auto second = other->Create(At("/n_"), "2", CreateMode::kEphemeralSequential);
  EXPECT_EQ(first.value(), At("/n_0000000000"));
  EXPECT_EQ(second.value(), At("/n_0000000001"));
  EXPECT_TRUE(other->Create(At("/plain"), "", CreateMode::kEphemeral));
  EXPECT_EQ(client->Children(At(""))->size(), 3u);
  EXPECT_EQ(client->Get(*first)->stat.ephemeral_owner, other->session().id());
  other->Close();
  EXPECT_EQ(client->Children(At("")).value(), std::vector<std::string>{});
}

TEST_F(SessionTest, AMultiIsDoneWholeOrNotAtAll) {
  auto client = ConnectWithNode();
  const auto done =
      client->Multi({Operation::Create(At("/a"), "1"), Operation::Set(At("/a"), "2", 0),
                     Operation::Create(At("/b"), ""), Operation::Delete(At("/b"), 0),
                     Operation::Check(At("/a"), 1)});
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_EQ(done->size(), 5u);
  EXPECT_EQ((*done)[1].version, 1);
  EXPECT_EQ(client->Get(At("/a"))->data, "2");

  const auto failed =
      client->Multi({Operation::Check(At("/a"), 1), Operation::Set(At("/a"), "3"),
                     Operation::Delete(At("/none")), Operation::Set(At("/a"), "4")});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().problem, Problem::kNoNode);
  EXPECT_EQ(failed.error().operation, 2u);
  EXPECT_NE(failed.error().message.find(At("/none")), std::string::npos);
  EXPECT_EQ(client->Get(At("/a"))->data, "2");

  const auto stale = client->Multi({Operation::Check(At("/a"), 0), Operation::Set(At("/a"), "3")});
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().problem, Problem::kBadVersion);
  EXPECT_EQ(stale.error().operation, 0u);
}

TEST_F(SessionTest, WatchesSeeTheNextChangeOnce) {
  auto client = ConnectWithNode();
  auto other = Connect();
  Mutex mutex;
  CondVar changed;
  std::vector<std::pair<std::string, WatchEvent>> events;
  const auto watch = [&](std::string name) -> Watch {
    return [&, name](WatchEvent event) {
      const MutexLock lock(mutex);
      events.emplace_back(name, event);
      changed.NotifyAll();
    };
  };
  const auto seen = [&](size_t count) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    const MutexLock lock(mutex);
    while (events.size() < count && changed.WaitUntil(mutex, until)) {
    }
    return std::exchange(events, {});
  };
  using Events = std::vector<std::pair<std::string, WatchEvent>>;

  ASSERT_TRUE(owner_.Await<Answer<std::optional<NodeStat>>>(
      [&](auto done) { client->session().Exists(At("/a"), watch("exists"), std::move(done)); }));
  // A request that fails leaves no watch behind.
  EXPECT_FALSE(owner_.Await<Answer<Node>>(
      [&](auto done) { client->session().Get(At("/a"), watch("none"), std::move(done)); }));
  ASSERT_TRUE(other->Create(At("/a")));
  EXPECT_EQ(seen(1), (Events{{"exists", WatchEvent::kCreated}}));

  ASSERT_TRUE(owner_.Await<Answer<Node>>(
      [&](auto done) { client->session().Get(At("/a"), watch("get"), std::move(done)); }));
  ASSERT_TRUE(other->Set(At("/a"), "x"));
  ASSERT_TRUE(other->Set(At("/a"), "y"));
  EXPECT_EQ(seen(1), (Events{{"get", WatchEvent::kChanged}}));

  ASSERT_TRUE(owner_.Await<Answer<std::vector<std::string>>>(
      [&](auto done) { client->session().Children(At(""), watch("children"), std::move(done)); }));
  ASSERT_TRUE(owner_.Await<Answer<Node>>(
      [&](auto done) { client->session().Get(At("/a"), watch("get"), std::move(done)); }));
  ASSERT_TRUE(other->Delete(At("/a")));
  Events last = seen(2);
  std::sort(last.begin(), last.end());
  EXPECT_EQ(last,
            (Events{{"children", WatchEvent::kChildrenChanged}, {"get", WatchEvent::kDeleted}}));
}

TEST_F(SessionTest, WithCredentialsOthersMayOnlyRead) {
  auto owner = Connect("me:secret@");
  ASSERT_TRUE(owner->CreatePath(At("/a")));
  ASSERT_TRUE(owner->Set(At("/a"), "mine"));
  ASSERT_TRUE(owner->Multi({Operation::Create(At("/b"), "mine")}));
  for (const std::string credentials : {"", "me:wrong@", "you:secret@"}) {
    auto other = Connect(credentials);
    EXPECT_EQ(other->Get(At("/a"))->data, "mine");
    EXPECT_EQ(other->Get(At("/b"))->data, "mine");
    EXPECT_EQ(ProblemIn(other->Set(At("/a"), "theirs")), Problem::kForbidden);
    EXPECT_EQ(ProblemIn(other->Create(At("/a/c"))), Problem::kForbidden);
    EXPECT_EQ(ProblemIn(other->Delete(At("/b"))), Problem::kForbidden);
    EXPECT_EQ(ProblemIn(other->Multi({Operation::Set(At("/b"), "theirs")})), Problem::kForbidden);
    // A node that exists need not be created, even where creation is forbidden.
    EXPECT_TRUE(other->CreatePath(At("/a")));
    EXPECT_EQ(ProblemIn(other->CreatePath(At("/a/c/d"))), Problem::kForbidden);
  }
  EXPECT_TRUE(Connect("me:secret@")->Set(At("/a"), "mine still"));
  EXPECT_TRUE(owner->Delete(At("/b")));
}

TEST_F(SessionTest, WithoutCredentialsAllMayWrite) {
  ASSERT_TRUE(ConnectWithNode());
  EXPECT_TRUE(Connect("me:secret@")->Set(At(""), "theirs"));
}

TEST_F(SessionTest, WhatIsAskedBeforeItIsConnectedWaits) {
  std::vector<std::string> order;
  auto client = ConnectWithNode();
  auto late = Connect();
  std::promise<void> done;
  owner_.loop().Run([&] {
    ASSERT_EQ(late->session().state(), State::kConnecting);
    late->session().Create(At("/a"), "1", CreateMode::kPersistent,
                           [&](auto answer) { order.push_back(answer ? "created" : "failed"); });
    late->session().Get(At("/a"), nullptr, [&](auto answer) {
      order.push_back(answer ? answer->data : "failed");
      done.set_value();
    });
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"created", "1"}));
}

TEST_F(SessionTest, RefusesMoreThanMayBeOutstanding) {
  auto client = ConnectWithNode();
  const size_t calls = Session::kMaxOutstanding + 5;
  size_t done = 0;
  size_t refused = 0;
  std::promise<void> answered;
  owner_.loop().Run([&] {
    for (size_t i = 0; i < calls; ++i) {
      client->session().Exists(At(""), nullptr, [&](auto answer) {
        ++(ProblemIn(answer) == Problem::kTooMany ? refused : done);
        if (done + refused == calls) answered.set_value();
      });
    }
    EXPECT_EQ(done + refused, 0u);  // No callback runs from inside a call.
  });
  answered.get_future().wait();
  EXPECT_EQ(done, Session::kMaxOutstanding);
  EXPECT_EQ(refused, 5u);
  EXPECT_TRUE(client->Get(At("")));
}

TEST_F(SessionTest, NoCallbackRunsAfterItIsDestroyed) {
  auto client = ConnectWithNode();
  auto witness = std::make_shared<int>(0);
  owner_.loop().Run([&] {
    auto session = client->Release();
    for (int i = 0; i < 100; ++i) {
      session->Set(At(""), "x", kAnyVersion, [witness](auto) { ++*witness; });
      session->Get(At(""), [witness](auto) { ++*witness; }, [witness](auto) { ++*witness; });
      session->Create("wrong", "", CreateMode::kPersistent, [witness](auto) { ++*witness; });
    }
    session.reset();
  });
  owner_.loop().Run([] {});
  owner_.loop().Run([] {});
  EXPECT_EQ(*witness, 0);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(SessionTest, ACallbackMayDestroyIt) {
  auto client = ConnectWithNode();
  auto session = client->Release();
  std::promise<void> destroyed;
  owner_.loop().Run([&] {
    for (int i = 0; i < 3; ++i) {
      session->Get(At(""), nullptr, [&](auto answer) {
        EXPECT_TRUE(answer);
        session.reset();
        destroyed.set_value();
      });
    }
  });
  destroyed.get_future().wait();
}

// Tests that disturb a server, which each test finds repaired.
class LostServer : public SessionTest {
 protected:
  static constexpr Duration kShort = std::chrono::milliseconds(1500);

  LostServer() {
    server_.Resume();
    if (!server_.running()) server_.Start();
    server_.WaitUntilServing();
  }

  static TestServer& Server() {
    static TestServer server;
    return server;
  }
  std::string address() const { return "zk://" + server_.host() + At(""); }

  TestServer& server_ = Server();
};

TEST_F(LostServer, ASessionLastsThroughAServersRestart) {
  TestClient client(owner_, address(), std::chrono::seconds(60));
  ASSERT_TRUE(client.Create(At(""), "1"));
  const int64_t id = client.session().id();
  std::promise<WatchEvent> watched;
  ASSERT_TRUE(owner_.Await<Answer<Node>>([&](auto done) {
    client.session().Get(
        At(""), [&](WatchEvent event) { watched.set_value(event); }, std::move(done));
  }));
  server_.Kill();
  client.WaitFor({State::kConnected, State::kConnecting});
  // A read sent now is answered when there is a server again.
  std::promise<Answer<Node>> read;
  owner_.loop().Run([&] {
    client.session().Get(At(""), nullptr,
                         [&](Answer<Node> answer) { read.set_value(std::move(answer)); });
  });
  server_.Start();
  EXPECT_EQ(read.get_future().get()->data, "1");
  EXPECT_EQ(client.WaitFor({State::kConnected}),
            (std::vector{State::kConnected, State::kConnecting, State::kConnected}));
  EXPECT_EQ(client.session().id(), id);
  ASSERT_TRUE(client.Set(At(""), "2"));
  EXPECT_EQ(watched.get_future().get(), WatchEvent::kChanged);  // The watch is still set.
}

TEST_F(LostServer, ReadsRetryAndChangesFailWhenAConnectionIsLost) {
  TestClient client(owner_, address(), std::chrono::seconds(60));
  ASSERT_TRUE(client.Create(At(""), "1"));
  server_.Pause();
  std::promise<Answer<NodeStat>> written;
  std::promise<Answer<Node>> read;
  owner_.loop().Run([&] {
    client.session().Set(At(""), "2", kAnyVersion,
                         [&](Answer<NodeStat> answer) { written.set_value(std::move(answer)); });
    client.session().Get(At(""), nullptr,
                         [&](Answer<Node> answer) { read.set_value(std::move(answer)); });
  });
  server_.Kill();
  EXPECT_EQ(ProblemIn(written.get_future().get()), Problem::kConnectionLost);
  server_.Start();
  const auto node = read.get_future().get();
  ASSERT_TRUE(node);
  EXPECT_TRUE(node->data == "1" || node->data == "2") << node->data;
}

TEST_F(LostServer, ASessionWithoutAServerForTooLongIsLost) {
  TestClient client(owner_, address(), kShort);
  ASSERT_TRUE(client.Create(At(""), "1"));
  server_.Kill();
  client.WaitFor({State::kConnecting});
  std::promise<Answer<Node>> read;
  owner_.loop().Run([&] {
    client.session().Get(
        At(""), [](WatchEvent) { ADD_FAILURE(); },
        [&](Answer<Node> answer) { read.set_value(std::move(answer)); });
  });
  const auto node = read.get_future().get();
  EXPECT_EQ(ProblemIn(node), Problem::kSessionLost);
  EXPECT_NE(node.error().message.find("had no connection for 1500 ms"), std::string::npos)
      << node.error().message;
  EXPECT_EQ(client.WaitFor({State::kLost}),
            (std::vector{State::kConnected, State::kConnecting, State::kLost}));
  EXPECT_EQ(ProblemIn(client.Set(At(""), "2")), Problem::kSessionLost);
}

TEST_F(LostServer, AServerThatDoesNotAnswerIsLeft) {
  TestClient client(owner_, address(), kShort);
  ASSERT_TRUE(client.Create(At(""), "1"));
  server_.Pause();
  EXPECT_EQ(client.WaitFor({State::kLost}),
            (std::vector{State::kConnected, State::kConnecting, State::kLost}));
}

TEST_F(SessionTest, ASessionThatTheServersForgotIsLost) {
  TestServer server;
  const std::string address = "zk://" + server.host() + "/node";
  TestClient client(owner_, address, std::chrono::seconds(20));
  ASSERT_TRUE(client.Create("/node", "1"));
  server.Kill();
  server.Forget();
  server.Start();
  // A server accepts no client that has seen more changes than the server has.
  TestClient other(owner_, address);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(other.Create(fmt::format("/node{}", i)));
  EXPECT_EQ(client.WaitFor({State::kLost}),
            (std::vector{State::kConnected, State::kConnecting, State::kLost}));
  owner_.loop().Run([&] { EXPECT_EQ(client.session().lost_because(), "the session expired"); });
}

TEST_F(LostServer, ASessionWaitsForItsFirstServer) {
  server_.Kill();
  TestClient client(owner_, address(), kShort);
  std::promise<Answer<std::string>> created;
  owner_.loop().Run([&] {
    client.session().Create(At(""), "1", CreateMode::kPersistent,
                            [&](auto answer) { created.set_value(std::move(answer)); });
  });
  server_.Start();
  EXPECT_TRUE(created.get_future().get());
  EXPECT_EQ(client.WaitFor({State::kConnected}), std::vector{State::kConnected});
}

TEST_F(LostServer, GoesOnWithTheServersThatAreThere) {
  const uint16_t nobody = TestServer::FreePort();
  TestClient client(owner_, fmt::format("zk://127.0.0.1:{},{}/p", nobody, server_.host()));
  EXPECT_TRUE(client.Create(At(""), "1"));
}

TEST(NoServer, AnUnknownHostIsLookedUpAgainAndDestructionDoesNotWait) {
  OwnerThread owner;
  TestClient client(owner, "zk://no-such-host.invalid:2181/node");
  owner.loop().Run([&] { EXPECT_EQ(client.session().state(), State::kConnecting); });
  client.Close();
}

}  // namespace
}  // namespace tepui::zookeeper
