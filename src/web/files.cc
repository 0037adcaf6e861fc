// SPDX-License-Identifier: Apache-2.0
#include "web/files.h"

#include <fcntl.h>
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
#include <filesystem>
#include <utility>
#include <vector>

#include "web/json_writer.h"
#include "web/responses.h"
#include "web/router.h"

namespace tepui::web {

namespace {

// The most entries that one /files/browse lists.
constexpr size_t kMaxEntries = 100'000;

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

void WriteEntry(const std::string& path, const struct stat& info, JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("gid", GroupName(info.st_gid));
  writer->Field("mode", ModeText(info.st_mode));
  writer->Field("mtime", static_cast<int64_t>(info.st_mtime));
  writer->Field("nlink", static_cast<int64_t>(info.st_nlink));
  writer->Field("path", path);
  writer->Field("size", static_cast<int64_t>(info.st_size));
  writer->Field("uid", UserName(info.st_uid));
  writer->EndObject();
}

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

Result<std::string> Files::Resolve(const std::string& path) const {
  std::shared_ptr<const std::map<std::string, std::string>> attached;
  {
    const MutexLock lock(mutex_);
    attached = attached_;
  }
  for (const auto& [name, directory] : *attached) {
    if (!IsBelow(path, name)) continue;
    const auto real = RealPath(directory + path.substr(name.size()));
    if (!real) break;
    // Links may lead from one attached directory to another, and nowhere else.
    const bool inside = std::ranges::any_of(*attached, [&](const auto& other) {
      const auto root = RealPath(other.second);
      return root && IsBelow(*real, *root);
    });
    if (!inside) return Fail(Code::kForbidden, "'{}' leads out of the sandbox", path);
    return *real;
  }
  return Fail(Code::kNotFound, "There is no file '{}'", path);
}

Result<Files::Chunk> Files::Read(const std::string& path, uint64_t offset,
                                 std::optional<uint64_t> length) const {
  const auto real = Resolve(path);
  if (!real) return Fail(real.error());
  // Opened without blocking, because a task may have put a pipe there.
  const int fd = open(real->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Fail(Code::kInternal, "Failed to open '{}': {}", path, std::strerror(errno));
  struct stat info{};
  Result<Chunk> result;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    result = Fail(Code::kInvalid, "'{}' is not a file that can be read", path);
  } else {
    Chunk chunk;
    chunk.size = static_cast<uint64_t>(info.st_size);
    if (offset < chunk.size) {
      chunk.data.resize(
          std::min({length.value_or(chunk.size), chunk.size - offset, kMaxReadBytes}));
      const ssize_t got =
          pread(fd, chunk.data.data(), chunk.data.size(), static_cast<off_t>(offset));
      chunk.data.resize(got > 0 ? static_cast<size_t>(got) : 0);
    }
    result = std::move(chunk);
  }
  close(fd);
  return result;
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
  const auto real = Resolve(*path);
  if (!real) {
    std::move(responder).Send(ErrorResponse(real.error()));
    return;
  }
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(*real, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename());
    if (names.size() == kMaxEntries) break;
  }
  if (error) {
    std::move(responder).Send(
        TextResponse(400, fmt::format("Cannot list '{}': {}", *path, error.message())));
    return;
  }
  std::ranges::sort(names);
  std::string json;
  JsonWriter writer(&json);
  writer.BeginArray();
  for (const std::string& name : names) {
    struct stat info{};
    if (lstat((*real + "/" + name).c_str(), &info) == 0)
      WriteEntry(*path + "/" + name, info, &writer);
  }
  writer.EndArray();
  std::move(responder).Send(JsonResponse(std::move(json), url));
}

}  // namespace tepui::web
