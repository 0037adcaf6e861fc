// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/owner_thread.h"
#include "base/units.h"
#include "cli/commands/command.h"
#include "cli/flags/store_flags.h"
#include "cli/servers/signals.h"
#include "cli/store/store_export.h"
#include "master/registry/store_registrar.h"
#include "storage/limits.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/zookeeper/zookeeper_store.h"

namespace tepui::cli {
namespace {

using storage::Access;
using storage::Batch;
using storage::Entry;
using storage::InspectableStore;

// Short, because a person waits for it.
constexpr Duration kConnectTimeout = std::chrono::seconds(10);
constexpr std::string_view kRegistry = "registry/";

// A store, called from the main thread.
class OpenedStore {
 public:
  static Result<std::unique_ptr<OpenedStore>> Open(const StoreAddress& address, Access access) {
    auto opened = std::make_unique<OpenedStore>();
    Status status;
    opened->owner_.loop().Run([&] {
      if (const auto* const file = std::get_if<StoreFile>(&address)) {
        auto store = storage::SqliteStore::Open(file->path, access, opened->owner_.poster());
        if (!store) {
          status = Fail(store.error());
        } else {
          opened->store_ = std::move(*store);
        }
        return;
      }
      opened->store_ = std::make_unique<storage::ZooKeeperStore>(
          std::get<zookeeper::Address>(address), access,
          storage::ZooKeeperStore::Options{.connect_timeout = kConnectTimeout},
          opened->owner_.loop(), opened->owner_.poster());
    });
    if (!status) return Fail(status.error());
    return opened;
  }
  ~OpenedStore() {
    owner_.loop().Run([this] { store_.reset(); });
  }

  Result<storage::Facts> Describe() {
    return owner_.Await<Result<storage::Facts>>(
        [&](auto done) { store_->Describe(std::move(done)); });
  }
  Result<std::vector<std::string>> Check() {
    return owner_.Await<Result<std::vector<std::string>>>(
        [&](auto done) { store_->Check(std::move(done)); });
  }
  Result<std::vector<Entry>> Load() {
    return owner_.Await<Result<std::vector<Entry>>>(
        [&](auto done) { store_->Load("", std::move(done)); });
  }
  Status Fence() {
    const auto epoch =
        owner_.Await<Result<uint64_t>>([&](auto done) { store_->Fence(std::move(done)); });
    return epoch ? Status() : Fail(epoch.error());
  }
  Status Commit(Batch batch) {
    return owner_.Await<Status>(
        [&](auto done) { store_->Commit(std::move(batch), std::move(done)); });
  }

 private:
  OwnerThread owner_;
  std::unique_ptr<InspectableStore> store_;
};

// The folder of a key: "registry/agents".
std::string FolderOf(const std::string& key) {
  const size_t slash = key.rfind('/');
  return slash == std::string::npos ? key : key.substr(0, slash);
}

// Sets `*readable` to false and returns the problem if an entry of the registry cannot be read;
// other entries are not checked.
std::string Describe(const Entry& entry, bool* readable) {
  *readable = true;
  if (!entry.key.starts_with(kRegistry)) return "";
  auto described = master::DescribeRegistryEntry(entry);
  if (described) return std::move(*described);
  *readable = false;
  return described.error().message;
}

struct Contents {
  storage::Facts facts;
  std::vector<Entry> entries;
};

Result<Contents> Read(const StoreAddress& address) {
  auto store = OpenedStore::Open(address, Access::kRead);
  if (!store) return Fail(store.error());
  auto facts = (*store)->Describe();
  if (!facts) return Fail(facts.error());
  auto entries = (*store)->Load();
  if (!entries) return Fail(entries.error());
  return Contents{std::move(*facts), std::move(*entries)};
}

Status Inspect(const StorePlan& plan) {
  const Result<Contents> contents = Read(plan.store);
  if (!contents) return Fail(contents.error());
  const auto& [facts, entries] = *contents;

  struct Folder {
    size_t entries = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, Folder> folders;
  for (const Entry& entry : entries) {
    Folder& folder = folders[FolderOf(entry.key)];
    ++folder.entries;
    folder.bytes += entry.value.size();
  }
  fmt::print("{}\n  schema  {}\n  epoch   {}\n  writer  {}\n  entries {}\n", facts.place,
             facts.schema, facts.epoch, facts.writer.empty() ? "nobody yet" : facts.writer,
             entries.size());
  for (const auto& [name, folder] : folders) {
    fmt::print("    {}: {}, {}\n", name, folder.entries, FormatBytes(folder.bytes));
  }
  for (const Entry& entry : entries) {
    bool readable = true;
    const std::string described = Describe(entry, &readable);
    fmt::print("{} (version {}, {} bytes){}{}\n", entry.key, entry.version, entry.value.size(),
               described.empty() ? "" : ": ", described);
  }
  return {};
}

Status Check(const StorePlan& plan) {
  auto store = OpenedStore::Open(plan.store, Access::kRead);
  if (!store) return Fail(store.error());
  auto problems = (*store)->Check();
  if (!problems) return Fail(problems.error());
  size_t count = 0;
  // A store that is damaged at a lower level cannot be loaded.
  if (problems->empty()) {
    const auto entries = (*store)->Load();
    if (!entries) return Fail(entries.error());
    count = entries->size();
    for (const Entry& entry : *entries) {
      bool readable = true;
      std::string described = Describe(entry, &readable);
      if (!readable) problems->push_back(std::move(described));
    }
  }
  if (problems->empty()) {
    fmt::print("The store is sound: {} entries\n", count);
    return {};
  }
  return Fail(Code::kInternal, "The store is damaged:\n  {}", fmt::join(*problems, "\n  "));
}

// Creates a new file, which is either complete on the disk or does not exist.
Status WriteExport(const std::string& path, const std::vector<Entry>& entries) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Fail(Code::kInvalid, "'{}' cannot be created: {}", path, std::strerror(errno));
  }
  std::ofstream file(path, std::ios::binary);
  ExportWriter writer(file);
  for (const Entry& entry : entries) writer.Add(entry);
  writer.End();
  file.close();
  const bool written = file && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (written) return {};
  unlink(path.c_str());
  return Fail(Code::kUnavailable, "'{}' cannot be written: {}", path, std::strerror(error));
}

Status Export(const StorePlan& plan) {
  const Result<Contents> contents = Read(plan.store);
  if (!contents) return Fail(contents.error());
  const auto& [facts, entries] = *contents;
  for (const Entry& entry : entries) {
    if (entry.key == storage::kImportKey) return Fail(storage::ImportUnfinished(facts.place));
  }
  if (Status written = WriteExport(plan.export_path, entries); !written) return written;
  fmt::print("Exported {} entries to {}\n", entries.size(), plan.export_path);
  return {};
}

// Writes in batches as large as a store accepts.
class Batches {
 public:
  explicit Batches(OpenedStore& store) : store_(store) {}

  Status Add(storage::Write write) {
    const size_t bytes = storage::SizeOf(write);
    if (bytes_ + bytes > storage::Store::kMaxBatchBytes) {
      if (Status written = Flush(); !written) return written;
    }
    bytes_ += bytes;
    batch_.push_back(std::move(write));
    return {};
  }
  Status Flush() {
    bytes_ = 0;
    return batch_.empty() ? Status() : store_.Commit(std::exchange(batch_, {}));
  }

 private:
  OpenedStore& store_;
  Batch batch_;
  size_t bytes_ = 0;
};

// Passes each entry to `take`. Reads the whole file even if `take` is empty.
Status ReadExport(const std::string& path, const std::function<Status(Entry)>& take,
                  uint64_t* count) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Code::kInvalid, "'{}' cannot be opened: {}", path, std::strerror(errno));
  ExportReader reader(file);
  while (true) {
    auto entry = reader.Next();
    if (!entry) return Fail(Code::kInvalid, "'{}', {}", path, entry.error().message);
    if (!*entry) return {};
    ++*count;
    if (!take) continue;
    if (Status taken = take(std::move(**entry)); !taken) return taken;
  }
}

Status CheckEmpty(const StorePlan& plan, const std::vector<Entry>& entries) {
  if (plan.replace || entries.empty()) return {};
  return Fail(Code::kConflict,
              "The store is not empty: it holds {} entries, such as '{}'; --replace removes them",
              entries.size(), entries.front().key);
}

Status Import(const StorePlan& plan) {
  // Checked before anything is changed.
  uint64_t count = 0;
  if (Status sound = ReadExport(plan.export_path, {}, &count); !sound) return sound;

  auto store = OpenedStore::Open(plan.store, Access::kImport);
  if (!store) return Fail(store.error());
  // Checked first because Fence deposes a master that may be running, and again after it because
  // only then can no one else write.
  auto entries = (*store)->Load();
  if (!entries) return Fail(entries.error());
  if (Status empty = CheckEmpty(plan, *entries); !empty) return empty;
  if (Status taken = (*store)->Fence(); !taken) return taken;
  entries = (*store)->Load();
  if (!entries) return Fail(entries.error());
  if (Status empty = CheckEmpty(plan, *entries); !empty) return empty;

  Batch mark = {{.key = std::string(storage::kImportKey), .value = plan.export_path}};
  if (Status marked = (*store)->Commit(std::move(mark)); !marked) return marked;
  Batches batches(**store);
  for (const Entry& entry : *entries) {
    if (entry.key == storage::kImportKey) continue;
    if (Status added = batches.Add({.key = entry.key, .value = std::nullopt}); !added) return added;
  }
  count = 0;
  const auto add = [&](Entry entry) {
    return batches.Add({.key = std::move(entry.key), .value = std::move(entry.value)});
  };
  if (Status read = ReadExport(plan.export_path, add, &count); !read) return read;
  if (Status written = batches.Flush(); !written) return written;
  if (Status done =
          (*store)->Commit({{.key = std::string(storage::kImportKey), .value = std::nullopt}});
      !done) {
    return done;
  }
  fmt::print("Imported {} entries\n", count);
  return {};
}

Status Run(const StorePlan& plan) {
  switch (plan.verb) {
    case StorePlan::Verb::kInspect:
      return Inspect(plan);
    case StorePlan::Verb::kCheck:
      return Check(plan);
    case StorePlan::Verb::kExport:
      return Export(plan);
    case StorePlan::Verb::kImport:
      return Import(plan);
  }
  std::unreachable();
}

}  // namespace

int StoreCommand(const Invocation& invocation) {
  UnblockSignals();  // Ctrl-C simply ends the process.
  StoreFlags flags;
  FlagTable table(
      {.program = invocation.program,
       .purpose = "Inspects and moves the store of a master (registry.db in its --work_dir, or the "
                  "zk:// address of its --zk). 'inspect STORE' shows what it holds, 'check STORE' "
                  "reads all of it and reports damage, 'export STORE FILE' writes it to a portable "
                  "file, 'import FILE STORE' reads such a file. All but import may be used while a "
                  "master is running. docs/storage.md has the formats.",
       .arguments = "inspect|check|export|import STORE...",
       .environment_prefix = "",
       .flags_after_arguments = true});
  DeclareStoreFlags(&table, &flags);
  const FlagResult parsed = table.Parse(invocation.words, {});
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = parsed.problems;
  const StorePlan plan = ToStorePlan(flags, parsed.arguments, &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);
  // Failures are printed once, below.
  spdlog::set_level(spdlog::level::off);
  const Status done = Run(plan);
  if (done) return kSuccess;
  fmt::print(stderr, "{}\n", done.error().message);
  return kFailure;
}

}  // namespace tepui::cli
