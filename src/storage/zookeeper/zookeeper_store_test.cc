// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_store.h"

#include "base/mutex.h"
#include "storage/store_fixture.h"
#include "storage/zookeeper/zookeeper_fixture.h"
#include "storage/zookeeper/zookeeper_packing.h"
#include "zookeeper/test_proxy.h"

namespace tepui::storage {
namespace {

using zookeeper::Answer;
using zookeeper::Node;
using zookeeper::NodeStat;
using zookeeper::Operation;
using zookeeper::TestEnsemble;
using zookeeper::TestProxy;
using zookeeper::TestServer;

const ZooKeeperStore::Options kPatient = {.session_timeout = std::chrono::seconds(60),
                                          .connect_timeout = std::chrono::seconds(60)};

// Another client with a session of its own, which may break the rules of the store.
class Somebody {
 public:
  Somebody(OwnerThread& owner, const std::string& address) : owner_(owner) {
    owner_.loop().Run([&] {
      session_ = std::make_unique<zookeeper::Session>(zookeeper::ParseAddress(address).value(),
                                                      zookeeper::Session::kDefaultTimeout,
                                                      owner_.loop(), owner_.poster(), nullptr);
    });
  }
  ~Somebody() {
    owner_.loop().Run([this] { session_.reset(); });
  }

  std::string root() { return session_->address().path + "/log_replicas/store"; }
  std::string former_root() { return session_->address().path + "/store"; }
  Answer<Node> Get(const std::string& path) {
    return owner_.Await<Answer<Node>>(
        [&](auto done) { session_->Get(path, nullptr, std::move(done)); });
  }
  std::vector<std::string> Children(const std::string& path) {
    auto names = owner_.Await<Answer<std::vector<std::string>>>(
        [&](auto done) { session_->Children(path, nullptr, std::move(done)); });
    std::sort(names->begin(), names->end());
    return *names;
  }
  void Do(std::vector<Operation> operations) {
    const auto done = owner_.Await<Answer<std::vector<NodeStat>>>(
        [&](auto callback) { session_->Multi(std::move(operations), std::move(callback)); });
    ASSERT_TRUE(done) << done.error().message;
  }
  void MakePath(const std::string& path) {
    ASSERT_TRUE(owner_.Await<Answer<void>>(
        [&](auto done) { session_->CreatePath(path, std::move(done)); }));
  }
  // Waits until the node's data differs from `data`.
  void WaitForOther(const std::string& path, const std::string& data) {
    while (true) {
      std::promise<void> changed;
      const auto node = owner_.Await<Answer<Node>>([&](auto done) {
        session_->Get(path, [&](zookeeper::WatchEvent) { changed.set_value(); }, std::move(done));
      });
      ASSERT_TRUE(node);
      if (node->data != data) return Forget();
      changed.get_future().wait();
    }
  }

 private:
  // Makes sure that no watch refers to destroyed objects.
  void Forget() {
    owner_.loop().Run([this] {
      const zookeeper::Address address = session_->address();
      session_.reset();
      session_ = std::make_unique<zookeeper::Session>(address, zookeeper::Session::kDefaultTimeout,
                                                      owner_.loop(), owner_.poster(), nullptr);
    });
  }

  OwnerThread& owner_;
  std::unique_ptr<zookeeper::Session> session_;
};

class ZooKeeperStoreTest : public testing::Test {
 protected:
  std::unique_ptr<Handle> Open(Access access = Access::kWrite) {
    return std::make_unique<Handle>(owner_, OpenInZooKeeper(owner_, address_, access));
  }
  std::unique_ptr<Handle> OpenWriter() {
    auto handle = Open();
    const auto epoch = handle->Fence();
    if (!epoch) ADD_FAILURE() << epoch.error().message;
    return handle;
  }
  std::string Through(const TestProxy& proxy) const {
    std::string address = address_;
    return address.replace(address.find("127.0.0.1"), zookeeper::SharedTestServer().host().size(),
                           proxy.host());
  }
  // Starts a commit; the caller waits for the answer later.
  std::future<Status> Begin(Handle& handle, Batch batch) {
    auto promise = std::make_shared<std::promise<Status>>();
    owner_.loop().Run([&] {
      handle.store().Commit(std::move(batch),
                            [promise](Status status) { promise->set_value(std::move(status)); });
    });
    return promise->get_future();
  }

  OwnerThread owner_;
  const std::string address_ = zookeeper::FreshTestAddress();
};

TEST_F(ZooKeeperStoreTest, PacksKeysIntoShards) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", "value")}));
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", "another")}));
  Somebody somebody(owner_, address_);
  const std::string root = somebody.root();
  const auto shard = UnpackShard(0x985, somebody.Get(root + "/shards/985")->data);
  ASSERT_TRUE(shard) << shard.error().message;
  ASSERT_EQ(shard->entries_size(), 1);
  EXPECT_EQ(shard->entries(0).key(), "agents/a-S1");
  EXPECT_EQ(shard->entries(0).value(), "another");
  EXPECT_EQ(shard->entries(0).version(), 2u);
  EXPECT_EQ(somebody.Get(root + "/schema")->data, "3");
  EXPECT_EQ(somebody.Get(root + "/commit")->data, "1 2");
  EXPECT_TRUE(somebody.Get(root + "/epoch")->data.starts_with("pid "));
  EXPECT_EQ(somebody.Children(root + "/shards"), std::vector<std::string>{"985"});
  ASSERT_TRUE(store->Commit({Remove("agents/a-S1")}));
  EXPECT_EQ(somebody.Children(root + "/shards"), std::vector<std::string>{});
}

TEST_F(ZooKeeperStoreTest, LargeValuesHaveNodesOfTheirOwn) {
  auto store = OpenWriter();
  const std::string large(ZooKeeperLayout::kMaxPackedBytes + 1, 'l');
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", large), Put("agents/a-S2", large + "2")}));
  Somebody somebody(owner_, address_);
  const std::string shard = somebody.root() + "/shards/985";
  ASSERT_EQ(somebody.Children(shard).size(), 1u);
  const std::string first = somebody.Children(shard).front();
  EXPECT_EQ(somebody.Get(shard + "/" + first)->data, large);
  // Writing it again uses another node, and packing it uses none.
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", large + "!")}));
  ASSERT_EQ(somebody.Children(shard).size(), 1u);
  EXPECT_NE(somebody.Children(shard).front(), first);
  EXPECT_EQ(Open(Access::kRead)->Load().value(),
            (std::vector<Entry>{{"agents/a-S1", large + "!", 2}, {"agents/a-S2", large + "2", 1}}));
  EXPECT_EQ(Open(Access::kRead)->Load("agents/a-S1").value(),
            (std::vector<Entry>{{"agents/a-S1", large + "!", 2}}));
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", "small")}));
  EXPECT_EQ(somebody.Children(shard), std::vector<std::string>{});
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", large), Put("agents/a-S1", large)}));
  ASSERT_TRUE(store->Commit({Remove("agents/a-S1"), Remove("agents/a-S2")}));
  EXPECT_EQ(somebody.Children(somebody.root() + "/shards"), std::vector<std::string>{});
}

TEST_F(ZooKeeperStoreTest, OthersMayReadWhileItIsWritten) {
  auto writer = OpenWriter();
  ASSERT_TRUE(writer->Commit({Put("k", "v")}));
  auto reader = Open(Access::kRead);
  EXPECT_EQ(reader->Load().value().size(), 1u);
  ASSERT_TRUE(writer->Commit({Put("l", "v")}));
  EXPECT_EQ(reader->Load().value().size(), 2u);
  const auto facts = reader->Describe();
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->epoch, 1u);
  EXPECT_EQ(facts->schema, 3u);
  EXPECT_TRUE(facts->writer.starts_with("pid ")) << facts->writer;
  EXPECT_NE(facts->place.find(address_), std::string::npos);
  EXPECT_EQ(reader->Check().value(), std::vector<std::string>{});
  EXPECT_EQ(reader->Fence().error().code, Code::kForbidden);
  EXPECT_TRUE(writer->Commit({Put("k", "w")}));
}

TEST_F(ZooKeeperStoreTest, ReadsAsOfOneMomentWhileItIsWritten) {
  auto writer = OpenWriter();
  auto reader = Open(Access::kRead);
  // Two keys in different shards that always change together.
  std::atomic<bool> stop = false;
  std::function<void(uint64_t)> write = [&](uint64_t number) {
    if (stop) return;
    writer->store().Commit({Put("a", std::to_string(number)), Put("b", std::to_string(number))},
                           [&write, number](Status status) {
                             ASSERT_TRUE(status);
                             write(number + 1);
                           });
  };
  owner_.loop().Run([&] { write(0); });
  size_t reads = 0;
  for (int i = 0; i < 30; ++i) {
    const auto entries = reader->Load();
    if (!entries) {
      EXPECT_EQ(entries.error().code, Code::kUnavailable) << entries.error().message;
      continue;
    }
    if (entries->empty()) continue;
    ++reads;
    ASSERT_EQ(entries->size(), 2u);
    EXPECT_EQ((*entries)[0].value, (*entries)[1].value);
  }
  stop = true;
  EXPECT_TRUE(writer->Load());  // After the last commit.
  RecordProperty("reads", std::to_string(reads));
}

TEST_F(ZooKeeperStoreTest, AReaderCreatesNoNodes) {
  auto reader = Open(Access::kRead);
  EXPECT_EQ(reader->Load().error().code, Code::kNotFound);
  EXPECT_EQ(reader->Describe().error().code, Code::kNotFound);
  EXPECT_EQ(reader->Check().error().code, Code::kNotFound);
  Somebody somebody(owner_, address_);
  EXPECT_FALSE(somebody.Get(zookeeper::ParseAddress(address_)->path));
}

TEST_F(ZooKeeperStoreTest, AStoreOfAnotherVersionIsNotChanged) {
  {
    auto store = OpenWriter();
    ASSERT_TRUE(store->Commit({Put("k", "v")}));
  }
  Somebody somebody(owner_, address_);
  const auto epoch = somebody.Get(somebody.root() + "/epoch");
  const std::pair<std::string, std::string> schemas[] = {
      {"4", "newer version of Tepui (schema 4; this one knows 3): start that version"},
      {"2", "older version of Tepui (schema 2; this one knows 3): stop all masters, export"}};
  for (const auto& [schema, said] : schemas) {
    somebody.Do({Operation::Set(somebody.root() + "/schema", schema)});
    for (const Access access : {Access::kWrite, Access::kImport, Access::kRead}) {
      auto store = Open(access);
      const auto entries = store->Load();
      ASSERT_FALSE(entries);
      EXPECT_EQ(entries.error().code, Code::kInvalid);
      EXPECT_NE(entries.error().message.find(said), std::string::npos) << entries.error().message;
      EXPECT_FALSE(store->Fence());
    }
  }
  EXPECT_EQ(somebody.Get(somebody.root() + "/epoch")->stat.version, epoch->stat.version);
  EXPECT_EQ(somebody.Get(somebody.root() + "/commit")->data, "1 1");
}

// Detectors of Mesos' clients take every other node beside the candidates for one of them.
TEST_F(ZooKeeperStoreTest, BesideTheCandidatesIsOnlyWhatDetectorsSkip) {
  OpenWriter();
  Somebody somebody(owner_, address_);
  const std::string root = somebody.root();
  const std::string path = root.substr(0, root.size() - std::string("/log_replicas/store").size());
  EXPECT_EQ(somebody.Children(path), std::vector<std::string>{"log_replicas"});
}

TEST_F(ZooKeeperStoreTest, AStoreInTheFormerPlaceIsNotTakenForNone) {
  Somebody somebody(owner_, address_);
  somebody.MakePath(somebody.former_root());
  somebody.Do({Operation::Create(somebody.former_root() + "/schema", "2")});
  for (const Access access : {Access::kWrite, Access::kImport, Access::kRead}) {
    const auto entries = Open(access)->Load();
    ASSERT_FALSE(entries);
    EXPECT_EQ(entries.error().code, Code::kInvalid);
    EXPECT_NE(entries.error().message.find("older version of Tepui (schema 2; this one knows 3)"),
              std::string::npos)
        << entries.error().message;
    EXPECT_NE(entries.error().message.find("remove '" + somebody.former_root() + "'"),
              std::string::npos)
        << entries.error().message;
  }
  EXPECT_FALSE(somebody.Get(somebody.root()));
}

TEST_F(ZooKeeperStoreTest, ANodeThatIsNotAStoreIsNotChanged) {
  Somebody somebody(owner_, address_);
  somebody.MakePath(somebody.root() + "/mine");
  EXPECT_EQ(Open()->Fence().error().code, Code::kInvalid);
  EXPECT_EQ(somebody.Children(somebody.root()), std::vector<std::string>{"mine"});
  somebody.Do({Operation::Create(somebody.root() + "/schema", "tables")});
  EXPECT_EQ(Open()->Fence().error().code, Code::kInvalid);
  EXPECT_EQ(Open(Access::kRead)->Load().error().code, Code::kInvalid);
}

TEST_F(ZooKeeperStoreTest, FencingNeedsTheCredentials) {
  const auto with = [&](const std::string& credentials) {
    std::string address = address_;
    return address.replace(0, 5, "zk://" + credentials);
  };
  Handle owner(owner_, OpenInZooKeeper(owner_, with("me:secret@")));
  ASSERT_TRUE(owner.Fence());
  ASSERT_TRUE(owner.Commit({Put("k", "v")}));
  for (const std::string credentials : {"", "you:secret@"}) {
    Handle other(owner_, OpenInZooKeeper(owner_, with(credentials)));
    EXPECT_EQ(other.Load().value().size(), 1u);
    EXPECT_EQ(other.Fence().error().code, Code::kForbidden);
  }
  EXPECT_TRUE(owner.Commit({Put("k", "w")}));
}

TEST_F(ZooKeeperStoreTest, CheckFindsWhatDoesNotBelong) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", "v")}));
  Somebody somebody(owner_, address_);
  const std::string shards = somebody.root() + "/shards";
  somebody.Do({Operation::Create(shards + "/985/1-9-0", "of nobody"),
               Operation::Create(shards + "/38", ""),
               Operation::Set(somebody.root() + "/commit", "9 9")});
  const auto problems = store->Check();
  ASSERT_TRUE(problems);
  EXPECT_EQ(
      *problems,
      (std::vector<std::string>{
          fmt::format("'{0}/commit' has epoch 9, but '{0}/epoch' has only 1", somebody.root()),
          fmt::format("'{}/38' does not belong to any key", shards),
          fmt::format("'{}/985/1-9-0' does not belong to any key", shards)}));
  EXPECT_EQ(store->Load().value().size(), 1u);
}

TEST_F(ZooKeeperStoreTest, DamageIsNamedAndNotLoaded) {
  const std::string large(ZooKeeperLayout::kMaxPackedBytes + 1, 'l');
  {
    auto store = OpenWriter();
    ASSERT_TRUE(store->Commit({Put("agents/a-S1", "v"), Put("large", large), Put("z", "v")}));
  }
  Somebody somebody(owner_, address_);
  const std::string shards = somebody.root() + "/shards";
  const std::string large_shard =
      fmt::format("{}/{}", shards, ZooKeeperLayout::NameOf(ZooKeeperLayout::ShardOf("large")));
  const std::string value = large_shard + "/" + somebody.Children(large_shard).front();
  const std::string good = somebody.Get(shards + "/985")->data;
  somebody.Do({Operation::Set(shards + "/985", "\x0A\xFFgarbage"), Operation::Delete(value)});
  const auto problems = Open(Access::kRead)->Check();
  ASSERT_TRUE(problems);
  EXPECT_EQ(*problems,
            (std::vector<std::string>{
                fmt::format("'{}/985' has 9 bytes that are not entries", shards),
                fmt::format("'{}' does not exist: it held the value of 'large'", value)}));
  const auto entries = Open(Access::kRead)->Load("z");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code, Code::kInternal);
  EXPECT_NE(entries.error().message.find(shards + "/985' has 9 bytes"), std::string::npos)
      << entries.error().message;
  // A writer that meets the damage writes nothing; batches that do not touch it still succeed.
  auto store = OpenWriter();
  EXPECT_TRUE(store->Commit({Put("z", "w")}));
  const Status status = store->Commit({Put("z", "x"), Put("agents/a-S1", "w")});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInternal);
  EXPECT_NE(status.error().message.find("/985' has 9 bytes"), std::string::npos);
  EXPECT_FALSE(store->Commit({Put("z", "x")}));
  somebody.Do({Operation::Set(shards + "/985", good), Operation::Create(value, large)});
  EXPECT_EQ(OpenWriter()->Load().value(),
            (std::vector<Entry>{{"agents/a-S1", "v", 1}, {"large", large, 1}, {"z", "w", 2}}));
}

TEST_F(ZooKeeperStoreTest, AnUnfinishedImportIsNotAStore) {
  auto importer = Open(Access::kImport);
  ASSERT_TRUE(importer->Fence());
  ASSERT_TRUE(importer->Commit({Put(std::string(kImportKey), "")}));
  const auto epoch = Open()->Fence();
  ASSERT_FALSE(epoch);
  EXPECT_NE(epoch.error().message.find("import"), std::string::npos);
  EXPECT_EQ(Open(Access::kRead)->Check()->size(), 1u);
  ASSERT_TRUE(importer->Commit({Remove(std::string(kImportKey))}));
  EXPECT_TRUE(Open()->Fence());
}

TEST_F(ZooKeeperStoreTest, AnImportThatBeginsDuringFencingIsFound) {
  auto importer = Open(Access::kImport);
  ASSERT_TRUE(importer->Fence());
  TestProxy proxy(zookeeper::SharedTestServer().port());
  Handle store(owner_, OpenInZooKeeper(owner_, Through(proxy), Access::kWrite, kPatient));
  // The store finds no import at its first check; it is then held before it raises the epoch.
  proxy.Hold("/store/epoch");
  std::promise<Result<uint64_t>> taken;
  owner_.loop().Run([&] {
    store.store().Fence([&](Result<uint64_t> epoch) { taken.set_value(std::move(epoch)); });
  });
  proxy.WaitUntilHeld();
  ASSERT_TRUE(importer->Commit({Put(std::string(kImportKey), "")}));
  proxy.Release();
  const auto epoch = taken.get_future().get();
  ASSERT_FALSE(epoch);
  EXPECT_NE(epoch.error().message.find("import"), std::string::npos) << epoch.error().message;
  EXPECT_FALSE(store.Commit({Put("k", "v")}));
  EXPECT_EQ(importer->Commit({Put("k", "v")}).error().code, Code::kForbidden);
}

TEST_F(ZooKeeperStoreTest, AnEndedCandidacyCannotFence) {
  Somebody somebody(owner_, address_);
  const std::string path = zookeeper::ParseAddress(address_)->path;
  somebody.MakePath(path);
  somebody.Do({Operation::Create(path + "/first", ""), Operation::Create(path + "/second", "")});
  const auto open_with = [&](const std::string& guard) {
    return std::make_unique<Handle>(
        owner_, OpenInZooKeeper(owner_, address_, Access::kWrite, {.guard = path + guard}));
  };
  // The first master is elected and paused; then it loses its candidacy, and another leads.
  auto paused = open_with("/first");
  somebody.Do({Operation::Delete(path + "/first")});
  auto leader = open_with("/second");
  ASSERT_EQ(leader->Fence().value(), 1u);
  ASSERT_TRUE(leader->Commit({Put("k", "v")}));

  const auto epoch = paused->Fence();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, Code::kForbidden);
  EXPECT_NE(epoch.error().message.find(path + "/first' in ZooKeeper"), std::string::npos)
      << epoch.error().message;
  EXPECT_EQ(paused->Commit({Put("k", "late")}).error().code, Code::kForbidden);
  EXPECT_EQ(leader->Describe()->epoch, 1u);
  EXPECT_TRUE(leader->Commit({Put("k", "w")}));
  EXPECT_EQ(leader->Load().value(), (std::vector<Entry>{{"k", "w", 2}}));
}

TEST_F(ZooKeeperStoreTest, ManyBatchesAreFewRequests) {
  auto store = OpenWriter();
  constexpr int kBatches = 2'000;
  int done = 0;
  std::promise<void> all;
  owner_.loop().Run([&] {
    for (int i = 0; i < kBatches; ++i) {
      // There are 400 keys, each written by five batches.
      store->store().Commit({Put(std::to_string(i / 5), std::string(400, 'v'))},
                            [&](Status status) {
                              EXPECT_TRUE(status);
                              if (++done == kBatches) all.set_value();
                            });
    }
  });
  all.get_future().wait();
  // The first batch went alone, then all that waited: each shard is written once.
  Somebody somebody(owner_, address_);
  EXPECT_EQ(somebody.Get(somebody.root() + "/commit")->data, "1 2");
  EXPECT_EQ(store->Load().value().size(), static_cast<size_t>(kBatches / 5));
}

// A store so full that a batch of many keys does not fit a packet.
class FullShards : public ZooKeeperStoreTest {
 protected:
  static constexpr int kKeys = 1'000;
  static constexpr int kFillers = 10'000;
  static Batch All(const std::string& value) {
    Batch batch;
    for (int i = 0; i < kKeys; ++i) batch.push_back(Put(std::to_string(i), value));
    return batch;
  }
  // Fills the shards that All touches with more than fits a packet.
  static void Fill(Handle& store) {
    Batch batch;
    for (int i = 0; i < kFillers; ++i) {
      batch.push_back(Put(fmt::format("filler/{}", i), std::string(480, 'f')));
      if (SizeOf(batch) < Store::kMaxBatchBytes / 2) continue;
      ASSERT_TRUE(store.Commit(std::exchange(batch, {})));
    }
    ASSERT_TRUE(store.Commit(std::move(batch)));
  }
};

TEST_F(FullShards, TakeABatchByWayOfTheJournal) {
  auto store = OpenWriter();
  Fill(*store);
  ASSERT_TRUE(store->Commit(All("first")));
  Somebody somebody(owner_, address_);
  const std::string large(ZooKeeperLayout::kMaxPackedBytes + 1, 'l');
  Batch batch = All("second");
  batch.push_back(Put("0", large));
  batch.push_back(PutIf("new", large, 0));
  std::vector<std::string> order;
  std::promise<void> all;
  owner_.loop().Run([&] {
    store->store().Commit(
        batch, [&](Status status) { order.push_back(status ? "batch" : status.error().message); });
    store->store().Commit({PutIf("1", "third", 2)}, [&](Status status) {
      order.push_back(status ? "next" : status.error().message);
      all.set_value();
    });
  });
  all.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"batch", "next"}));
  EXPECT_FALSE(somebody.Get(somebody.root() + "/journal"));
  const auto entries = Open(Access::kRead)->Load();
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->front(), (Entry{"0", large, 3}));
  EXPECT_EQ(entries->back(), (Entry{"new", large, 1}));
  EXPECT_EQ(Open(Access::kRead)->Check().value(), std::vector<std::string>{});
  EXPECT_EQ(store->Load("1").value().front(), (Entry{"1", "third", 3}));
}

TEST_F(FullShards, AJournalThatWasLeftIsReadAndFinished) {
  auto store = OpenWriter();
  Fill(*store);
  const std::string large(ZooKeeperLayout::kMaxPackedBytes + 1, 'l');
  Batch batch = All("first");
  batch.push_back(Put("gone", large));
  ASSERT_TRUE(store->Commit(batch));
  batch = All("second");
  batch.push_back(Remove("gone"));
  batch.push_back(Put("new", large));
  // The writer ends as soon as the batch is committed, when only the journal is written.
  std::unique_ptr<Store> owned = store->Release();
  std::promise<void> committed;
  owner_.loop().Run([&] {
    owned->Commit(batch, [&](Status status) {
      EXPECT_TRUE(status);
      owned.reset();
      committed.set_value();
    });
  });
  committed.get_future().wait();
  Somebody somebody(owner_, address_);
  ASSERT_TRUE(somebody.Get(somebody.root() + "/journal"));

  const auto expect_second = [&](const Result<std::vector<Entry>>& entries) {
    std::vector<Entry> found;
    for (const Entry& entry : entries.value()) {
      if (entry.key == "new" || entry.key == "gone") found.push_back(entry);
    }
    EXPECT_EQ(found, (std::vector<Entry>{{"new", large, 1}}));
    EXPECT_EQ(entries->front(), (Entry{"0", "second", 2}));
    EXPECT_EQ(entries->size(), static_cast<size_t>(kKeys + kFillers + 1));
  };
  auto reader = Open(Access::kRead);
  expect_second(reader->Load());
  EXPECT_EQ(reader->Check().value(), std::vector<std::string>{});
  ASSERT_TRUE(somebody.Get(somebody.root() + "/journal"));

  auto next = OpenWriter();
  EXPECT_FALSE(somebody.Get(somebody.root() + "/journal"));
  expect_second(next->Load());
  EXPECT_EQ(next->Check().value(), std::vector<std::string>{});
  EXPECT_TRUE(next->Commit({PutIf("0", "third", 2), PutIf("gone", "again", 0)}));
}

TEST_F(ZooKeeperStoreTest, ANodeThatSomebodyChangedEndsTheStore) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("agents/a-S1", "v"), Put("l", "v")}));
  Somebody somebody(owner_, address_);
  somebody.Do({Operation::Set(somebody.root() + "/shards/985", "forged")});
  const Status status = store->Commit({Put("l", "w"), Put("agents/a-S1", "w")});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInternal) << status.error().message;
  EXPECT_FALSE(store->Commit({Put("l", "w")}));
  somebody.Do({Operation::Delete(somebody.root() + "/shards/985")});
  EXPECT_EQ(OpenWriter()->Load().value(), (std::vector<Entry>{{"l", "v", 1}}));
}

TEST_F(ZooKeeperStoreTest, WithoutAServerItFailsInTime) {
  const std::string address = fmt::format("zk://127.0.0.1:{}/p", TestServer::FreePort());
  Handle store(owner_, OpenInZooKeeper(owner_, address, Access::kWrite,
                                       {.connect_timeout = std::chrono::seconds(1)}));
  const auto epoch = store.Fence();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, Code::kUnavailable);
  EXPECT_NE(epoch.error().message.find("could be reached for 1 s"), std::string::npos);
  EXPECT_EQ(store.Load().error().code, Code::kUnavailable);
}

// A store behind a proxy that loses answers.
class LostAnswers : public ZooKeeperStoreTest {
 protected:
  LostAnswers() {
    store_ = std::make_unique<Handle>(
        owner_, OpenInZooKeeper(owner_, Through(proxy_), Access::kWrite, kPatient));
    EXPECT_TRUE(store_->Fence());
    EXPECT_TRUE(store_->Commit({Put("k", "before")}));
    // After this it knows all shards and reads none while it writes.
    EXPECT_TRUE(store_->Load());
  }
  // The server applies the batch, and the answer is dropped.
  std::future<Status> CommitWithoutAnswer(Batch batch) {
    Somebody somebody(owner_, address_);
    const std::string path = somebody.root() + "/commit";
    const std::string before = somebody.Get(path)->data;
    proxy_.SetMode(TestProxy::Mode::kDropReplies);
    auto status = Begin(*store_, std::move(batch));
    somebody.WaitForOther(path, before);
    return status;
  }

  TestProxy proxy_{zookeeper::SharedTestServer().port()};
  std::unique_ptr<Handle> store_;
};

TEST_F(LostAnswers, OfADoneCommitIsFoundOut) {
  auto status = CommitWithoutAnswer({PutIf("k", "after", 1), Put("l", "new")});
  auto next = Begin(*store_, {PutIf("k", "next", 2)});
  proxy_.Cut();
  EXPECT_TRUE(status.get());
  EXPECT_TRUE(next.get());
  EXPECT_EQ(store_->Load().value(), (std::vector<Entry>{{"k", "next", 3}, {"l", "new", 1}}));
}

TEST_F(LostAnswers, OfACommitThatNeverArrivedIsSentAgain) {
  proxy_.SetMode(TestProxy::Mode::kDropRequests);
  auto status = Begin(*store_, {PutIf("k", "after", 1), Put("l", "new")});
  proxy_.Cut();
  EXPECT_TRUE(status.get());
  EXPECT_EQ(store_->Load().value(), (std::vector<Entry>{{"k", "after", 2}, {"l", "new", 1}}));
}

TEST_F(LostAnswers, OfADoneCommitAreNotHiddenByANewEpoch) {
  auto status = CommitWithoutAnswer({Put("k", "after")});
  auto rival = OpenWriter();
  proxy_.Cut();
  EXPECT_TRUE(status.get());
  EXPECT_EQ(store_->Commit({Put("k", "late")}).error().code, Code::kForbidden);
  EXPECT_EQ(rival->Load().value(), (std::vector<Entry>{{"k", "after", 2}}));
}

TEST_F(LostAnswers, ThatCannotBeFoundOutEndTheStore) {
  auto status = CommitWithoutAnswer({Put("k", "after")});
  auto rival = OpenWriter();
  ASSERT_TRUE(rival->Commit({Put("l", "rival")}));
  proxy_.Cut();
  const Status lost = status.get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_NE(lost.error().message.find("may or may not"), std::string::npos);
}

TEST_F(LostAnswers, OfACommitThatNeverArrivedBeforeANewEpoch) {
  proxy_.SetMode(TestProxy::Mode::kDropRequests);
  auto status = Begin(*store_, {Put("k", "late")});
  auto rival = OpenWriter();
  proxy_.Cut();
  EXPECT_FALSE(status.get());
  EXPECT_EQ(rival->Load().value(), (std::vector<Entry>{{"k", "before", 1}}));
}

TEST_F(LostAnswers, WhileFencingAreAskedForAgain) {
  proxy_.SetMode(TestProxy::Mode::kDropReplies);
  auto epoch = std::make_shared<std::promise<Result<uint64_t>>>();
  owner_.loop().Run(
      [&] { store_->store().Fence([epoch](Result<uint64_t> taken) { epoch->set_value(taken); }); });
  proxy_.Cut();
  EXPECT_TRUE(epoch->get_future().get());
  EXPECT_TRUE(store_->Commit({Put("k", "after")}));
  EXPECT_EQ(store_->Load().value(), (std::vector<Entry>{{"k", "after", 2}}));
}

TEST(ZooKeeperServers, ThatTakeOnlySmallRequestsEndTheStore) {
  TestServer server({.java_options = {"-Djute.maxbuffer=100000"}});
  server.WaitUntilServing();
  OwnerThread owner;
  Handle store(owner,
               OpenInZooKeeper(owner, "zk://" + server.host() + "/p", Access::kWrite, kPatient));
  ASSERT_TRUE(store.Fence());
  ASSERT_TRUE(store.Commit({Put("k", std::string(50'000, 'v'))}));
  const Status status = store.Commit({Put("k", std::string(200'000, 'v'))});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_NE(status.error().message.find("jute.maxbuffer"), std::string::npos)
      << status.error().message;
}

TEST(ZooKeeperServers, ThatAreGoneForTooLongEndTheStore) {
  TestServer server;
  server.WaitUntilServing();
  OwnerThread owner;
  Handle store(owner, OpenInZooKeeper(owner, "zk://" + server.host() + "/p", Access::kWrite,
                                      {.session_timeout = std::chrono::milliseconds(1500)}));
  ASSERT_TRUE(store.Fence());
  ASSERT_TRUE(store.Commit({Put("k", "v")}));
  server.Kill();
  std::vector<Code> codes;
  std::promise<void> all;
  owner.loop().Run([&] {
    for (int i = 0; i < 3; ++i) {
      store.store().Commit({Put("k", "w")}, [&](Status status) {
        codes.push_back(status ? Code::kInternal : status.error().code);
        if (codes.size() == 3) all.set_value();
      });
    }
  });
  all.get_future().wait();
  EXPECT_EQ(codes, std::vector<Code>(3, Code::kUnavailable));
  EXPECT_EQ(store.Commit({Put("k", "w")}).error().code, Code::kUnavailable);
}

TEST(ZooKeeperServers, LoseTheirLeaderAndNothingElse) {
  TestEnsemble ensemble;
  OwnerThread owner;
  Handle store(owner, OpenInZooKeeper(owner, ensemble.address(), Access::kWrite, kPatient));
  ASSERT_TRUE(store.Fence());
  // One commit after the other; the leader dies in the middle of them.
  constexpr uint64_t kCommits = 400;
  Mutex mutex;
  CondVar changed;
  uint64_t done = 0;
  bool failed = false;
  std::function<void(uint64_t)> commit = [&](uint64_t number) {
    if (number == kCommits) return;
    store.store().Commit(
        {Put("n/" + std::to_string(number), "v"), PutIf("count", std::to_string(number), number)},
        [&, number](Status status) {
          {
            const MutexLock lock(mutex);
            done = number + 1;
            failed = !status;
            if (!status) ADD_FAILURE() << status.error().message;
          }
          changed.NotifyAll();
          if (status) commit(number + 1);
        });
  };
  const auto wait_for = [&](uint64_t count) {
    const MutexLock lock(mutex);
    while (done < count && !failed) changed.Wait(mutex);
  };
  owner.loop().Run([&] { commit(0); });
  wait_for(kCommits / 4);
  TestServer& leader = ensemble.leader();
  leader.Kill();
  wait_for(kCommits / 2);
  leader.Start();  // It has to catch up with the others.
  wait_for(kCommits);
  ASSERT_FALSE(failed);

  Handle another(owner, OpenInZooKeeper(owner, ensemble.address(), Access::kRead, kPatient));
  const auto entries = another.Load();
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->size(), kCommits + 1);
  EXPECT_EQ(entries->front(), (Entry{"count", std::to_string(kCommits - 1), kCommits}));
  EXPECT_EQ(another.Check().value(), std::vector<std::string>{});
}

}  // namespace
}  // namespace tepui::storage
