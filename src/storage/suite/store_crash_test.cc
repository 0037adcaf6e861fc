// SPDX-License-Identifier: Apache-2.0
// Kills processes in the middle of commits: every acknowledged batch is there afterwards, and none
// is there in part.

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "base/random.h"
#include "base/testing/temporary_directory.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/store_fixture.h"
#include "storage/zookeeper/zookeeper_fixture.h"

namespace tepui::storage {
namespace {

constexpr const char* kStoreVariable = "TEPUI_CRASH_TEST_STORE";
constexpr int kReportFd = 3;
constexpr size_t kParts = 3;   // Keys per batch.
constexpr int kInFlight = 50;  // Batches.

Result<std::unique_ptr<Store>> Open(OwnerThread& owner, const std::string& store) {
  if (store.starts_with("zk://")) return OpenInZooKeeper(owner, store);
  return SqliteStore::Open(store, Access::kWrite, owner.poster());
}

// The work of the child: until it is killed, it commits numbered batches after those that are
// stored, and writes the number of each acknowledged batch to its parent.
class Committer {
 public:
  Committer(Store& store, uint64_t first) : store_(store), next_(first) {
    for (int i = 0; i < kInFlight; ++i) CommitNext();
  }

 private:
  void CommitNext() {
    const uint64_t number = next_++;
    Batch batch;
    for (size_t part = 0; part < kParts; ++part) {
      batch.push_back(Put(fmt::format("part{}/{}", part, number), std::string(700, 'v')));
    }
    batch.push_back(Put("last", fmt::format("{}", number)));
    store_.Commit(std::move(batch), [this, number](Status status) {
      if (!status || write(kReportFd, &number, sizeof(number)) != sizeof(number)) _exit(1);
      CommitNext();
    });
  }

  Store& store_;
  uint64_t next_;
};

// The tests below run this in a process of its own.
TEST(StoreCrashChild, DISABLED_CommitsUntilItIsKilled) {
  const char* place = std::getenv(kStoreVariable);
  ASSERT_NE(place, nullptr);
  OwnerThread owner;
  auto store = Open(owner, place);
  ASSERT_TRUE(store) << store.error().message;
  Handle handle(owner, std::move(*store));
  ASSERT_TRUE(handle.Fence());
  std::unique_ptr<Committer> committer;
  owner.loop().Run([&] {
    handle.store().Load("part0/", [&](Result<std::vector<Entry>> entries) {
      committer = std::make_unique<Committer>(handle.store(), entries.value().size());
    });
  });
  while (true) pause();
}

// Runs a child, kills it after it has reported `reports` batches, and returns all that it reported.
std::vector<uint64_t> RunAndKill(const std::string& place, size_t reports) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], kReportFd);
  if (ends[0] != kReportFd) posix_spawn_file_actions_addclose(&actions, ends[0]);
  if (ends[1] != kReportFd) posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::string filter = "--gtest_filter=StoreCrashChild.*";
  std::string disabled = "--gtest_also_run_disabled_tests";
  std::string program = "storage_test";
  std::string brief = "--gtest_brief=1";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), brief.data(), nullptr};
  setenv(kStoreVariable, place.c_str(), 1);
  pid_t child = 0;
  EXPECT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);

  std::vector<uint64_t> numbers;
  uint64_t number = 0;
  while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
    numbers.push_back(number);
    if (numbers.size() == reports) kill(child, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  return numbers;
}

void ExpectWhole(const std::vector<Entry>& entries, uint64_t acknowledged) {
  std::map<uint64_t, size_t> parts;
  uint64_t last = 0;
  for (const Entry& entry : entries) {
    const size_t slash = entry.key.find('/');
    if (slash == std::string::npos) {
      last = std::stoull(entry.value);
    } else {
      ++parts[std::stoull(entry.key.substr(slash + 1))];
    }
  }
  EXPECT_GE(parts.size(), acknowledged);
  EXPECT_EQ(last + 1, parts.size());
  uint64_t next = 0;
  for (const auto& [number, count] : parts) {
    EXPECT_EQ(number, next++);  // In order, without gaps.
    EXPECT_EQ(count, kParts) << number;
  }
}

void KillAgainAndAgain(const std::string& place) {
  SeededRandom random(3);
  uint64_t acknowledged = 0;
  for (int i = 0; i < 8; ++i) {
    const auto numbers = RunAndKill(place, 1 + random.Below(300));
    ASSERT_FALSE(numbers.empty());
    acknowledged = numbers.back() + 1;
    OwnerThread owner;
    auto store = Open(owner, place);
    ASSERT_TRUE(store) << store.error().message;
    Handle handle(owner, std::move(*store));
    const auto entries = handle.Load();
    ASSERT_TRUE(entries) << entries.error().message;
    ExpectWhole(*entries, acknowledged);
  }
}

TEST(StoreCrash, SqliteKeepsAcknowledgedBatchesWhole) {
  TemporaryDirectory directory;
  KillAgainAndAgain(directory.path() + "/store.db");
}

TEST(StoreCrash, ZooKeeperKeepsAcknowledgedBatchesWhole) {
  KillAgainAndAgain(zookeeper::FreshTestAddress());
}

}  // namespace
}  // namespace tepui::storage
