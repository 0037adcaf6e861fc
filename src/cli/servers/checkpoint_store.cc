// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/checkpoint_store.h"

#include <fmt/chrono.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "agent/checkpoint/checkpoint.h"
#include "agent/checkpoint/checkpoint_reader.h"
#include "base/log.h"
#include "cli/servers/servers.h"
#include "storage/sqlite/sqlite_file.h"
#include "storage/sqlite/sqlite_store.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::cli {
namespace {

using Opened = Result<std::unique_ptr<storage::Store>>;
using OnFull = storage::SqliteStore::OnFull;

Opened Open(const std::string& path, Poster poster, OnFull on_full) {
  return storage::SqliteStore::Open(path, storage::Access::kWrite, std::move(poster),
                                    agent::Checkpoint::kLimits, std::move(on_full));
}

std::string StorePath(const std::string& work_dir) { return work_dir + "/meta/agent.db"; }

// Returns a name beside `path` that nothing has, with the time, for a damaged file.
std::string NameAside(const std::string& path) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string name = fmt::format("{}.damaged-{:%Y%m%dT%H%M%SZ}", path, now);
  std::string free = name;
  for (int number = 2; std::filesystem::exists(free); ++number) {
    free = fmt::format("{}-{}", name, number);
  }
  return free;
}

Status RemoveDamagedRecords(const std::string& path) {
  const auto file = storage::SqliteFile::Open(path, storage::Access::kWrite);
  if (!file) return Fail(file.error());
  const std::string copy = NameAside(path);
  const auto removed = (*file)->RemoveDamaged(copy);
  if (!removed) return Fail(removed.error());
  for (const std::string& key : *removed) {
    spdlog::error(
        "Ignored in the agent's checkpoint: The record '{}' does not match its checksum: {}. '{}' "
        "is a copy of the damaged store; check the disk",
        key, agent::LostWith(key), copy);
  }
  return {};
}

Opened OpenWithoutDamagedRecords(const std::string& path, Poster poster, OnFull on_full) {
  if (Status removed = RemoveDamagedRecords(path); !removed) return Fail(removed.error());
  return Open(path, std::move(poster), std::move(on_full));
}

// Moves the store with its log, which SQLite keeps beside it. The file itself is moved first,
// because SQLite does not read a log into an empty file.
Result<std::string> MoveAside(const std::string& path) {
  const std::string aside = NameAside(path);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (std::rename((path + suffix).c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      return Fail(Code::kInternal, "'{}{}' cannot be moved to '{}{}': {}", path, suffix, aside,
                  suffix, std::strerror(errno));
    }
  }
  return aside;
}

Opened OpenAfresh(const std::string& path, const Error& damage, Poster poster, OnFull on_full) {
  const Result<std::string> aside = MoveAside(path);
  if (!aside) return Fail(aside.error().code, "{}; {}", damage.message, aside.error().message);
  spdlog::error(
      "{}. It was moved to '{}', as --strict=false allows. This agent registers as a new agent and "
      "kills the tasks that it finds. Its dynamic reservations and persistent volumes are lost: "
      "the data of the volumes stays where it is, and on a MOUNT disk the next volume shows it "
      "unless you empty the disk",
      damage.message, *aside);
  return Open(path, std::move(poster), std::move(on_full));
}

}  // namespace

server::AgentServerOptions::OpenStore CheckpointStore(const std::string& work_dir, bool strict,
                                                      std::vector<std::string>* problems) {
  CreateDirectory("work_dir", work_dir + "/meta", problems);
  return [path = StorePath(work_dir), strict](Poster poster, OnFull on_full) -> Opened {
    Opened store =
        strict ? Open(path, poster, on_full) : OpenWithoutDamagedRecords(path, poster, on_full);
    if (store || store.error().code != Code::kInternal) return store;
    if (!strict) return OpenAfresh(path, store.error(), std::move(poster), std::move(on_full));
    return Fail(Code::kInternal,
                "{}. If you cannot restore it, start the agent once with --strict=false: it moves "
                "the file aside, registers as a new agent and kills the tasks that it finds",
                store.error().message);
  };
}

uint16_t CheckpointedPort(const std::string& work_dir) {
  const auto file = storage::SqliteFile::Open(StorePath(work_dir), storage::Access::kRead);
  if (!file) return 0;
  const auto entries = (*file)->Load(agent::kAgentKey);
  checkpoint::Agent record;
  const bool known =
      entries && entries->size() == 1 && record.ParseFromString(entries->front().value);
  return known ? static_cast<uint16_t>(record.info().port()) : 0;
}

}  // namespace tepui::cli
