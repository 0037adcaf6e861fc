// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <vector>

#include "shim/launch.h"

namespace tepui::containers {

// While this object exists, the calling thread reads and writes files as `user`: with that user's
// permissions, and as owner of what it creates. Other threads are not affected (the raw system
// calls act on one thread). Does nothing unless the process runs as root. Must be destroyed on the
// thread that created it.
class FilesystemIdentity {
 public:
  explicit FilesystemIdentity(const shim::Launch::User& user);
  ~FilesystemIdentity();
  FilesystemIdentity(const FilesystemIdentity&) = delete;
  FilesystemIdentity& operator=(const FilesystemIdentity&) = delete;

  // False if the kernel refused; then files must not be touched.
  bool taken() const { return taken_; }

 private:
  bool switched_ = false;
  bool taken_ = true;
  std::vector<gid_t> old_groups_;
  gid_t old_gid_ = 0;
};

}  // namespace tepui::containers
