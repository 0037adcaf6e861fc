// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "shim/launch.h"

namespace tepui::containers {

namespace v1 = ::mesos::v1;

// Brings a task's URIs into its sandbox. Thread-safe.
class Fetcher {
 public:
  virtual ~Fetcher() = default;

  // Fetches all of `command.uris` into `sandbox`, as `user` if given. `done` runs once, on a thread
  // of the fetcher; its error names the URI. `id` identifies the fetch for Cancel.
  virtual void Fetch(const std::string& id, const v1::CommandInfo& command,
                     const std::string& sandbox, const std::optional<shim::Launch::User>& user,
                     std::move_only_function<void(Status)> done) = 0;
  // Makes the fetch end soon, with kUnavailable. Does nothing if there is no such fetch.
  virtual void Cancel(const std::string& id) = 0;
};

}  // namespace tepui::containers
