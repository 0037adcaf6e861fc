// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>
#include <set>
#include <sstream>

#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/testing/temporary_directory.h"
#include "storage/store_fixture.h"

namespace tepui::storage {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Changes the file as another program would.
void RunSql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_close(database);
}

class SqliteStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<SqliteStore>> TryOpen(Access access = Access::kWrite) {
    return SqliteStore::Open(path_, access, owner_.poster());
  }
  std::unique_ptr<Handle> Open(Access access = Access::kWrite) {
    auto store = TryOpen(access);
    if (!store) ADD_FAILURE() << store.error().message;
    return std::make_unique<Handle>(owner_, std::move(store.value()));
  }
  std::unique_ptr<Handle> OpenWriter() {
    auto handle = Open();
    EXPECT_TRUE(handle->Fence());
    return handle;
  }
  void Fill(int keys) {
    auto store = OpenWriter();
    for (int i = 0; i < keys; ++i) {
      ASSERT_TRUE(store->Commit({Put("key/" + std::to_string(i), std::string(1000, 'v'))}));
    }
  }
  // Expects that opening fails with a sentence that contains `words`.
  void ExpectRefused(Code code, const std::string& words, Access access = Access::kWrite) {
    const auto store = TryOpen(access);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, code) << store.error().message;
    EXPECT_NE(store.error().message.find(words), std::string::npos) << store.error().message;
    EXPECT_NE(store.error().message.find(path_), std::string::npos) << store.error().message;
  }
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
      names.insert(file.path().filename());
    }
    return names;
  }

  OwnerThread owner_;
  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/a store?#%41.db";  // No character of a name is special.
};

// A store that never moves to ZooKeeper may hold larger values.
TEST_F(SqliteStoreTest, LimitsCanBeOthers) {
  constexpr Limits kLarge{.value_bytes = 20 << 20, .batch_bytes = 50 << 20};
  const std::string value(kLarge.value_bytes, 'v');
  {
    auto store = SqliteStore::Open(path_, Access::kWrite, owner_.poster(), kLarge);
    ASSERT_TRUE(store) << store.error().message;
    Handle handle(owner_, std::move(*store));
    ASSERT_TRUE(handle.Fence());
    ASSERT_TRUE(handle.Commit({Put("a", value), Put("b", value)}));
    const Status refused = handle.Commit({Put("c", value + "v")});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kTooLarge);
  }
  const auto entries = Open(Access::kRead)->Load("");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].value, value);
}

TEST_F(SqliteStoreTest, OnlyItsUserReadsTheFiles) {
  auto store = OpenWriter();
  ASSERT_TRUE(store->Commit({Put("k", "secret")}));
  const auto files = Files();
  EXPECT_EQ(files.size(), 4u);  // The file, its log, the log's index, the lock.
  for (const std::string& name : files) {
    struct stat about{};
    ASSERT_EQ(stat((directory_.path() + "/" + name).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SqliteStoreTest, ASecondWriterLearnsWhoIsTheFirst) {
  auto first = OpenWriter();
  const auto second = TryOpen();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(getpid())), std::string::npos)
      << second.error().message;
  EXPECT_TRUE(first->Commit({Put("k", "v")}));
  first.reset();
  EXPECT_EQ(OpenWriter()->Load().value().size(), 1u);
}

TEST_F(SqliteStoreTest, OthersMayReadWhileItIsWritten) {
  auto writer = OpenWriter();
  ASSERT_TRUE(writer->Commit({Put("k", "v")}));
  auto reader = Open(Access::kRead);
  EXPECT_EQ(reader->Load().value().size(), 1u);
  ASSERT_TRUE(writer->Commit({Put("l", "v")}));
  EXPECT_EQ(reader->Load().value().size(), 2u);
  const auto facts = reader->Describe();
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->epoch, 1u);
  EXPECT_EQ(facts->schema, static_cast<uint64_t>(SqliteFile::kSchema));
  EXPECT_NE(facts->writer.find("pid "), std::string::npos);
  EXPECT_EQ(reader->Check().value(), std::vector<std::string>{});
  const auto epoch = reader->Fence();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, Code::kForbidden);
}

TEST_F(SqliteStoreTest, AReaderCreatesNoFiles) {
  ExpectRefused(Code::kNotFound, "No such file", Access::kRead);
  EXPECT_EQ(Files(), std::set<std::string>{});
  std::ofstream(path_).close();
  ExpectRefused(Code::kInvalid, "is empty", Access::kRead);
  EXPECT_EQ(Contents(path_), "");
}

TEST_F(SqliteStoreTest, AFileThatWasMadeAndNothingMoreBecomesAStore) {
  std::ofstream(path_).close();
  EXPECT_TRUE(OpenWriter()->Commit({Put("k", "v")}));
}

TEST_F(SqliteStoreTest, AStoreOfANewerVersionIsNotChanged) {
  Fill(3);
  RunSql(path_,
         "PRAGMA user_version = 2;"
         "UPDATE writer SET name = replace(name, 'with schema 1', 'with schema 2')");
  const std::string before = Contents(path_);
  for (const Access access : {Access::kWrite, Access::kImport, Access::kRead}) {
    ExpectRefused(Code::kInvalid, "newer version of Tepui (schema 2; this one knows 1)", access);
  }
  EXPECT_EQ(Contents(path_), before);
  RunSql(path_,
         "PRAGMA user_version = 1;"
         "UPDATE writer SET name = replace(name, 'with schema 2', 'with schema 1')");
  EXPECT_EQ(OpenWriter()->Load().value().size(), 3u);
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsNotChanged) {
  RunSql(path_, "CREATE TABLE music (song TEXT); INSERT INTO music VALUES ('Angola')");
  const std::string before = Contents(path_);
  ExpectRefused(Code::kInvalid, "not a store of Tepui");
  ExpectRefused(Code::kInvalid, "not a store of Tepui", Access::kRead);
  EXPECT_EQ(Contents(path_), before);
}

TEST_F(SqliteStoreTest, AFileThatIsNotADatabaseIsNotChanged) {
  std::ofstream(path_)
      << "These are notes of mine, long enough to be taken for a header of SQLite: "
      << std::string(200, '.');
  const std::string before = Contents(path_);
  ExpectRefused(Code::kInternal, "is not a SQLite database");
  ExpectRefused(Code::kInternal, "is not a SQLite database", Access::kRead);
  EXPECT_EQ(Contents(path_), before);
}

TEST_F(SqliteStoreTest, ADirectoryIsNotAStore) {
  std::filesystem::create_directory(path_);
  ExpectRefused(Code::kUnavailable, "Is a directory");
}

TEST_F(SqliteStoreTest, DamagedPagesAreFoundBeforeAnythingIsWritten) {
  Fill(100);
  std::string bytes = Contents(path_);
  ASSERT_GT(bytes.size(), 20u * 4096);
  for (size_t page = 4; page < 20; ++page) bytes.replace(page * 4096, 64, std::string(64, '\xA5'));
  std::ofstream(path_, std::ios::binary) << bytes;
  ExpectRefused(Code::kInternal, "is damaged");
  EXPECT_EQ(Contents(path_), bytes);
  const auto problems = Open(Access::kRead)->Check();
  ASSERT_TRUE(problems);
  EXPECT_FALSE(problems->empty());
}

TEST_F(SqliteStoreTest, AFileThatWasCutOffIsDamaged) {
  Fill(100);
  const std::string bytes = Contents(path_).substr(0, 10 * 4096);
  std::ofstream(path_, std::ios::binary) << bytes;
  ExpectRefused(Code::kInternal, "is damaged");
  EXPECT_EQ(Contents(path_), bytes);
}

TEST_F(SqliteStoreTest, ADamagedHeaderIsNotTakenForThatOfAnotherVersionOrProgram) {
  Fill(3);
  for (const char* damage : {"PRAGMA user_version = 3", "PRAGMA user_version = 0",
                             "PRAGMA user_version = -2147483647", "PRAGMA application_id = 7"}) {
    RunSql(path_, damage);
    ExpectRefused(Code::kInternal, "is damaged (its header)");
    RunSql(path_, "PRAGMA user_version = 1; PRAGMA application_id = 1413828693");
  }
  EXPECT_EQ(OpenWriter()->Load().value().size(), 3u);
}

TEST_F(SqliteStoreTest, DamageInTheLogIsNoticed) {
  std::string file;
  std::string log;
  {
    auto store = OpenWriter();
    for (const char* key : {"first", "second", "third"}) {
      ASSERT_TRUE(store->Commit({Put(key, std::string("value of ") + key)}));
    }
    // What a power loss leaves.
    file = Contents(path_);
    log = Contents(path_ + "-wal");
  }
  const auto rolled_back = [&](const std::string& name) {
    const std::string crashed = directory_.path() + "/" + name;
    std::ofstream(crashed, std::ios::binary) << file;
    std::ofstream(crashed + "-wal", std::ios::binary) << log;
    return SqliteFile::Open(crashed, Access::kWrite).value()->rolled_back();
  };
  EXPECT_EQ(rolled_back("whole.db"), 0u);
  const size_t at = log.find("value of second");
  ASSERT_NE(at, std::string::npos);
  log[at] ^= 1;
  EXPECT_EQ(rolled_back("damaged.db"), 2u);
}

TEST_F(SqliteStoreTest, AFlippedBitInAValueIsFound) {
  {
    auto store = OpenWriter();
    ASSERT_TRUE(store->Commit({Put("good", "harmless"), Put("hurt", "a value on the disk")}));
  }
  std::string bytes = Contents(path_);
  const size_t at = bytes.find("a value on the disk");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'b';
  std::ofstream(path_, std::ios::binary) << bytes;

  auto store = OpenWriter();
  EXPECT_TRUE(store->Load("good"));
  const auto entries = store->Load();
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code, Code::kInternal);
  EXPECT_NE(entries.error().message.find("'hurt'"), std::string::npos) << entries.error().message;
  EXPECT_EQ(store->Check().value(),
            std::vector<std::string>{"The record 'hurt' does not match its checksum"});
  store.reset();

  auto file = SqliteFile::Open(path_, Access::kWrite);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->RemoveDamaged(path_ + ".copy").value(), std::vector<std::string>{"hurt"});
  EXPECT_EQ((*file)->RemoveDamaged(path_ + ".none").value(), std::vector<std::string>{});
  file->reset();
  EXPECT_NE(Contents(path_ + ".copy").find("b value on the disk"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".none"));
  EXPECT_EQ(OpenWriter()->Load().value(), (std::vector<Entry>{{"good", "harmless", 1}}));
}

TEST_F(SqliteStoreTest, AnUnfinishedImportIsNotAStore) {
  {
    auto store = Open(Access::kImport);
    ASSERT_TRUE(store->Fence());
    ASSERT_TRUE(store->Commit({Put(std::string(kImportKey), "")}));
  }
  const auto epoch = Open()->Fence();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, Code::kUnavailable);
  EXPECT_NE(epoch.error().message.find("import"), std::string::npos);
  EXPECT_EQ(Open(Access::kRead)->Check().value().size(), 1u);
  auto store = Open(Access::kImport);
  ASSERT_TRUE(store->Fence());
  ASSERT_TRUE(store->Commit({Remove(std::string(kImportKey))}));
  store.reset();
  EXPECT_TRUE(Open()->Fence());
}

TEST_F(SqliteStoreTest, WaitsForAnotherProgramsTransaction) {
  auto store = OpenWriter();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::promise<Status> committed;
  owner_.loop().Run([&] {
    store->store().Commit({Put("k", "v")},
                          [&](Status status) { committed.set_value(std::move(status)); });
  });
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE(committed.get_future().get());
}

// A disk that runs full: a small file system for root, else a limit on the size of files.
class FullDisk {
 public:
  explicit FullDisk(const std::string& directory, const char* size = "size=1m")
      : directory_(directory) {
    mounted_ = mount("tmpfs", directory.c_str(), "tmpfs", 0, size) == 0;
    if (mounted_) return;
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit bound = before_;
    bound.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_FSIZE, &bound);
  }
  ~FullDisk() {
    if (mounted_) umount2(directory_.c_str(), MNT_DETACH);
    MakeRoom();
  }
  void MakeRoom() {
    if (mounted_) {
      mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT, "size=16m");
    } else {
      setrlimit(RLIMIT_FSIZE, &before_);
    }
  }
  bool mounted() const { return mounted_; }

 private:
  const std::string directory_;
  bool mounted_ = false;
  rlimit before_{};
};

TEST_F(SqliteStoreTest, AFullDiskEndsTheStoreAndLosesNothing) {
  FullDisk disk(directory_.path());
  std::vector<std::string> acknowledged;
  {
    auto store = OpenWriter();
    Status status;
    for (int i = 0; i < 1000; ++i) {
      const std::string key = "key/" + std::to_string(i);
      status = store->Commit({Put(key, std::string(10'000, 'v')), Put("last", key)});
      if (!status) break;
      acknowledged.push_back(key);
    }
    ASSERT_FALSE(status);
    if (disk.mounted()) {
      EXPECT_EQ(status.error().code, Code::kUnavailable);
      EXPECT_NE(status.error().message.find("disk is full"), std::string::npos);
    }
    // The owner has to end: the store stays lost even when there is room again.
    disk.MakeRoom();
    EXPECT_EQ(store->Commit({Put("late", "v")}), status);
    EXPECT_FALSE(store->Load());
  }
  ASSERT_FALSE(acknowledged.empty());
  auto store = OpenWriter();
  const auto entries = store->Load();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), acknowledged.size() + 1);
  EXPECT_EQ(entries->back().key, "last");
  EXPECT_EQ(entries->back().value, acknowledged.back());
  EXPECT_TRUE(store->Commit({Put("new", "v")}));
}

// A disk that somebody else fills, and a store that is to survive that.
class SqliteReserveTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "needs a file system of its own";
  }
  std::unique_ptr<Handle> OpenWithReserve() {
    auto store = SqliteStore::Open(path_, Access::kWrite, owner_.poster(), {}, [this](bool full) {
      const MutexLock lock(mutex_);
      full_.push_back(full);
      changed_.NotifyAll();
    });
    if (!store) ADD_FAILURE() << store.error().message;
    return std::make_unique<Handle>(owner_, std::move(*store));
  }
  // Waits until the store has said so many times whether the disk is full; returns what it said.
  std::vector<bool> Full(size_t times) {
    MutexLock lock(mutex_);
    while (full_.size() < times) changed_.Wait(mutex_);
    return full_;
  }
  std::future<Status> Begin(Handle& store, const std::string& key) {
    auto committed = std::make_shared<std::promise<Status>>();
    owner_.loop().Run([&] {
      store.store().Commit({Put(key, std::string(100'000, 'v'))},
                           [committed](Status status) { committed->set_value(status); });
    });
    return committed->get_future();
  }
  // Leaves not a byte.
  void FillDisk() const {
    const FileDescriptor file(open(filler_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    const std::string bytes(4096, 'x');
    while (write(file.get(), bytes.data(), bytes.size()) > 0) {
    }
  }
  void MakeRoom() const { std::filesystem::remove(filler_); }
  bool HasReserve() const { return std::filesystem::exists(path_ + ".reserve"); }

  const FullDisk disk_{directory_.path(), "size=24m"};
  const std::string filler_ = directory_.path() + "/filler";
  Mutex mutex_;
  CondVar changed_;
  std::vector<bool> full_;
};

TEST_F(SqliteReserveTest, WritesGoOnFromTheReserveAndThenWaitForRoom) {
  auto store = OpenWithReserve();
  ASSERT_TRUE(store->Fence());
  ASSERT_TRUE(store->Commit({Put("before", "v")}));
  EXPECT_TRUE(HasReserve());
  FillDisk();
  EXPECT_TRUE(Begin(*store, "in the reserve").get());
  EXPECT_EQ(Full(1), std::vector<bool>{true});
  EXPECT_FALSE(HasReserve());
  std::future<Status> last;
  do {
    FillDisk();
    last = Begin(*store, "waits");
  } while (last.wait_for(std::chrono::milliseconds(100)) == std::future_status::ready);
  MakeRoom();
  EXPECT_TRUE(last.get());
  EXPECT_EQ(Full(2), (std::vector<bool>{true, false}));
  EXPECT_TRUE(HasReserve());
  EXPECT_TRUE(store->Commit({Put("after", "v")}));
}

TEST_F(SqliteReserveTest, AStoreWithoutAByteOfRoomIsReadAndWaitsToBeFenced) {
  {
    auto store = OpenWithReserve();
    ASSERT_TRUE(store->Fence());
    ASSERT_TRUE(store->Commit({Put("k", "v")}));
  }
  std::filesystem::remove(path_ + ".reserve");
  FillDisk();
  auto store = OpenWithReserve();
  EXPECT_EQ(Full(1), std::vector<bool>{true});
  EXPECT_EQ(store->Load().value().size(), 1u);
  auto epoch = std::make_shared<std::promise<Result<uint64_t>>>();
  owner_.loop().Run(
      [&] { store->store().Fence([epoch](Result<uint64_t> taken) { epoch->set_value(taken); }); });
  auto taken = epoch->get_future();
  EXPECT_EQ(taken.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  MakeRoom();
  EXPECT_EQ(taken.get(), Result<uint64_t>(2));
  EXPECT_EQ(Full(2), (std::vector<bool>{true, false}));
}

TEST_F(SqliteReserveTest, AStoreThatWaitsForRoomCanBeClosed) {
  auto store = OpenWithReserve();
  ASSERT_TRUE(store->Fence());
  std::filesystem::remove(path_ + ".reserve");
  FillDisk();
  const auto waits = Begin(*store, "waits");
  Full(1);
  store->Close();
}

TEST_F(SqliteStoreTest, WritersFailOnAReadOnlyFileSystem) {
  FullDisk disk(directory_.path());
  if (!disk.mounted()) GTEST_SKIP() << "needs a file system of its own";
  Fill(3);
  ASSERT_EQ(mount("tmpfs", directory_.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
  ExpectRefused(Code::kUnavailable, "Read-only file system");
  // Inspecting the store still works.
  auto store = Open(Access::kRead);
  EXPECT_EQ(store->Load().value().size(), 3u);
  EXPECT_EQ(store->Check().value(), std::vector<std::string>{});
}

}  // namespace
}  // namespace tepui::storage
