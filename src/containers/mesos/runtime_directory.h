#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui::containers {

// How a task ended, as its shim has written it (shim/protocol.h).
struct ExitRecord {
  int pid = 0;
  uint64_t start_ticks = 0;
  int status = 0;  // As waitpid gives it.
};

// <runtime_dir>/containers: what there is of containers while no agent runs, a directory each.
//
//   <id>/socket   where the shim waits for the next agent
//   <id>/status   how the task has ended
//
// A container's directory is the first thing that is made of it and the last that goes, so that
// whatever an agent left half done can be found by it. Only the agent's own user can enter any of
// it (0700). One agent at a time: a lock on the directory goes with the process that holds it.
// Thread-safe; calls for one container must not overlap. Blocks.
class RuntimeDirectory {
 public:
  // Makes it if missing, and takes the lock. kConflict if another agent has it, kInvalid if it
  // belongs to another user.
  static Result<std::unique_ptr<RuntimeDirectory>> Open(const std::string& runtime_dir);

  // Makes the container's directory and returns its socket, listened on. kConflict if the directory
  // is there already.
  Result<FileDescriptor> Create(const ContainerId& id);

  // A connection to who listens for the container: its shim, or who is about to become it.
  // kNotFound if nobody does, kUnavailable if nobody comes to the door. What is then
  // sent or received over it waits for `patience` as well.
  Result<FileDescriptor> Connect(const ContainerId& id, Duration patience);

  // Where the shim is to write how the task ended, and what it wrote: kNotFound if it has not,
  // kInternal if it is not a record.
  std::string StatusFile(const ContainerId& id) const;
  Result<ExitRecord> ReadStatus(const ContainerId& id) const;

  // The container's directory goes. A missing one is success.
  Status Remove(const ContainerId& id);

  // All containers that have a directory.
  Result<std::vector<ContainerId>> List() const;

 private:
  RuntimeDirectory(std::string path, FileDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  FileDescriptor OpenContainer(const ContainerId& id) const;

  const std::string path_;
  const FileDescriptor directory_;  // Holds the lock.
};

}  // namespace tepui::containers
