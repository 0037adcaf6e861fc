// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui {

// A directory that one agent has for itself: it belongs to the agent's user, nobody else can enter
// it (0700), and the agent holds a lock on it until this object is destroyed or the process ends.
// What is opened relative to `fd` stays private, even if somebody can rename a parent.
class PrivateDirectory {
 public:
  // For error sentences.
  struct Use {
    std::string_view purpose;  // "has its containers": what the agent that holds the lock does.
    std::string_view flag;     // "--runtime_dir": by what an operator chooses another place.
  };

  // Creates the directory if it is missing; its missing parents get the mode 0755. Returns kInvalid
  // if it is a link, belongs to another user or can be written by others, kConflict with the pid of
  // the holder if another agent has it, and kInternal if the file system fails. Waits as long as
  // TakeLock.
  static Result<PrivateDirectory> Take(const std::string& path, const Use& use);

  const std::string& path() const { return path_; }
  int fd() const { return directory_.get(); }

 private:
  PrivateDirectory(std::string path, FileDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::string path_;
  FileDescriptor directory_;  // Holds the lock.
};

// Creates `path` and its parents (0755) if they are missing, unless somebody else could exchange
// them: each directory and link on the way must belong to root or to this user, and must not be
// writable by others, unless it has the sticky bit, as /tmp has. Returns kInvalid with a sentence
// that names the first that is not so. For paths that the program chooses below a directory that
// everybody can write to.
Status MakeOwnDirectory(const std::string& path);

}  // namespace tepui
