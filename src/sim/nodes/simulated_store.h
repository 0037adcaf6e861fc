// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/timer.h"
#include "sim/world/durable.h"
#include "sim/world/process.h"
#include "storage/limits.h"
#include "storage/memory/memory_store.h"

namespace tepui::sim {

// How the store of one process behaves; faults change it.
struct StoreBehaviour {
  // Delays from a call until it takes effect, and from then until its callback.
  Duration min_delay = std::chrono::microseconds(200);
  Duration max_delay = std::chrono::milliseconds(10);
  // The store is lost at its next call: no call succeeds any more, though the first calls in
  // progress may have taken effect.
  bool fails = false;
};

// A process' access to durable data: the masters' registry, an agent's disk. Calls take effect in
// order, all waiting ones at once; their callbacks run later. When the process ends, calls that
// have not taken effect are lost, and effects that were not reported remain. A pause of the process
// delays callbacks only, not effects.
class SimulatedStore final : public storage::Store {
 public:
  // Arguments passed by reference outlive the store.
  SimulatedStore(Process& process, Host host, Durable& durable, const StoreBehaviour& behaviour,
                 SeededRandom random, storage::Limits limits = {});

  void Fence(Fenced done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(storage::Batch batch, Done done) override;

  uint64_t epoch() const { return epoch_; }  // 0 until this handle has fenced the store.

 private:
  struct Call {
    std::move_only_function<void()> apply;  // Its callback is queued in answers_.
    std::move_only_function<void(const Error&)> fail;
  };

  // `apply` calls inner_ with the callback that it is given.
  template <class Callback, class Apply>
  void Add(Callback done, Apply apply);
  void Begin();
  void TakeEffect();
  void Answer();
  Duration NextDelay();

  Process& process_;
  const Host host_;
  Durable& durable_;
  const StoreBehaviour& behaviour_;
  SeededRandom random_;
  bool lost_ = false;
  uint64_t epoch_ = 0;
  std::vector<Call> waiting_;
  bool busy_ = false;  // A group of calls is in progress.
  Timer effect_;       // A timer of the world: a store does not pause with its client.
  Timer answer_;       // A timer of the process.
  std::vector<std::move_only_function<void()>> answers_;
  storage::MemoryStore inner_;  // Its callbacks go to answers_.
  Lifetime lifetime_;
};

}  // namespace tepui::sim
