// SPDX-License-Identifier: Apache-2.0
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

// How a task ended, as recorded by its shim (shim/protocol.h).
struct ExitRecord {
  int pid = 0;
  uint64_t start_ticks = 0;
  int status = 0;  // The status from waitpid.
};

// <runtime_dir>/containers: what is known of containers while no agent runs, in one directory per
// container.
//
//   <id>/socket   where the shim waits for the next agent
//   <id>/status   how the task has ended
//   <id>/status.new   the task may have started
//
// A container's directory is created before anything else of the container and removed last, so
// that whatever an agent left half done can be found through it. Only the agent's own user can
// enter these directories (0700). Only one agent can use them at a time: it holds a lock on the
// directory until its process ends. Thread-safe; calls for one container must not overlap. Blocks.
class RuntimeDirectory {
 public:
  // Creates the directory if it is missing and takes the lock. Returns kConflict if another agent
  // holds the lock, kInvalid if the directory belongs to another user.
  static Result<std::unique_ptr<RuntimeDirectory>> Open(const std::string& runtime_dir);

  // Creates the container's directory and returns its listening socket. Returns kConflict if the
  // directory exists already.
  Result<FileDescriptor> Create(const ContainerId& id);

  // Connects to the container's listener: its shim, or the process that is about to become its
  // shim. Returns kNotFound if no process listens, kUnavailable if the listener does not accept the
  // connection in time. Sending and receiving on the connection also time out after `patience`.
  Result<FileDescriptor> Connect(const ContainerId& id, Duration patience);

  // The path where the shim writes how the task ended, and the record it wrote: kNotFound if there
  // is none yet, kInternal if the file does not hold a record.
  std::string StatusFile(const ContainerId& id) const;
  Result<ExitRecord> ReadStatus(const ContainerId& id) const;

  // Returns false if the container's program has never run (shim::kMarkSuffix).
  bool MayHaveRun(const ContainerId& id) const;

  // Removes the container's directory. A missing one is success.
  Status Remove(const ContainerId& id);

  // Returns all containers that have a directory.
  Result<std::vector<ContainerId>> List() const;

 private:
  RuntimeDirectory(std::string path, FileDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  FileDescriptor OpenContainer(const ContainerId& id) const;

  const std::string path_;
  const FileDescriptor directory_;  // Holds the lock.
};

}  // namespace tepui::containers
