// SPDX-License-Identifier: Apache-2.0
#include "containers/host/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

namespace tepui::containers {
namespace {

constexpr size_t kMaxEntryBytes = 1 << 20;

}  // namespace

Result<shim::Launch::User> ResolveUser(const std::string& name) {
  passwd entry;
  passwd* found = nullptr;
  std::vector<char> buffer(1024);
  int error;
  while ((error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
             ERANGE &&
         buffer.size() < kMaxEntryBytes) {
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    // Some databases report "not found" with these codes.
    bool absent = error == 0 || error == ENOENT || error == ESRCH;
    if (absent) return Fail(Code::kNotFound, "User '{}' does not exist on this agent", name);
    return Fail(Code::kUnavailable, "Cannot look up user '{}' on this agent: {}", name,
                std::strerror(error));
  }
  std::vector<gid_t> groups(32);
  int count = static_cast<int>(groups.size());
  while (getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) {
    if (static_cast<uint32_t>(count) > shim::kMaxGroups) {
      return Fail(Code::kInvalid, "User '{}' is in more than {} groups", name, shim::kMaxGroups);
    }
    groups.resize(static_cast<size_t>(count));
  }
  groups.resize(static_cast<size_t>(count));
  return shim::Launch::User{found->pw_uid, found->pw_gid, std::move(groups)};
}

Users::Users()
    : Users(ResolveUser, [] {
        auto since = std::chrono::steady_clock::now().time_since_epoch();
        return MonotonicTime(std::chrono::duration_cast<Duration>(since));
      }) {}

Result<shim::Launch::User> Users::Resolve(const std::string& name) {
  const MonotonicTime now = now_();
  {
    const MutexLock lock(mutex_);
    auto found = known_.find(name);
    if (found != known_.end() && now - found->second.asked < kFresh) return found->second.user;
  }
  // Without the lock: the answer may take seconds, while other users are in the cache.
  Result<shim::Launch::User> user = lookup_(name);
  if (!user) return user;
  const MutexLock lock(mutex_);
  if (known_.size() >= kMaxKept && !known_.contains(name)) known_.clear();
  known_[name] = {*user, now};
  return user;
}

}  // namespace tepui::containers
