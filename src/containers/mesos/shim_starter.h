#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui::containers {

// Makes processes of the shim's executable, in a time that depends neither on the size of this
// process nor on how many files it has open (two for each task that runs): neither its page tables
// nor its table of descriptors is copied. Thread-safe.
class ShimStarter {
 public:
  // `at_once` starts go on at the same time, further ones wait. To be made early in the life of the
  // process, while low descriptors are free: a new process gets a copy of those below the ones
  // taken here. kInternal if there is no memory or no descriptor.
  static Result<std::unique_ptr<ShimStarter>> Create(int at_once);

  struct Started {
    pid_t pid;
    FileDescriptor pidfd;
  };

  // A new process with `control` as its descriptor shim::kControlFd and `listener`, if it is not
  // -1, as shim::kListenFd. `name` is its argument, for ps. Blocks until the process has called
  // exec, well under a millisecond on an idle machine.
  Result<Started> Start(int control, int listener, std::string name);

 private:
  class Place;
  // Low numbers, always open, where a start puts its sockets.
  struct Numbers {
    FileDescriptor control;
    FileDescriptor listener;
  };

  ShimStarter(FileDescriptor image, std::vector<Numbers> places);

  // The shim's executable in memory, sealed: nobody who gets hold of it, not even root by way of
  // /proc/<pid>/exe, can change a byte of it.
  const FileDescriptor image_;
  const std::vector<Numbers> places_;
  unsigned first_not_copied_ = 0;  // Set once.

  std::mutex mutex_;
  std::condition_variable place_free_;
  std::vector<const Numbers*> free_places_;  // Guarded by mutex_.
};

}  // namespace tepui::containers
