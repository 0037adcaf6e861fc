// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "shim/launch.h"

namespace tepui::containers {

// What a container may use.
struct Demand {
  Resources requests;
  std::vector<std::pair<std::string, double>> limits;  // By resource name; infinity: no limit.

  std::optional<double> Limit(std::string_view name) const {
    for (const auto& [limited, value] : limits) {
      if (limited == name) return value;
    }
    return std::nullopt;
  }
};

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

// One kind of isolation (reference 5.4): each name of the --isolation flag has its class. All
// methods may block on the kernel for a moment and are called on worker threads, for different
// containers concurrently; for one container in this order:
//
//   Prepare, Isolate, Watch, then Update, Limited and Usage any number of times, Limited, Cleanup.
//
// For a container that was prepared before the agent's restart, Recover takes the place of Prepare.
// Cleanup follows every successful Prepare and every Recover; it is also called, without either,
// for a container that is not claimed. Isolators are prepared in the order of Isolation::Create and
// cleaned up in the reverse order.
class Isolator {
 public:
  virtual ~Isolator() = default;

  virtual std::string_view name() const = 0;

  // Creates what the container needs before its first process starts.
  virtual Status Prepare(const ContainerId&, const Demand&) { return {}; }
  // Takes over what Prepare created before the agent's restart. The error names what is missing;
  // the container goes on without it.
  virtual Status Recover(const ContainerId&) { return {}; }
  // Returns the containers of which this isolator finds something on the machine, even if this
  // agent did not create it.
  virtual std::vector<ContainerId> Found() { return {}; }
  // Adds what the shim has to do for this isolation.
  virtual void Isolate(const ContainerId&, const Demand&, shim::Launch*) {}
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
