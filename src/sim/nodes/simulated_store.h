#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/world/durable.h"
#include "sim/world/process.h"
#include "storage/limits.h"
#include "storage/memory/memory_store.h"

namespace tepui::sim {

// How the store of one process behaves: faults change it.
struct StoreBehaviour {
  // From a call until it takes effect, and from then until its callback.
  Duration min_delay = std::chrono::microseconds(200);
  Duration max_delay = std::chrono::milliseconds(10);
  // The store is lost at its next call: nothing more is answered well, though the first of what was
  // asked for may have been done.
  bool fails = false;
};

// A process' handle of what is durable: the masters' registry, an agent's disk. Calls take effect
// in their order, those that wait all at once; their callbacks come later. What has not taken
// effect when the process ends is lost; what has and was not told stays. A pause of the process
// keeps neither from happening: only the callbacks wait.
class SimulatedStore final : public storage::Store {
 public:
  // What is passed by reference outlives the store.
  SimulatedStore(Process& process, Host host, Durable& durable, const StoreBehaviour& behaviour,
                 SeededRandom random, storage::Limits limits = {});
  ~SimulatedStore() override;

  void TakeOver(TakenOver done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(storage::Batch batch, Done done) override;

  uint64_t epoch() const { return epoch_; }  // 0: has not taken over.

 private:
  struct Call {
    std::move_only_function<void()> apply;  // Its callback ends up in answers_.
    std::move_only_function<void(const Error&)> fail;
  };

  // `apply` asks inner_, with what it is given for the callback.
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
  bool busy_ = false;   // With a group of calls.
  TimerId effect_ = 0;  // The world's: a store does not pause with its client.
  TimerId answer_ = 0;  // The process'.
  std::vector<std::move_only_function<void()>> answers_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
  storage::MemoryStore inner_;  // Its callbacks go to answers_.
};

}  // namespace tepui::sim
