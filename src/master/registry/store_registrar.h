#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/timer.h"
#include "master/registry/registrar.h"
#include "storage/store.h"

namespace tepui::master {

// The registrar of a master that leads: a record for each agent and removed framework in a store
// (proto/tepui/registry.proto, docs/storage.md). Changes are written in their order; those that
// wait share a commit.
class StoreRegistrar final : public Registrar {
 public:
  // `lost` runs once, on the master's thread, when the store is lost, did not write something
  // within `timeout`, or another master has taken it over: from then on nothing this master does is
  // durable, so the process must end. That is asked every kProbeInterval too: a leader that has
  // nothing to write must not learn in the middle of an incident that it leads no more. `store` was
  // taken over; it and `clock` outlive the registrar.
  static constexpr Duration kProbeInterval = std::chrono::seconds(10);
  StoreRegistrar(storage::Store& store, Clock& clock, Duration timeout,
                 std::move_only_function<void(const Error&)> lost);

  // Everything the registry holds. kInternal if a record cannot be read: the sentence names its
  // key.
  using Recovered = std::move_only_function<void(Result<RecoveredRegistry>)>;
  static void Recover(storage::Store& store, Recovered done);

  void Commit(RegistryChange change, Done done) override;

 private:
  // Bounds a prune's batches well below what a store takes.
  static constexpr size_t kMaxKeysPerBatch = 500;

  void Prune(const change::Prune& prune, Done done);
  void Write(storage::Batch batch, Done done);
  void ProbeLater();

  storage::Store& store_;
  Clock& clock_;
  const Duration timeout_;
  // Ends with the registrar: answers of the store that come later find nobody.
  struct Loss {
    void Report(const Error& error) {
      if (report) std::exchange(report, nullptr)(error);
    }
    std::move_only_function<void(const Error&)> report;
  };
  std::shared_ptr<Loss> loss_;
  Timer probe_;
};

// The entry of one agent or framework as a person reads it, for `tepui store inspect`; kInvalid if
// it is no record of the registry.
Result<std::string> DescribeRegistryEntry(const storage::Entry& entry);

}  // namespace tepui::master
