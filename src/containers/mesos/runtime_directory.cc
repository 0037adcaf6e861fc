// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/runtime_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/posix/file_lock.h"
#include "containers/sandbox/local_disk.h"
#include "shim/protocol.h"

namespace tepui::containers {
namespace {

constexpr char kSocket[] = "socket";
constexpr char kStatus[] = "status";
constexpr mode_t kOursOnly = 0700;
constexpr int kBacklog = 8;

// The address goes through a descriptor of the directory, because a path may be longer than a
// socket's address.
sockaddr_un Address(const FileDescriptor& directory) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory.get(),
                kSocket);
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<FileDescriptor> Listen(const FileDescriptor& directory) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = Address(directory);
  // bind gives the file the descriptor's mode.
  if (socket.valid() && fchmod(socket.get(), 0600) == 0 &&
      bind(socket.get(), Generic(address), sizeof(address)) == 0 &&
      listen(socket.get(), kBacklog) == 0) {
    return socket;
  }
  return Fail(Code::kInternal, "{}", std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<RuntimeDirectory>> RuntimeDirectory::Open(const std::string& runtime_dir) {
  std::string path = runtime_dir + "/containers";
  Status made = MakeDirectory(path);
  if (!made) return Fail(made.error());
  FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat about;
  if (!directory.valid() || fstat(directory.get(), &about) != 0) {
    return Fail(Code::kInternal, "Cannot open '{}': {}", path, std::strerror(errno));
  }
  if (about.st_uid != geteuid()) {
    return Fail(Code::kInvalid,
                "'{}' belongs to the user with id {}, who could reach into the containers; remove "
                "it or choose another --runtime_dir",
                path, about.st_uid);
  }
  if (fchmod(directory.get(), kOursOnly) != 0) {
    return Fail(Code::kInternal, "Cannot close '{}' to others: {}", path, std::strerror(errno));
  }
  if (!TakeLock(directory)) {
    return Fail(Code::kConflict,
                "Another agent has its containers in '{}'; stop it, or give this one a "
                "--runtime_dir of its own",
                path);
  }
  return std::unique_ptr<RuntimeDirectory>(
      new RuntimeDirectory(std::move(path), std::move(directory)));
}

FileDescriptor RuntimeDirectory::OpenContainer(const ContainerId& id) const {
  return FileDescriptor(
      openat(directory_.get(), id.value().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Result<FileDescriptor> RuntimeDirectory::Create(const ContainerId& id) {
  if (mkdirat(directory_.get(), id.value().c_str(), kOursOnly) != 0) {
    if (errno == EEXIST) {
      return Fail(Code::kConflict,
                  "There is a container '{}' already, of an earlier life of the agent or not "
                  "forgotten yet",
                  id);
    }
    return Fail(Code::kInternal, "Cannot create '{}/{}': {}", path_, id, std::strerror(errno));
  }
  Result<FileDescriptor> socket = Listen(OpenContainer(id));
  if (socket) return socket;
  (void)Remove(id);  // The earlier failure is reported.
  return Fail(Code::kInternal, "Cannot make a socket in '{}/{}': {}", path_, id,
              socket.error().message);
}

Result<FileDescriptor> RuntimeDirectory::Connect(const ContainerId& id, Duration patience) {
  FileDescriptor directory = OpenContainer(id);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(patience).count();
  const timeval timeout = {.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
  const sockaddr_un address = Address(directory);
  if (!directory.valid()) {
    return Fail(Code::kNotFound, "There is no '{}/{}'", path_, id);
  }
  if (socket.valid() &&
      setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
      setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
      connect(socket.get(), Generic(address), sizeof(address)) == 0) {
    return socket;
  }
  const bool nobody = errno == ECONNREFUSED || errno == ENOENT;
  return Fail(nobody ? Code::kNotFound : Code::kUnavailable,
              "Cannot connect to the shim of container {}: {}", id, std::strerror(errno));
}

std::string RuntimeDirectory::StatusFile(const ContainerId& id) const {
  return fmt::format("{}/{}/{}", path_, id, kStatus);
}

Result<ExitRecord> RuntimeDirectory::ReadStatus(const ContainerId& id) const {
  const std::string path = StatusFile(id);
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return Fail(Code::kNotFound, "There is no '{}'", path);
  std::array<char, 256> text = {};
  ssize_t size = read(file.get(), text.data(), text.size() - 1);
  unsigned version = 0;
  unsigned long long start_ticks = 0;
  ExitRecord record;
  const bool whole = size > 0 && std::strchr(text.data(), '\n') == text.data() + size - 1;
  if (!whole || std::sscanf(text.data(), shim::kStatusFileFormat, &version, &record.pid,
                            &start_ticks, &record.status) != 4) {
    return Fail(Code::kInternal, "'{}' does not hold what a shim writes", path);
  }
  record.start_ticks = start_ticks;
  return record;
}

bool RuntimeDirectory::MayHaveRun(const ContainerId& id) const {
  const std::string status = StatusFile(id);
  const std::string mark = status + shim::kMarkSuffix;
  return access(status.c_str(), F_OK) == 0 || access(mark.c_str(), F_OK) == 0;
}

Status RuntimeDirectory::Remove(const ContainerId& id) {
  // The usual case needs no walk through the tree.
  FileDescriptor directory = OpenContainer(id);
  if (!directory.valid() && errno == ENOENT) return {};
  for (const std::string& name :
       {std::string(kSocket), std::string(kStatus), std::string(kStatus) + shim::kMarkSuffix}) {
    unlinkat(directory.get(), name.c_str(), 0);
  }
  if (unlinkat(directory_.get(), id.value().c_str(), AT_REMOVEDIR) == 0) return {};
  return RemoveTree(fmt::format("{}/{}", path_, id));
}

Result<std::vector<ContainerId>> RuntimeDirectory::List() const {
  DIR* entries = opendir(path_.c_str());
  if (entries == nullptr) {
    return Fail(Code::kInternal, "Cannot list '{}': {}", path_, std::strerror(errno));
  }
  std::vector<ContainerId> ids;
  while (const dirent* entry = readdir(entries)) {
    if (entry->d_name[0] != '.') ids.emplace_back(entry->d_name);
  }
  closedir(entries);
  return ids;
}

}  // namespace tepui::containers
