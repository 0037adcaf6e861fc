// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/timer.h"
#include "master/core/master.h"
#include "master/registry/store_registrar.h"
#include "storage/store.h"

namespace tepui::master {

struct RegistryTimeouts {
  Duration fetch = std::chrono::minutes(1);   // For recovering the registry.
  Duration store = std::chrono::seconds(20);  // For writing one change.
};

// A master's term as leader, which lasts until the process ends. It takes the store over, so that
// no earlier leader can write any more, recovers the registry, then constructs the Master.
// Construct it when the election is won, or at once where there is no election. It does no I/O of
// its own and runs on the thread of its Clock.
class Leadership {
 public:
  // What the master works with. All of it outlives this object.
  struct Parts {
    Clock& clock;
    Random& random;
    Links& links;
    storage::Store& store;
    ReadModelSink& sink;
  };

  // `leads` runs once, when master() is not null any more. `ended` runs once if the process must
  // end: the registry could not be read, the store is lost, another master leads, or the master
  // called Options::exit. Neither runs inside the constructor; neither may destroy this object.
  Leadership(Options options, RegistryTimeouts timeouts, const Parts& parts,
             std::function<void()> leads, std::move_only_function<void(const Error&)> ended);
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  // Null until the registry is recovered, and again after the end.
  Master* master() { return ended_ ? master_.get() : nullptr; }

 private:
  void Recover();
  void OnRecovered(Result<RecoveredRegistry> registry);
  void End(const Error& why);

  Options options_;
  const RegistryTimeouts timeouts_;
  const Parts parts_;
  const std::function<void()> leads_;
  std::move_only_function<void(const Error&)> ended_;  // Empty once it ran.
  Timer fetch_timer_;
  std::optional<StoreRegistrar> registrar_;
  std::unique_ptr<Master> master_;
  Lifetime lifetime_;
};

}  // namespace tepui::master
