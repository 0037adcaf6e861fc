// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "shim/launch.h"

namespace tepui::containers {

// Returns the ids of a user of this machine and of all the user's groups; kNotFound if there is no
// such user. Blocks on the user database, which may be on the network.
Result<shim::Launch::User> ResolveUser(const std::string& name);

// Caches the users of this machine for a few seconds: tasks arrive in bursts, mostly from the same
// users. Failures are not cached. Thread-safe.
class Users {
 public:
  // A user removed from a group keeps it in tasks that start within this time.
  static constexpr Duration kFresh = std::chrono::seconds(5);
  static constexpr size_t kMaxKept = 1024;  // When it is full, all are dropped.

  using Lookup = std::function<Result<shim::Launch::User>(const std::string& name)>;
  using Now = std::function<MonotonicTime()>;

  Users();
  Users(Lookup lookup, Now now) : lookup_(std::move(lookup)), now_(std::move(now)) {}

  // Like ResolveUser.
  Result<shim::Launch::User> Resolve(const std::string& name);

 private:
  struct Known {
    shim::Launch::User user;
    MonotonicTime asked;
  };

  const Lookup lookup_;
  const Now now_;
  Mutex mutex_;
  std::map<std::string, Known> known_ TEPUI_GUARDED_BY(mutex_);
};

}  // namespace tepui::containers
