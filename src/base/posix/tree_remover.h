// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/posix/file_descriptor.h"

namespace tepui {

// Empties a tree depth first. It descends by descriptors relative to each other, never by paths, so
// that a directory swapped for a link leads nowhere. Only two levels are open at a time, however
// deep the tree is: it ascends through "..", which must be the directory that it came from.
class TreeRemover {
 public:
  explicit TreeRemover(FileDescriptor root) : current_(std::move(root)) {}

  // The first failure, as a path below the root and its errno, which is 0 if there was none.
  struct Failure {
    std::string path;
    int error = 0;
  };

  // Blocks until all is removed that can be. Call it once.
  const Failure& Run();

 private:
  struct Level {
    std::string name;  // The child that was entered.
    dev_t device;
    ino_t inode;  // That of the directory that contains the child.
    std::vector<std::string> skipped;
    std::vector<std::string> pending;
  };

  bool Descend();
  bool List();
  int RemoveEntry(const std::string& name);
  bool Enter(const std::string& name);
  bool Ascend();
  bool Skipped(const std::string& name) const;
  void Skip(const std::string& name, int error);
  void Note(const std::string& name, int error);

  FileDescriptor current_;
  std::vector<Level> levels_;
  // In the current directory: entries that cannot be removed, and directories still to enter.
  std::vector<std::string> skipped_;
  std::vector<std::string> pending_;
  Failure failure_;
};

}  // namespace tepui
