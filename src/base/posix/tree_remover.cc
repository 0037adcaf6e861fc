// SPDX-License-Identifier: Apache-2.0
#include "base/posix/tree_remover.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace tepui {
namespace {

constexpr size_t kMaxPending = 256;  // Per level of a tree.
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

struct CloseListing {
  void operator()(DIR* listing) const { closedir(listing); }
};
using Listing = std::unique_ptr<DIR, CloseListing>;

}  // namespace

const TreeRemover::Failure& TreeRemover::Run() {
  while (true) {
    if (Descend()) continue;
    if (levels_.empty() || !Ascend()) return failure_;
  }
}

// Enters a directory in the current one, and removes other entries on the way. Returns false if
// no directory is left.
bool TreeRemover::Descend() {
  do {
    while (!pending_.empty()) {
      std::string name = std::move(pending_.back());
      pending_.pop_back();
      if (Enter(name)) return true;
    }
  } while (List());
  return false;
}

// Removes every entry of the current directory that is not a directory or is an empty one, and
// notes some of the others. Returns false if there are no others.
bool TreeRemover::List() {
  int listing = openat(current_.get(), ".", kOpenDirectory);
  const Listing directory(listing < 0 ? nullptr : fdopendir(listing));
  if (directory == nullptr) {
    Note("", errno);
    if (listing >= 0) close(listing);
    return false;
  }
  while (const dirent* entry = readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == ".." || Skipped(name)) continue;
    int error = RemoveEntry(name);
    if (error == ENOTEMPTY) {
      pending_.push_back(name);
      if (pending_.size() >= kMaxPending) return true;
    } else if (error != 0) {
      Skip(name, error);
    }
  }
  return !pending_.empty();
}

// Returns 0 if the entry is gone, ENOTEMPTY if it is a directory to enter.
int TreeRemover::RemoveEntry(const std::string& name) {
  if (unlinkat(current_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return 0;
  int error = errno;
  if (unlinkat(current_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  if (errno == EEXIST) return ENOTEMPTY;
  return errno == ENOTDIR ? error : errno;
}

bool TreeRemover::Enter(const std::string& name) {
  FileDescriptor child(openat(current_.get(), name.c_str(), kOpenDirectory));
  struct stat about;
  if (!child.valid() || fstat(current_.get(), &about) != 0) {
    Skip(name, errno);
    return false;
  }
  levels_.push_back({name, about.st_dev, about.st_ino, std::move(skipped_), std::move(pending_)});
  skipped_.clear();
  pending_.clear();
  current_ = std::move(child);
  return true;
}

// Returns false if the tree was moved meanwhile: the directory above is not the one it came from.
bool TreeRemover::Ascend() {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  FileDescriptor parent(openat(current_.get(), "..", kOpenDirectory));
  struct stat about;
  if (!parent.valid() || fstat(parent.get(), &about) != 0 || about.st_dev != level.device ||
      about.st_ino != level.inode) {
    Note(level.name, ESTALE);
    return false;
  }
  current_ = std::move(parent);
  skipped_ = std::move(level.skipped);
  pending_ = std::move(level.pending);
  if (unlinkat(current_.get(), level.name.c_str(), AT_REMOVEDIR) != 0) Skip(level.name, errno);
  return true;
}

bool TreeRemover::Skipped(const std::string& name) const {
  for (const std::string& skipped : skipped_) {
    if (skipped == name) return true;
  }
  return false;
}

void TreeRemover::Skip(const std::string& name, int error) {
  Note(name, error);
  skipped_.push_back(name);
}

void TreeRemover::Note(const std::string& name, int error) {
  if (failure_.error != 0) return;
  for (const Level& level : levels_) failure_.path += level.name + "/";
  failure_.path += name;
  failure_.error = error;
}

}  // namespace tepui
