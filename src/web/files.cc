// SPDX-License-Identifier: Apache-2.0
#include "web/files.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/posix/directory.h"
#include "web/json_writer.h"
#include "web/responses.h"
#include "web/router.h"

namespace tepui::web {

namespace {

bool IsBelow(const std::string& path, const std::string& directory) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

std::optional<std::string> RealPath(const std::string& path) {
  std::array<char, PATH_MAX> resolved;
  if (realpath(path.c_str(), resolved.data()) == nullptr) return std::nullopt;
  return std::string(resolved.data());
}

Result<int64_t> QueryNumber(const net::Url& url, std::string_view key) {
  const std::string* text = url.Query(key);
  if (text == nullptr) return -1;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < -1) {
    return Fail(Code::kInvalid, "Failed to parse {}: '{}' is not a number of bytes", key, *text);
  }
  return value;
}

std::string ModeText(mode_t mode) {
  std::string text = S_ISDIR(mode) ? "d" : S_ISLNK(mode) ? "l" : "-";
  for (int shift = 6; shift >= 0; shift -= 3) {
    text += (mode >> shift & 4) ? 'r' : '-';
    text += (mode >> shift & 2) ? 'w' : '-';
    text += (mode >> shift & 1) ? 'x' : '-';
  }
  return text;
}

std::string UserName(uid_t uid) {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : fmt::format("{}", uid);
}

std::string GroupName(gid_t gid) {
  std::array<char, 4096> buffer;
  group entry{};
  group* found = nullptr;
  getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->gr_name : fmt::format("{}", gid);
}

// Writes the entries of one directory, which mostly have one owner: the user database is asked once
// for each.
class EntryWriter {
 public:
  EntryWriter(std::string directory, JsonWriter* writer)
      : directory_(std::move(directory)), writer_(*writer) {}

  void Write(const Files::Entry& entry) {
    const struct stat& about = entry.about;
    writer_.BeginObject();
    writer_.Field("gid", Known(&groups_, about.st_gid, GroupName));
    writer_.Field("mode", ModeText(about.st_mode));
    writer_.Field("mtime", static_cast<int64_t>(about.st_mtime));
    writer_.Field("nlink", static_cast<int64_t>(about.st_nlink));
    writer_.Field("path", directory_ + "/" + entry.name);
    writer_.Field("size", static_cast<int64_t>(about.st_size));
    writer_.Field("uid", Known(&users_, about.st_uid, UserName));
    writer_.EndObject();
  }

 private:
  using Names = std::map<uint32_t, std::string>;
  static const std::string& Known(Names* names, uint32_t id, std::string (*find)(uint32_t)) {
    const auto [known, added] = names->try_emplace(id);
    if (added) known->second = find(id);
    return known->second;
  }

  const std::string directory_;
  JsonWriter& writer_;
  Names users_;
  Names groups_;
};

const std::string* PathQuery(const net::Url& url) {
  const std::string* path = url.Query("path");
  return path == nullptr || path->empty() ? nullptr : path;
}

}  // namespace

void Files::Attach(std::map<std::string, std::string> attached) {
  auto next = std::make_shared<const std::map<std::string, std::string>>(std::move(attached));
  const MutexLock lock(mutex_);
  attached_ = std::move(next);
}

// The path is resolved by name, so it is only where to look: a task may change it before it is
// opened, which then fails. Links may lead from one attached directory to another, nowhere else.
Result<Files::Place> Files::Find(const std::string& path) const {
  std::shared_ptr<const std::map<std::string, std::string>> attached;
  {
    const MutexLock lock(mutex_);
    attached = attached_;
  }
  for (const auto& [name, directory] : *attached) {
    if (!IsBelow(path, name)) continue;
    const auto real = RealPath(directory + path.substr(name.size()));
    if (!real) break;
    for (const auto& [other, other_directory] : *attached) {
      const auto root = RealPath(other_directory);
      if (root && IsBelow(*real, *root)) return Place{*root, real->substr(root->size())};
    }
    return Fail(Code::kForbidden, "'{}' leads out of the sandbox", path);
  }
  return Fail(Code::kNotFound, "There is no file '{}'", path);
}

Result<Files::Chunk> Files::Read(const std::string& path, uint64_t offset,
                                 std::optional<uint64_t> length) const {
  const auto place = Find(path);
  if (!place) return Fail(place.error());
  const auto root = Directory::Open(place->root);
  if (!root) return Fail(root.error());
  const auto file = root->OpenFile(place->path);
  if (!file) return Fail(file.error());
  struct stat about{};
  if (fstat(file->get(), &about) != 0) {
    return Fail(Code::kInternal, "Cannot look at '{}': {}", path, std::strerror(errno));
  }
  Chunk chunk;
  chunk.size = static_cast<uint64_t>(about.st_size);
  if (offset >= chunk.size) return chunk;
  chunk.data.resize(std::min({length.value_or(chunk.size), chunk.size - offset, kMaxReadBytes}));
  const ssize_t got =
      pread(file->get(), chunk.data.data(), chunk.data.size(), static_cast<off_t>(offset));
  chunk.data.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return chunk;
}

Result<std::vector<Files::Entry>> Files::Browse(const std::string& path) const {
  const auto place = Find(path);
  if (!place) return Fail(place.error());
  const auto root = Directory::Open(place->root);
  if (!root) return Fail(root.error());
  const auto directory = root->OpenBeneath(place->path);
  if (!directory && directory.error().code == Code::kNotFound) {
    return Fail(Code::kInvalid, "Cannot list '{}': it is not a directory", path);
  }
  if (!directory) return Fail(directory.error());
  auto names = directory->List(max_entries_);
  if (!names) return Fail(names.error());
  std::ranges::sort(*names);
  std::vector<Entry> entries;
  for (std::string& name : *names) {
    // An entry that vanished meanwhile is skipped.
    if (const auto about = directory->Stat(name)) entries.push_back({std::move(name), *about});
  }
  return entries;
}

void Files::AddRoutes(Router* router, WorkerPool& workers) {
  router->AddBlocking("/files/read", "GET", workers,
                      [this](const Incoming& incoming, net::Responder responder) {
                        OnRead(incoming.url, std::move(responder));
                      });
  router->AddBlocking("/files/browse", "GET", workers,
                      [this](const Incoming& incoming, net::Responder responder) {
                        OnBrowse(incoming.url, std::move(responder));
                      });
}

void Files::OnRead(const net::Url& url, net::Responder responder) const {
  const std::string* path = PathQuery(url);
  if (path == nullptr) {
    std::move(responder).Send(TextResponse(400, "Expecting 'path=value' in query"));
    return;
  }
  const auto offset = QueryNumber(url, "offset");
  const auto length = QueryNumber(url, "length");
  if (!offset || !length) {
    std::move(responder).Send(ErrorResponse(offset ? length.error() : offset.error()));
    return;
  }
  // Without an offset only the size is requested, and it is returned as the offset. Without a
  // length the file is read to its end.
  const bool size_only = *offset == -1;
  const auto chunk = Read(*path, size_only ? 0 : static_cast<uint64_t>(*offset),
                          size_only       ? std::optional<uint64_t>(0)
                          : *length == -1 ? std::nullopt
                                          : std::optional(static_cast<uint64_t>(*length)));
  if (!chunk) {
    std::move(responder).Send(ErrorResponse(chunk.error()));
    return;
  }
  std::string json;
  JsonWriter writer(&json);
  writer.BeginObject();
  writer.Field("offset", size_only ? chunk->size : static_cast<uint64_t>(*offset));
  writer.Field("data", chunk->data);
  writer.EndObject();
  std::move(responder).Send(JsonResponse(std::move(json), url));
}

void Files::OnBrowse(const net::Url& url, net::Responder responder) const {
  const std::string* path = PathQuery(url);
  if (path == nullptr) {
    std::move(responder).Send(TextResponse(400, "Expecting 'path=value' in query"));
    return;
  }
  const auto entries = Browse(*path);
  if (!entries) {
    std::move(responder).Send(ErrorResponse(entries.error()));
    return;
  }
  std::string json;
  JsonWriter writer(&json);
  writer.BeginArray();
  EntryWriter entry_writer(*path, &writer);
  for (const Entry& entry : *entries) entry_writer.Write(entry);
  writer.EndArray();
  std::move(responder).Send(JsonResponse(std::move(json), url));
}

}  // namespace tepui::web
