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
  std::vector<std::pair<std::string, double>> limits;  // By resource name; infinity means none.

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

// What tells that a container may have run into a limit.
struct Alarm {
  FileDescriptor fd;
  uint32_t events = 0;  // As epoll takes them.
  // Called when fd has one of the events; whether it is the limit.
  std::function<bool(int fd)> rang;
};

// One kind of isolation (reference 5.4): a class, a name of the --isolation flag. Everything may
// block on the kernel for a moment and is called on worker threads, for different containers at
// once; for one container in this order:
//
//   Prepare, Isolate, Watch, then Update, Limited and Usage any number of times, Limited, Cleanup.
//
// or, for a container that an agent before this one prepared, Recover in the place of Prepare.
// Cleanup follows every successful Prepare and every Recover; also of a container that nobody
// claims, without either. Isolators are prepared in the order of
// Isolation::Create and cleaned up in the reverse one.
class Isolator {
 public:
  virtual ~Isolator() = default;

  virtual std::string_view name() const = 0;

  // Makes what the container needs before its first process.
  virtual Status Prepare(const ContainerId&, const Demand&) { return {}; }
  // Takes back what Prepare has made in an earlier life of the agent; what is not there is told.
  // The container goes on without it.
  virtual Status Recover(const ContainerId&) { return {}; }
  // The containers that this isolator finds something of, whoever made it.
  virtual std::vector<ContainerId> Found() { return {}; }
  // What the shim has to do for it.
  virtual void Isolate(const ContainerId&, const Demand&, shim::Launch*) {}
  virtual std::optional<Alarm> Watch(const ContainerId&) { return std::nullopt; }
  virtual Status Update(const ContainerId&, const Demand&) { return {}; }
  // Whether the container has run into a limit. `alarmed`: the alarm rang, so that it soon must
  // show.
  virtual std::optional<Limitation> Limited(const ContainerId&, bool /*alarmed*/) {
    return std::nullopt;
  }
  // Adds what it knows. `shim` is the pid of the container's shim. What cannot be read is left out:
  // the container may be ending.
  virtual void Usage(const ContainerId&, pid_t /*shim*/, v1::ResourceStatistics*) {}
  // SIGKILL to every process, if this isolator knows them.
  virtual void Kill(const ContainerId&) {}
  virtual Status Cleanup(const ContainerId&) { return {}; }
};

}  // namespace tepui::containers
