// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>

#include "base/posix/file_lock.h"

namespace tepui::containers {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxSubtree = 10'000;
constexpr auto kShortestPause = std::chrono::microseconds(200);
constexpr auto kLongestPause = std::chrono::milliseconds(20);
constexpr char kLeaf[] = "leaf";
constexpr char kShims[] = "shims";

bool IsDirectory(const std::string& path) {
  struct stat about;
  return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Writes with one call, as cgroup files require. The kernel's files exist already; O_CREAT is for
// the plain files of tests.
Status WriteFile(const std::string& path, std::string_view value) {
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.valid() &&
      write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())) {
    return {};
  }
  return Fail(Code::kInternal, "Cannot write '{}' to '{}': {}", value, path, std::strerror(errno));
}

Result<std::string> ReadFile(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  while (file.valid() && text.size() < kMaxFileBytes) {
    ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size == 0) return text;
    if (size < 0) break;
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  return Fail(errno == ENOENT ? Code::kNotFound : Code::kInternal, "Cannot read '{}': {}", path,
              std::strerror(errno));
}

std::vector<std::string> Subdirectories(const std::string& directory) {
  std::vector<std::string> names;
  DIR* listing = opendir(directory.c_str());
  if (listing == nullptr) return names;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(listing);
  return names;
}

// Appends `directory` and the cgroups below it, those below first.
void AppendSubtree(const std::string& directory, std::vector<std::string>* out) {
  for (const std::string& name : Subdirectories(directory)) {
    if (out->size() < kMaxSubtree) AppendSubtree(directory + "/" + name, out);
  }
  out->push_back(directory);
}

bool IsUuid(std::string_view name) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::ranges::equal(name, kShape, [](char c, char shape) {
    return shape == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
}

// Sends SIGKILL to all processes in the cgroup; returns false if there is none.
bool KillProcesses(const std::string& directory) {
  Result<std::string> text = ReadFile(directory + "/cgroup.procs");
  if (!text) return false;
  bool any = false;
  const char* end = text->data() + text->size();
  for (const char* next = text->data(); next < end;) {
    int pid = 0;
    auto [rest, error] = std::from_chars(next, end, pid);
    if (error != std::errc() || rest == next) break;
    if (pid > 0) {
      kill(pid, SIGKILL);
      any = true;
    }
    next = rest + 1;
  }
  return any;
}

// Calls `done`, less and less often, until it returns true or `timeout` has passed.
template <class Done>
bool Await(Duration timeout, Done done) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  for (auto pause = std::chrono::microseconds(kShortestPause); !done();
       pause = std::min<std::chrono::microseconds>(2 * pause, kLongestPause)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

std::string RelativePath(const ContainerId& id) {
  std::string path = id.value();
  std::replace(path.begin(), path.end(), '.', '/');
  return path;
}

std::optional<ContainerId> Parent(const ContainerId& id) {
  size_t dot = id.value().rfind('.');
  if (dot == std::string::npos) return std::nullopt;
  return ContainerId(id.value().substr(0, dot));
}

Status MakeCgroup(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || (errno == EEXIST && IsDirectory(path))) return {};
  return Fail(Code::kInternal, "Cannot create cgroup '{}': {}", path, std::strerror(errno));
}

// <root> may have several levels.
Status MakeRoot(const std::string& mount, const std::string& root) {
  size_t slash = 0;
  do {
    slash = root.find('/', slash + 1);
    Status made = MakeCgroup(mount + "/" + root.substr(0, slash));
    if (!made) return made;
  } while (slash != std::string::npos);
  return {};
}

}  // namespace

std::map<std::string, uint64_t> ParseStatistics(std::string_view text) {
  std::map<std::string, uint64_t> statistics;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    size_t space = line.find(' ');
    uint64_t value = 0;
    if (space == std::string_view::npos) continue;
    auto [end, error] = std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    if (error == std::errc()) statistics[std::string(line.substr(0, space))] = value;
  }
  return statistics;
}

Result<std::unique_ptr<Cgroups>> Cgroups::Open(const Options& options) {
  if (options.root.empty() || options.root.starts_with('/') ||
      options.root.find("..") != std::string::npos) {
    return Fail(Code::kInvalid, "--cgroups_root '{}' is not a path below the hierarchy",
                options.root);
  }
  struct statfs about;
  bool v2 =
      statfs(options.hierarchy.c_str(), &about) == 0 &&
      (about.f_type == CGROUP2_SUPER_MAGIC || Exists(options.hierarchy + "/cgroup.controllers"));
  Result<std::unique_ptr<Cgroups>> cgroups = v2 ? OpenV2(options) : OpenV1(options);
  if (!cgroups) return cgroups;
  Status locked = (*cgroups)->Lock();
  if (!locked) return Fail(locked.error());
  return cgroups;
}

Status Cgroups::Lock() {
  for (const std::string& base : distinct_bases_) {
    locks_.emplace_back(open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (locks_.back().valid() && TakeLock(locks_.back())) continue;
    return Fail(Code::kConflict,
                "Another agent has its containers in cgroup '{}'; stop it, or give this one a "
                "--cgroups_root of its own",
                base);
  }
  return {};
}

Result<std::unique_ptr<Cgroups>> Cgroups::OpenV1(const Options& options) {
  std::unique_ptr<Cgroups> cgroups(new Cgroups(Version::kV1, options.root));
  std::set<std::string> wanted = options.controllers;
  if (wanted.contains("cpu")) wanted.insert("cpuacct");
  if (IsDirectory(options.hierarchy + "/freezer")) wanted.insert("freezer");
  for (const std::string& controller : wanted) {
    std::string mount = options.hierarchy + "/" + controller;
    char real[PATH_MAX];
    // If several controllers are mounted together, each has a link to the mount.
    if (realpath(mount.c_str(), real) == nullptr || !Exists(mount + "/cgroup.procs")) {
      return Fail(Code::kInvalid,
                  "There is no cgroup hierarchy of controller '{}' at '{}'; mount it, or leave "
                  "the isolation that needs it out of --isolation",
                  controller, mount);
    }
    Status made = MakeRoot(real, options.root);
    if (!made) return Fail(made.error());
    std::string base = std::string(real) + "/" + options.root;
    cgroups->bases_[controller] = base;
    if (std::ranges::find(cgroups->distinct_bases_, base) == cgroups->distinct_bases_.end()) {
      cgroups->distinct_bases_.push_back(base);
    }
  }
  return cgroups;
}

Result<std::unique_ptr<Cgroups>> Cgroups::OpenV2(const Options& options) {
  std::unique_ptr<Cgroups> cgroups(new Cgroups(Version::kV2, options.root));
  Result<std::string> offered = ReadFile(options.hierarchy + "/cgroup.controllers");
  if (!offered) return Fail(offered.error());
  std::string spaced = " " + *offered + " ";
  std::ranges::replace(spaced, '\n', ' ');
  for (const std::string& controller : options.controllers) {
    if (spaced.find(" " + controller + " ") == std::string::npos) {
      return Fail(Code::kInvalid,
                  "The cgroup v2 hierarchy at '{}' does not offer controller '{}' (it offers: {})",
                  options.hierarchy, controller, offered->substr(0, offered->find('\n')));
    }
    cgroups->controllers_.insert(controller);
  }
  std::string base = options.hierarchy + "/" + options.root;
  Status made = MakeRoot(options.hierarchy, options.root);
  // Each level must delegate the controllers to the one below it.
  size_t slash = 0;
  std::string level = options.hierarchy;
  while (made) {
    made = cgroups->DelegateControllers(level);
    if (!made || slash == std::string::npos) break;
    slash = options.root.find('/', slash + 1);
    level = options.hierarchy + "/" + options.root.substr(0, slash);
  }
  if (made) made = MakeCgroup(base + "/" + kShims);
  if (!made) return Fail(made.error());
  cgroups->bases_[""] = base;
  cgroups->distinct_bases_.push_back(base);
  return cgroups;
}

Status Cgroups::DelegateControllers(const std::string& directory) const {
  if (controllers_.empty()) return {};
  return WriteFile(directory + "/cgroup.subtree_control",
                   fmt::format("+{}", fmt::join(controllers_, " +")));
}

std::string Cgroups::Directory(std::string_view controller, const ContainerId& id) const {
  auto base = bases_.find(version_ == Version::kV2 ? std::string_view() : controller);
  if (base == bases_.end())
    return "/nonexistent";  // For an isolator whose controller was not opened.
  return base->second + "/" + RelativePath(id);
}

std::vector<std::string> Cgroups::Directories(const ContainerId& id) const {
  std::vector<std::string> directories;
  for (const std::string& base : distinct_bases_) {
    directories.push_back(base + "/" + RelativePath(id));
  }
  return directories;
}

Status Cgroups::Create(const ContainerId& id) {
  const MutexLock lock(mutex_);
  for (const std::string& base : distinct_bases_) {
    Status created = CreateIn(base, id);
    if (created) continue;
    for (const std::string& directory : Directories(id)) {
      rmdir((directory + "/" + kLeaf).c_str());
      rmdir(directory.c_str());
    }
    RemoveImplicitParent(id);
    return created;
  }
  created_.insert(id);
  return {};
}

Status Cgroups::CreateIn(const std::string& base, const ContainerId& id) {
  if (std::optional<ContainerId> parent = Parent(id)) {
    std::string directory = base + "/" + RelativePath(*parent);
    Status made = MakeCgroup(directory);
    if (made && version_ == Version::kV2) made = DelegateControllers(directory);
    if (!made) return made;
  }
  std::string directory = base + "/" + RelativePath(id);
  // An existing cgroup is a leftover that may contain other processes.
  if (mkdir(directory.c_str(), 0755) != 0) {
    return Fail(Code::kInternal, "Cannot create cgroup '{}': {}", directory, std::strerror(errno));
  }
  return version_ == Version::kV2 ? MakeCgroup(directory + "/" + kLeaf) : Status();
}

Status Cgroups::Adopt(const ContainerId& id) {
  for (const std::string& directory : Directories(id)) {
    if (IsDirectory(directory)) continue;
    return Fail(
        Code::kNotFound,
        "There is no cgroup '{}': the container was started without it and has none of its limits",
        directory);
  }
  const MutexLock lock(mutex_);
  created_.insert(id);
  return {};
}

bool Cgroups::Holds(const ContainerId& id) const {
  const MutexLock lock(mutex_);
  return created_.contains(id);
}

std::vector<ContainerId> Cgroups::List() const {
  std::set<ContainerId> ids;
  for (const std::string& base : distinct_bases_) {
    for (const std::string& name : Subdirectories(base)) {
      if (IsUuid(name)) ids.emplace(name);
    }
  }
  return {ids.begin(), ids.end()};
}

void Cgroups::Join(const ContainerId& id, shim::Launch* launch) const {
  if (version_ == Version::kV2) {
    const std::string& base = distinct_bases_.front();
    launch->cgroup2 = base + "/" + RelativePath(id) + "/" + kLeaf;
    launch->shim_cgroups.push_back(base + "/" + kShims + "/cgroup.procs");
    return;
  }
  for (const std::string& base : distinct_bases_) {
    launch->cgroups.push_back(base + "/" + RelativePath(id) + "/tasks");
    launch->shim_cgroups.push_back(base + "/tasks");
  }
}

void Cgroups::Freeze(const ContainerId& id, bool frozen) const {
  if (version_ == Version::kV2) {
    (void)WriteFile(Directory("", id) + "/cgroup.freeze", frozen ? "1" : "0");
  } else if (bases_.contains("freezer")) {
    (void)WriteFile(Directory("freezer", id) + "/freezer.state", frozen ? "FROZEN" : "THAWED");
  }
}

// Returns false if no process is left. The cgroup is frozen meanwhile, so that no process can fork
// while the list is read.
bool Cgroups::KillRound(const ContainerId& id) const {
  std::string root = Directories(id).front();
  std::string all_at_once = root + "/cgroup.kill";
  if (version_ == Version::kV2 && Exists(all_at_once)) {
    Result<std::string> events = ReadFile(root + "/cgroup.events");
    if (events && ParseStatistics(*events)["populated"] == 0) return false;
    return WriteFile(all_at_once, "1").has_value();
  }
  std::vector<std::string> subtree;
  AppendSubtree(root, &subtree);
  auto populated = [](const std::string& directory) {
    Result<std::string> processes = ReadFile(directory + "/cgroup.procs");
    return processes && !processes->empty();
  };
  if (std::ranges::none_of(subtree, populated)) return false;
  Freeze(id, true);
  for (const std::string& directory : subtree) KillProcesses(directory);
  Freeze(id, false);
  return true;
}

bool Cgroups::Kill(const ContainerId& id, Duration timeout) const {
  if (distinct_bases_.empty()) return true;
  return Await(timeout, [&] { return !KillRound(id); });
}

Status Cgroups::Destroy(const ContainerId& id, Duration timeout) {
  auto begin = std::chrono::steady_clock::now();
  bool empty = Kill(id, timeout);
  Duration left = timeout - (std::chrono::steady_clock::now() - begin);
  std::string stuck;
  auto removed = [&] {
    stuck.clear();
    for (const std::string& directory : Directories(id)) {
      if (rmdir(directory.c_str()) == 0 || errno == ENOENT) continue;
      std::vector<std::string> subtree;
      AppendSubtree(directory, &subtree);
      for (const std::string& cgroup : subtree) rmdir(cgroup.c_str());
      if (Exists(directory)) stuck = directory;
    }
    return stuck.empty();
  };
  // A process that its parent has reaped may still be in the cgroup for a moment (EBUSY).
  bool gone = Await(std::max(left, Duration::zero()), removed);
  const MutexLock lock(mutex_);
  created_.erase(id);
  RemoveImplicitParent(id);
  if (gone) return {};
  return Fail(Code::kInternal, "Cannot remove cgroup '{}': {}", stuck,
              empty ? std::strerror(errno) : "processes in it outlive SIGKILL");
}

// A cgroup that exists only for nested containers is removed with the last of them.
void Cgroups::RemoveImplicitParent(const ContainerId& id) {
  std::optional<ContainerId> parent = Parent(id);
  if (!parent || created_.contains(*parent)) return;
  for (const std::string& directory : Directories(*parent)) rmdir(directory.c_str());
}

Result<std::string> Cgroups::Read(std::string_view controller, const ContainerId& id,
                                  std::string_view file) const {
  return ReadFile(fmt::format("{}/{}", Directory(controller, id), file));
}

Result<uint64_t> Cgroups::ReadNumber(std::string_view controller, const ContainerId& id,
                                     std::string_view file) const {
  Result<std::string> text = Read(controller, id, file);
  if (!text) return Fail(text.error());
  if (text->starts_with("max")) return std::numeric_limits<uint64_t>::max();
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc()) return number;
  return Fail(Code::kInternal, "'{}/{}' does not hold a number", Directory(controller, id), file);
}

Result<std::map<std::string, uint64_t>> Cgroups::ReadStatistics(std::string_view controller,
                                                                const ContainerId& id,
                                                                std::string_view file) const {
  Result<std::string> text = Read(controller, id, file);
  if (!text) return Fail(text.error());
  return ParseStatistics(*text);
}

Status Cgroups::Write(std::string_view controller, const ContainerId& id, std::string_view file,
                      std::string_view value) const {
  return WriteFile(fmt::format("{}/{}", Directory(controller, id), file), value);
}

}  // namespace tepui::containers
