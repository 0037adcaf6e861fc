// SPDX-License-Identifier: Apache-2.0
// Tests the contract of store.h for every kind of store.

#include <algorithm>
#include <map>

#include "base/random.h"
#include "base/testing/temporary_directory.h"
#include "storage/memory/memory_store.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/store_fixture.h"
#include "storage/zookeeper/zookeeper_fixture.h"

namespace tepui::storage {
namespace {

class MemoryBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> Open(OwnerThread& owner) override {
    return std::make_unique<MemoryStore>(owner.poster(), data_);
  }

 private:
  const std::shared_ptr<MemoryData> data_ = std::make_shared<MemoryData>();
};

class SqliteBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> Open(OwnerThread& owner) override {
    return SqliteStore::Open(path_, Access::kWrite, owner.poster());
  }
  Result<std::unique_ptr<Store>> OpenRival(OwnerThread& owner) override {
    std::filesystem::remove(path_ + ".lock");
    return Open(owner);
  }

 private:
  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/store.db";
};

class ZooKeeperBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> Open(OwnerThread& owner) override {
    return OpenInZooKeeper(owner, address_);
  }

 private:
  const std::string address_ = zookeeper::FreshTestAddress();
};

std::unique_ptr<Backend> MakeBackend(const std::string& kind) {
  if (kind == "ZooKeeper") return std::make_unique<ZooKeeperBackend>();
  if (kind == "Memory") return std::make_unique<MemoryBackend>();
  return std::make_unique<SqliteBackend>();
}

class StoreSuite : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Handle> Open() { return Wrap(backend_->Open(owner_)); }
  std::unique_ptr<Handle> OpenRival() { return Wrap(backend_->OpenRival(owner_)); }
  std::unique_ptr<Handle> OpenWriter() {
    auto handle = Open();
    const auto epoch = handle->Fence();
    if (!epoch) ADD_FAILURE() << epoch.error().message;
    return handle;
  }

  // Waits until everything called before has been answered.
  void Settle(Handle& handle) { ASSERT_TRUE(handle.Load("no such key")); }

  OwnerThread owner_;
  const std::unique_ptr<Backend> backend_ = MakeBackend(GetParam());

 private:
  std::unique_ptr<Handle> Wrap(Result<std::unique_ptr<Store>> store) {
    if (!store) {
      ADD_FAILURE() << store.error().message;
      std::abort();
    }
    return std::make_unique<Handle>(owner_, std::move(*store));
  }
};

std::vector<std::string> KeysOf(const Result<std::vector<Entry>>& entries) {
  std::vector<std::string> keys;
  for (const Entry& entry : entries.value()) keys.push_back(entry.key);
  return keys;
}

using Keys = std::vector<std::string>;
using Entries = std::vector<Entry>;

TEST_P(StoreSuite, IsEmptyAtFirst) {
  auto store = OpenWriter();
  EXPECT_EQ(store->Load().value(), Entries{});
}

TEST_P(StoreSuite, EachFenceBeginsAGreaterEpoch) {
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    auto store = Open();
    for (int j = 0; j < 2; ++j) {
      const auto epoch = store->Fence();
      ASSERT_TRUE(epoch) << epoch.error().message;
      EXPECT_GT(*epoch, last);
      last = *epoch;
    }
    EXPECT_TRUE(store->Commit({Put("key", "value")}));
  }
}

TEST_P(StoreSuite, LoadsByPrefixInTheOrderOfBytes) {
  auto store = OpenWriter();
  const Keys sorted = {" ",
                       "%41",
                       ".",
                       "..",
                       "a",
                       "a!",
                       "a/",
                       "a//",
                       "a/1",
                       "a/10",
                       "a/2",
                       "a/\x01",
                       "a/:",
                       "a/\xC2\x80",
                       "a/é",
                       "a/\xEE\x80\x80",
                       "a/\xF0\x9F\x98\x80",
                       "a0",
                       "b/1"};
  Keys bytes = sorted;
  std::sort(bytes.begin(), bytes.end());
  Batch batch;
  for (const std::string& key : sorted) batch.insert(batch.begin(), Put(key, "of " + key));
  ASSERT_TRUE(store->Commit(std::move(batch)));

  EXPECT_EQ(KeysOf(store->Load()), bytes);
  Keys below_a;
  for (const std::string& key : bytes) {
    if (key.starts_with("a/")) below_a.push_back(key);
  }
  EXPECT_EQ(below_a.size(), 11u);
  EXPECT_EQ(KeysOf(store->Load("a/")), below_a);
  EXPECT_EQ(KeysOf(store->Load("a/1")), (Keys{"a/1", "a/10"}));
  EXPECT_EQ(KeysOf(store->Load("b/1")), (Keys{"b/1"}));
  EXPECT_EQ(KeysOf(store->Load("c")), Keys{});
  EXPECT_EQ(store->Load("b").value(), (Entries{{"b/1", "of b/1", 1}}));
}

TEST_P(StoreSuite, KeepsEveryByteOfValues) {
  auto store = OpenWriter();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  ASSERT_TRUE(store->Commit({Put("all", all), Put("empty", "")}));
  EXPECT_EQ(store->Load().value(), (Entries{{"all", all, 1}, {"empty", "", 1}}));
}

TEST_P(StoreSuite, CountsVersionsFromOneForAKeyThatIsMadeAgain) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("k", "a")}));
  ASSERT_TRUE(store->Commit({Put("k", "b")}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", "b", 2}}));
  ASSERT_TRUE(store->Commit({Remove("k"), Remove("never there")}));
  EXPECT_EQ(store->Load().value(), Entries{});
  ASSERT_TRUE(store->Commit({Put("k", "c")}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", "c", 1}}));
}

TEST_P(StoreSuite, TheWritesOfABatchSeeThoseBefore) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({PutIf("k", "a", 0), PutIf("k", "b", 1), PutIf("k", "c", 2)}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", "c", 3}}));
  ASSERT_TRUE(store->Commit({RemoveIf("k", 3), PutIf("k", "d", 0), Put("l", "x"), Remove("l")}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", "d", 1}}));
}

TEST_P(StoreSuite, ABatchIsWrittenWholeOrNotAtAll) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("a", "1"), Put("b", "1")}));
  for (const uint64_t expected : {0, 2, 7}) {
    const Status status = store->Commit({Put("a", "2"), Put("new", "2"), Remove("b"),
                                         PutIf("a", "3", expected == 2 ? 1 : expected)});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kConflict) << status.error().message;
    EXPECT_NE(status.error().message.find("'a'"), std::string::npos) << status.error().message;
  }
  const Status missing = store->Commit({Put("a", "2"), RemoveIf("missing", 4)});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kConflict);
  EXPECT_EQ(store->Load().value(), (Entries{{"a", "1", 1}, {"b", "1", 1}}));
}

TEST_P(StoreSuite, AConflictConcernsOnlyItsBatch) {
  auto store = OpenWriter();
  std::vector<bool> results;
  owner_.loop().Run([&] {
    const auto note = [&](Status status) { results.push_back(status.has_value()); };
    store->store().Commit({PutIf("k", "a", 0)}, note);
    store->store().Commit({Put("other", "x"), PutIf("k", "b", 5)}, note);
    store->store().Commit({PutIf("k", "c", 1)}, note);
    store->store().Commit({PutIf("k", "d", 1)}, note);
    store->store().Commit({Put("last", "x")}, note);
  });
  Settle(*store);
  EXPECT_EQ(results, (std::vector<bool>{true, false, true, false, true}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", "c", 2}, {"last", "x", 1}}));
}

TEST_P(StoreSuite, ExpectsVersionsThatItsOwnHandleNeverSaw) {
  {
    auto store = OpenWriter();
    ASSERT_TRUE(store->Commit({Put("a", "1"), Put("b", "1")}));
    ASSERT_TRUE(store->Commit({Put("a", "2")}));
  }
  auto store = OpenWriter();
  EXPECT_FALSE(store->Commit({PutIf("a", "3", 1)}));
  EXPECT_FALSE(store->Commit({PutIf("a", "3", 0)}));
  EXPECT_FALSE(store->Commit({RemoveIf("c", 1)}));
  EXPECT_TRUE(store->Commit({PutIf("a", "3", 2), RemoveIf("b", 1), PutIf("c", "1", 0)}));
  EXPECT_EQ(store->Load().value(), (Entries{{"a", "3", 3}, {"c", "1", 1}}));
}

TEST_P(StoreSuite, CommitsAndCallsBackInTheOrderOfTheCalls) {
  auto store = OpenWriter();
  constexpr int kCalls = 1'000;
  std::vector<int> order;
  size_t inside = 0;
  owner_.loop().Run([&] {
    for (int i = 0; i < kCalls; ++i) {
      store->store().Commit({Put("last", std::to_string(i))}, [&order, i](Status status) {
        if (status) order.push_back(i);
      });
    }
    store->store().Load("", [&](Result<std::vector<Entry>> entries) {
      EXPECT_EQ(order.size(), static_cast<size_t>(kCalls));
      EXPECT_EQ(entries.value(), (Entries{{"last", std::to_string(kCalls - 1), kCalls}}));
    });
    store->store().Commit({Remove("last")}, [](Status status) { EXPECT_TRUE(status); });
    inside = order.size();
  });
  EXPECT_EQ(inside, 0u);  // No callback runs from inside a call.
  Settle(*store);
  std::vector<int> expected(kCalls);
  for (int i = 0; i < kCalls; ++i) expected[static_cast<size_t>(i)] = i;
  EXPECT_EQ(order, expected);
  EXPECT_EQ(store->Load().value(), Entries{});
}

TEST_P(StoreSuite, OnlyAHandleThatFencedMayWrite) {
  auto store = Open();
  const Status status = store->Commit({Put("k", "v")});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kForbidden);
  store->Close();
  EXPECT_EQ(OpenWriter()->Load().value(), Entries{});
}

TEST_P(StoreSuite, ADeposedWriterCannotWrite) {
  auto first = OpenWriter();
  ASSERT_TRUE(first->Commit({Put("k", "first")}));
  auto second = OpenRival();
  ASSERT_TRUE(second->Fence());

  std::vector<Code> codes;
  owner_.loop().Run([&] {
    for (int i = 0; i < 3; ++i) {
      first->store().Commit({Put("k", "late"), Put("more", "late")}, [&](Status status) {
        codes.push_back(status ? Code::kInternal : status.error().code);
      });
    }
  });
  EXPECT_TRUE(second->Commit({Put("k", "second")}));
  const Status late = first->Commit({Put("k", "late")});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kForbidden);
  EXPECT_NE(late.error().message.find("taken over by pid"), std::string::npos)
      << late.error().message;
  EXPECT_EQ(codes, std::vector<Code>(3, Code::kForbidden));
  EXPECT_EQ(second->Load().value(), (Entries{{"k", "second", 2}}));
}

TEST_P(StoreSuite, ADeposedWriterIsLostForGood) {
  auto first = OpenWriter();
  auto second = OpenRival();
  ASSERT_TRUE(second->Fence());
  EXPECT_FALSE(first->Commit({Put("k", "late")}));
  EXPECT_FALSE(first->Commit({Put("k", "late")}));
  const auto again = first->Fence();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kForbidden);
  EXPECT_TRUE(second->Commit({Put("k", "second")}));
}

TEST_P(StoreSuite, AcceptsWritesAtItsLimits) {
  auto store = OpenWriter();
  const std::string key(Store::kMaxKeyBytes, 'k');
  const std::string value(Store::kMaxValueBytes, 'v');
  ASSERT_TRUE(store->Commit({Put(key, value)}));
  Batch batch = {Put("a", std::string(Store::kMaxValueBytes, 'a')), Put("b", "")};
  batch[1].value->resize(Store::kMaxBatchBytes - Store::kMaxValueBytes - 2 - 2 * Store::kWriteBytes,
                         'b');
  ASSERT_TRUE(store->Commit(batch));
  Batch small;
  while (small.size() < Store::kMaxBatchBytes / (Store::kWriteBytes + 5)) {
    small.push_back(Put("s" + std::to_string(1000 + small.size()), ""));
  }
  ASSERT_TRUE(store->Commit(small));
  const auto entries = store->Load();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 3 + small.size());
  EXPECT_EQ((*entries)[1].value, batch[1].value);
}

TEST_P(StoreSuite, RefusesWhatIsBeyondItsLimitsAndGoesOn) {
  auto store = OpenWriter();
  const auto code = [&](Batch batch) {
    const Status status = store->Commit(std::move(batch));
    return status ? std::string("taken") : std::to_string(static_cast<int>(status.error().code));
  };
  const std::string invalid = std::to_string(static_cast<int>(Code::kInvalid));
  const std::string too_large = std::to_string(static_cast<int>(Code::kTooLarge));
  EXPECT_EQ(code({Put("", "v")}), invalid);
  EXPECT_EQ(code({Put(std::string("a\0b", 3), "v")}), invalid);
  for (const char* key : {"\x80", "\xC3", "a\xC3(", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xFF"}) {
    EXPECT_EQ(code({Put("good", "v"), Put(key, "v")}), invalid) << key;
  }
  EXPECT_EQ(code({Put(std::string(Store::kMaxKeyBytes + 1, 'k'), "v")}), too_large);
  EXPECT_EQ(code({Put("good", "v"), Put("k", std::string(Store::kMaxValueBytes + 1, 'v'))}),
            too_large);
  EXPECT_EQ(code({Put("a", std::string(Store::kMaxValueBytes, 'v')),
                  Put("b", std::string(Store::kMaxValueBytes / 2, 'v'))}),
            too_large);
  Batch many;
  while (many.size() <= Store::kMaxBatchBytes / Store::kWriteBytes) many.push_back(Remove("k"));
  EXPECT_EQ(code(std::move(many)), too_large);
  EXPECT_EQ(store->Load().value(), Entries{});
  EXPECT_EQ(code({Put("k", "v")}), "taken");
}

// Makes all calls at once and waits for the callbacks. Returns how many were accepted and how many
// refused.
std::pair<size_t, size_t> CommitAtOnce(OwnerThread& owner, Store& store, const Batch& batch,
                                       size_t calls) {
  size_t taken = 0;
  size_t refused = 0;
  std::promise<void> answered;
  owner.loop().Run([&] {
    for (size_t i = 0; i < calls; ++i) {
      store.Commit(batch, [&](Status status) {
        const bool refusal = !status && status.error().code == Code::kTooLarge;
        ++(refusal ? refused : taken);
        if (taken + refused == calls) answered.set_value();
      });
    }
  });
  answered.get_future().wait();
  return {taken, refused};
}

TEST_P(StoreSuite, RefusesMoreThanMayWait) {
  auto store = OpenWriter();
  EXPECT_EQ(CommitAtOnce(owner_, store->store(), {}, Store::kMaxWaiting + 10),
            std::pair(Store::kMaxWaiting, size_t{10}));
  // ZooKeeper's server keeps its last 500 changes in memory, which is too much for a small server.
  if (GetParam() == "ZooKeeper") return;
  const std::string value(Store::kMaxValueBytes, 'v');
  const size_t fit = Store::kMaxWaitingBytes / (Store::kMaxValueBytes + Store::kWriteBytes + 1);
  EXPECT_EQ(CommitAtOnce(owner_, store->store(), {Put("k", value)}, fit + 10),
            std::pair(fit, size_t{10}));
  EXPECT_EQ(store->Load().value(), (Entries{{"k", value, fit}}));
}

TEST_P(StoreSuite, NoCallbackRunsAfterItIsDestroyed) {
  auto store = OpenWriter();
  auto witness = std::make_shared<int>(0);
  owner_.loop().Run([&] {
    std::unique_ptr<Store> owned = store->Release();
    for (int i = 0; i < 100; ++i) {
      owned->Commit({Put("k" + std::to_string(i), "v")}, [witness](Status) { ++*witness; });
    }
    owned->Load("", [witness](auto) { ++*witness; });
    owned->Fence([witness](auto) { ++*witness; });
    owned->Commit({Put("", "refused")}, [witness](Status) { ++*witness; });
    owned.reset();
  });
  // When the second of these runs, everything posted before has run and is destroyed.
  owner_.loop().Run([] {});
  owner_.loop().Run([] {});
  EXPECT_EQ(*witness, 0);
  EXPECT_EQ(witness.use_count(), 1);  // All the callbacks are destroyed.

  // What was written of it was written in order.
  const auto entries = OpenWriter()->Load("k");
  ASSERT_TRUE(entries);
  for (size_t i = 0; i < entries->size(); ++i) {
    const std::string key = "k" + std::to_string(i);
    EXPECT_TRUE(std::any_of(entries->begin(), entries->end(),
                            [&](const Entry& entry) { return entry.key == key; }));
  }
}

TEST_P(StoreSuite, ACallbackMayDestroyTheStore) {
  auto handle = OpenWriter();
  std::unique_ptr<Store> store = handle->Release();
  std::promise<void> destroyed;
  int calls = 0;
  owner_.loop().Run([&] {
    for (int i = 0; i < 3; ++i) {
      store->Commit({Put("k", "v")}, [&](Status status) {
        EXPECT_TRUE(status);
        ++calls;
        store.reset();
        destroyed.set_value();
      });
    }
  });
  destroyed.get_future().wait();
  owner_.loop().Run([] {});
  EXPECT_EQ(calls, 1);
}

// Compares a store with a model, while handles open and close.
TEST_P(StoreSuite, HoldsWhatAModelHolds) {
  SeededRandom random(7);
  std::map<std::string, std::pair<std::string, uint64_t>> model;
  const auto version = [&](const std::string& key) {
    return model.contains(key) ? model[key].second : 0;
  };
  for (int life = 0; life < 5; ++life) {
    auto store = OpenWriter();
    std::vector<std::pair<bool, bool>> outcomes;  // Expected, found.
    owner_.loop().Run([&] {
      for (int i = 0; i < 100; ++i) {
        const auto before = model;
        bool fits = true;
        Batch batch;
        for (uint64_t writes = random.Below(5); batch.size() < writes;) {
          Write write;
          write.key = "key/" + std::to_string(random.Below(8));
          const uint64_t is = version(write.key);
          if (random.Below(3) == 0) write.expected = random.Below(4) == 0 ? is + 1 : is;
          if (write.expected && *write.expected != is) fits = false;
          if (random.Below(3) != 0) {
            write.value = std::to_string(random.Below(1'000'000));
            model[write.key] = {*write.value, is + 1};
          } else {
            model.erase(write.key);
          }
          batch.push_back(std::move(write));
        }
        if (!fits) model = before;
        outcomes.emplace_back(fits, false);
        store->store().Commit(std::move(batch), [&outcomes, i](Status status) {
          outcomes[static_cast<size_t>(i)].second = status.has_value();
        });
      }
    });
    std::map<std::string, std::pair<std::string, uint64_t>> found;
    const auto entries = store->Load();
    ASSERT_TRUE(entries);
    for (const Entry& entry : *entries) found[entry.key] = {entry.value, entry.version};
    EXPECT_EQ(found, model);
    for (const auto& [expected, outcome] : outcomes) EXPECT_EQ(expected, outcome);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreSuite, testing::Values("Memory", "Sqlite", "ZooKeeper"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui::storage
