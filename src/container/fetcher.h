// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "shim/launch.h"

namespace tepui::containers {

namespace v1 = ::mesos::v1;

// What to bring where.
struct FetchRequest {
  std::string id;         // Identifies the fetch for Cancel.
  FrameworkId framework;  // Frameworks take turns.
  v1::CommandInfo command;
  std::string sandbox;
  std::optional<shim::Launch::User> user;  // Absent: the agent's own.
  // The task's disk: what is fetched and unpacked must fit into it. Absent: it asked for none.
  std::optional<uint64_t> disk_bytes;
};

// Brings a task's URIs into its sandbox. Thread-safe.
class Fetcher {
 public:
  virtual ~Fetcher() = default;

  // Fetches all of `command.uris` into the sandbox, as the user. `done` runs once, on a thread of
  // the fetcher or inside Cancel; its error names the URI.
  virtual void Fetch(FetchRequest request, std::move_only_function<void(Status)> done) = 0;
  // Makes the fetch end soon, with kUnavailable. Does nothing if there is no such fetch.
  virtual void Cancel(const std::string& id) = 0;
};

}  // namespace tepui::containers
