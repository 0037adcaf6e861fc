// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/checkpoint_store.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/testing/temporary_directory.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class CheckpointStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<storage::Store>> Open(bool strict) {
    std::vector<std::string> problems;
    auto store = CheckpointStore(directory_.path(), strict, &problems)([](auto work) { work(); },
                                                                       [](bool) {});
    EXPECT_THAT(problems, IsEmpty());
    return store;
  }
  std::string File() const { return directory_.path() + "/meta/agent.db"; }
  void Damage() const {
    ASSERT_TRUE(fs::exists(File()));
    std::ofstream(File(), std::ios::binary) << "no database at all, but long enough to be read";
  }
  // The files that were moved aside, without their logs.
  std::vector<std::string> Aside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_.path() + "/meta")) {
      const std::string name = entry.path().filename();
      if (name.starts_with("agent.db.damaged-") && name.ends_with("Z")) names.push_back(name);
    }
    return names;
  }
  // Flips a bit behind `text` in the file, which must be closed.
  void DamageBehind(const std::string& text) const {
    std::string bytes = Contents(File());
    const size_t at = bytes.find(text);
    ASSERT_NE(at, std::string::npos);
    bytes[at + text.size()] ^= 1;
    std::ofstream(File(), std::ios::binary) << bytes;
  }
  void Write(const std::vector<std::string>& keys) {
    storage::Batch batch;
    for (const std::string& key : keys) batch.push_back({.key = key, .value = "value of " + key});
    Commit(std::move(batch));
  }
  void Commit(storage::Batch batch) {
    auto store = Open(true);
    ASSERT_TRUE(store);
    std::promise<Status> written;
    (*store)->Fence([&](const Result<uint64_t>&) {
      (*store)->Commit(std::move(batch), [&](Status status) { written.set_value(status); });
    });
    ASSERT_TRUE(written.get_future().get());
  }
  static size_t Entries(storage::Store& store) {
    std::promise<size_t> count;
    store.Fence([&](const Result<uint64_t>& epoch) {
      ASSERT_TRUE(epoch);
      store.Load("", [&](Result<std::vector<storage::Entry>> entries) {
        ASSERT_TRUE(entries);
        count.set_value(entries->size());
      });
    });
    return count.get_future().get();
  }

  TemporaryDirectory directory_;
};

TEST_F(CheckpointStoreTest, TheAgentsPortIsKnownBeforeItsStoreIsOpened) {
  EXPECT_EQ(CheckpointedPort(directory_.path()), 0);
  checkpoint::Agent agent;
  agent.mutable_info()->set_hostname("host");
  agent.mutable_info()->set_port(31337);
  Commit({{.key = "agent", .value = agent.SerializeAsString()}});
  EXPECT_EQ(CheckpointedPort(directory_.path()), 31337);
  Damage();
  EXPECT_EQ(CheckpointedPort(directory_.path()), 0);
}

TEST_F(CheckpointStoreTest, ADamagedFileIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(Open(true));
  Damage();
  const std::string before = Contents(File());
  const auto refused = Open(true);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(File()));
  EXPECT_THAT(refused.error().message, HasSubstr("--strict=false"));
  EXPECT_EQ(Contents(File()), before);
  EXPECT_THAT(Aside(), IsEmpty());
}

TEST_F(CheckpointStoreTest, WithoutStrictADamagedFileIsMovedAside) {
  ASSERT_TRUE(Open(true));
  Damage();
  const std::string before = Contents(File());
  std::ofstream(File() + "-wal") << "of the damaged one";
  auto store = Open(false);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(Entries(**store), 0u);
  ASSERT_THAT(Aside(), ElementsAre(StartsWith("agent.db.damaged-2")));
  const std::string aside = directory_.path() + "/meta/" + Aside().front();
  EXPECT_EQ(Contents(aside), before);
  EXPECT_EQ(Contents(aside + "-wal"), "of the damaged one");
}

TEST_F(CheckpointStoreTest, WithoutStrictDamagedRecordsAreIgnored) {
  Write({"executors/a", "executors/b", "executors/c"});
  DamageBehind("value of executors/");
  auto store = Open(false);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(Entries(**store), 2u);
  store->reset();
  store = Open(true);
  ASSERT_TRUE(store);
  EXPECT_EQ(Entries(**store), 2u) << "it is sound again";
  ASSERT_THAT(Aside(), ElementsAre(StartsWith("agent.db.damaged-2")));
  const std::string copy = Contents(directory_.path() + "/meta/" + Aside().front());
  for (const char* key : {"executors/a", "executors/b", "executors/c"}) {
    EXPECT_NE(copy.find(key), std::string::npos) << key;
  }
}

TEST_F(CheckpointStoreTest, DamagesOfOneSecondGetDifferentNames) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Open(false));
    Damage();
    auto store = Open(false);
    ASSERT_TRUE(store) << store.error().message;
  }
  size_t aside = 0;
  for (const auto& entry : fs::directory_iterator(directory_.path() + "/meta")) {
    aside += entry.path().filename().string().starts_with("agent.db.damaged-");
  }
  EXPECT_EQ(aside, 3u);
}

TEST_F(CheckpointStoreTest, AFileThatIsWholeOrInUseIsNotMoved) {
  auto store = Open(false);
  ASSERT_TRUE(store);
  EXPECT_FALSE(Open(false)) << "another agent has it";
  store->reset();
  EXPECT_TRUE(Open(false));
  EXPECT_THAT(Aside(), IsEmpty());
}

}  // namespace
}  // namespace tepui::cli
