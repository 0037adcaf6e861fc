// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "container/container_context.h"
#include "container/demand.h"
#include "container/features.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "shim/launch.h"

namespace tepui::containers {

// A limit that a container ran into.
struct Limitation {
  v1::TaskStatus::Reason reason;
  std::string message;
  Resources limited;
};

// A signal that a container may have run into a limit.
struct Alarm {
  FileDescriptor fd;
  uint32_t events = 0;  // Event flags of epoll.
  // Called when fd has one of the events. Returns true if the limit is the cause.
  std::function<bool(int fd)> rang;
};

// One kind of isolation (reference 5.4): each name of the --isolation flag that needs code has its
// class. All methods may block on the kernel for a moment and are called on worker threads, for
// different containers concurrently; for one container in this order:
//
//   Check, Prepare, Isolate, Watch, then Update, Limited and Usage any number of times, Limited,
//   Cleanup.
//
// Isolators are called in the order of the registry (isolators/registry.h), and cleaned up in the
// reverse order. Cleanup follows every successful Prepare and every Recover; it is also called,
// without either, for a container that is not claimed.
//
// Three steps can refuse a container, because each knows something that the earlier one does not:
//   Check    judges the request, before anything is fetched or made. Its sentence reaches the user
//            as it is, so it names what is wrong with the request.
//   Prepare  makes something, so it can fail.
//   Isolate  describes to the shim what was made, or reads it back. It is apart from Prepare
//            because it is needed again without making anything: a restarted agent asks for the
//            launch description of a running container, to run checks in it.
//
// After a restart of the agent, Recover takes the place of Prepare. (Check is asked again; if it
// refuses, the container runs on, but no checks run in it.) Recover gets the context made from the
// checkpointed LaunchSpec; most isolators find what they made by the container's id. An isolator
// that made something that id and context do not determine (an address, a mount) writes that to
// disk in Prepare, in a directory of its own in a file named by the id, before it makes it; Recover
// reads the file and Cleanup removes it last. An isolator must be able to clean up by the id alone,
// because nothing else is known of a container that is not claimed, and must name in Found what
// only it can find. State that Update, Limited or Usage need is kept by id in memory.
class Isolator {
 public:
  virtual ~Isolator() = default;

  virtual std::string_view name() const = 0;

  // Returns the features that this isolator provides with the agent's configuration. A container
  // that uses a feature of no isolator is refused.
  virtual Features handles() const { return {}; }

  // Returns kInvalid, with a sentence for the user, if this isolator does not give the container
  // what its spec asks for. Does not change anything.
  virtual Status Check(const ContainerContext&) { return {}; }
  // Creates what the container needs before its first process starts.
  virtual Status Prepare(const ContainerContext&) { return {}; }
  // Takes over what Prepare created before the agent's restart. The error names what is missing;
  // the container goes on without it.
  virtual Status Recover(const ContainerContext&) { return {}; }
  // Returns the containers of which this isolator finds something on the machine, even if this
  // agent did not create it.
  virtual std::vector<ContainerId> Found() { return {}; }
  // Adds what the shim has to do for this isolation, in the task and in every command that runs
  // beside it. Called after all isolators have prepared or recovered the container, possibly
  // several times. Does not change anything but the launch.
  virtual Status Isolate(const ContainerContext&, shim::Launch*) { return {}; }
  virtual std::optional<Alarm> Watch(const ContainerId&) { return std::nullopt; }
  virtual Status Update(const ContainerId&, const Demand&) { return {}; }
  // Returns the limit that the container has run into, if any. `alarmed` means that the alarm rang,
  // so that the limit must show soon.
  virtual std::optional<Limitation> Limited(const ContainerId&, bool /*alarmed*/) {
    return std::nullopt;
  }
  // Adds the statistics that this isolator knows. `shim` is the pid of the container's shim. What
  // cannot be read is left out, since the container may be ending.
  virtual void Usage(const ContainerId&, pid_t /*shim*/, v1::ResourceStatistics*) {}
  // Sends SIGKILL to every process of the container, if this isolator knows them.
  virtual void Kill(const ContainerId&) {}
  virtual Status Cleanup(const ContainerId&) { return {}; }
};

}  // namespace tepui::containers
