// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui::containers {

// Starts processes of the shim's executable. The time that takes depends neither on the size of
// this process nor on the number of its open files (two for each running task), because neither its
// page tables nor its descriptor table is copied. Thread-safe.
class ShimStarter {
 public:
  // `at_once` starts can run at the same time; further ones wait. Call this early in the process,
  // while low descriptors are free: a new process gets a copy of the descriptors below those taken
  // here. Returns kInternal if memory or descriptors run out.
  static Result<std::unique_ptr<ShimStarter>> Create(int at_once);

  struct Started {
    pid_t pid;
    FileDescriptor pidfd;
  };

  // Starts a process with `control` as its descriptor shim::kControlFd and `listener`, if it is not
  // -1, as shim::kListenFd. `name` is its argument, shown by ps. Blocks until the process has
  // called exec, well under a millisecond on an idle machine.
  Result<Started> Start(int control, int listener, std::string name);

 private:
  class Place;
  // Low descriptors, always open, onto which a start duplicates its sockets.
  struct Numbers {
    FileDescriptor control;
    FileDescriptor listener;
  };

  ShimStarter(FileDescriptor image, std::vector<Numbers> places);

  // The shim's executable in sealed memory: no process, not even one of root through
  // /proc/<pid>/exe, can change a byte of it.
  const FileDescriptor image_;
  const std::vector<Numbers> places_;
  unsigned first_not_copied_ = 0;  // Set once.

  Mutex mutex_;
  CondVar place_free_;
  std::vector<const Numbers*> free_places_ TEPUI_GUARDED_BY(mutex_);
};

}  // namespace tepui::containers
