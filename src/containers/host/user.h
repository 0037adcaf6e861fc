#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "shim/launch.h"

namespace tepui::containers {

// The ids of a user of this machine and of all groups he is in. kNotFound if there is no such user.
// Asks the user database, which may be on the network: blocks.
Result<shim::Launch::User> ResolveUser(const std::string& name);

// Users of this machine, each asked for once in a few seconds: tasks come in bursts, and mostly
// from the same users. Failures are not kept. Thread-safe.
class Users {
 public:
  // Whoever is taken from a group keeps it in tasks that start within this.
  static constexpr Duration kFresh = std::chrono::seconds(5);
  static constexpr size_t kMaxKept = 1024;  // Beyond it, all are forgotten.

  using Lookup = std::function<Result<shim::Launch::User>(const std::string& name)>;
  using Now = std::function<MonotonicTime()>;

  Users();
  Users(Lookup lookup, Now now) : lookup_(std::move(lookup)), now_(std::move(now)) {}

  // As ResolveUser.
  Result<shim::Launch::User> Resolve(const std::string& name);

 private:
  struct Known {
    shim::Launch::User user;
    MonotonicTime asked;
  };

  const Lookup lookup_;
  const Now now_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // Guarded by mutex_.
};

}  // namespace tepui::containers
