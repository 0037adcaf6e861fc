// SPDX-License-Identifier: Apache-2.0
#include "containers/host/filesystem_identity.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace tepui::containers {

namespace {

// glibc's setgroups changes all threads of the process; the system call changes the caller.
bool SetThreadGroups(const std::vector<gid_t>& groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// setfsuid and setfsgid report no errors; a call with an impossible id returns the current one.
constexpr uid_t kAsk = static_cast<uid_t>(-1);

}  // namespace

FilesystemIdentity::FilesystemIdentity(const shim::Launch::User& user) {
  if (geteuid() != 0 || user.uid == 0) return;
  const int count = getgroups(0, nullptr);
  old_groups_.resize(count > 0 ? static_cast<size_t>(count) : 0);
  if (count > 0 && getgroups(count, old_groups_.data()) != count) {
    taken_ = false;
    return;
  }
  old_gid_ = getegid();
  switched_ = true;
  taken_ = SetThreadGroups(user.groups);
  setfsgid(user.gid);
  setfsuid(user.uid);  // Last: from here on the thread has only the user's rights over files.
  taken_ = taken_ && static_cast<uid_t>(setfsuid(kAsk)) == user.uid &&
           static_cast<gid_t>(setfsgid(kAsk)) == user.gid;
}

FilesystemIdentity::~FilesystemIdentity() {
  if (!switched_) return;
  setfsuid(0);
  setfsgid(old_gid_);
  // A thread stuck with one user's rights must not serve another task.
  if (!SetThreadGroups(old_groups_) || setfsuid(kAsk) != 0) std::abort();
}

}  // namespace tepui::containers
