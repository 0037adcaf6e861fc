// SPDX-License-Identifier: Apache-2.0
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

// The registrar of a leading master. It keeps one record for each agent and removed framework in a
// store (proto/tepui/registry.proto, docs/storage.md). Changes are written in the order of the
// calls; changes that wait share a commit.
class StoreRegistrar final : public Registrar {
 public:
  // `lost` runs once, on the master's thread, when the store is lost, did not write a change within
  // `timeout`, or was taken over by another master: from then on nothing this master does is
  // durable, so the process must end. An empty write checks this every kProbeInterval, so that a
  // leader with nothing to write does not learn only during an incident that it no longer leads.
  // The caller has taken `store` over; it and `clock` outlive the registrar.
  static constexpr Duration kProbeInterval = std::chrono::seconds(10);
  StoreRegistrar(storage::Store& store, Clock& clock, Duration timeout,
                 std::move_only_function<void(const Error&)> lost);

  // Reads everything the registry holds. Error kInternal if a record cannot be read; the sentence
  // names its key.
  using Recovered = std::move_only_function<void(Result<RecoveredRegistry>)>;
  static void Recover(storage::Store& store, Recovered done);

  void Commit(RegistryChange change, Done done) override;

 private:
  // Bounds a prune's batches well below the size limit of a store.
  static constexpr size_t kMaxKeysPerBatch = 500;

  void Prune(const change::Prune& prune, Done done);
  void Write(storage::Batch batch, Done done);
  void Lose(const Error& error);
  void ProbeLater();

  storage::Store& store_;
  Clock& clock_;
  const Duration timeout_;
  std::move_only_function<void(const Error&)> lost_;  // Empty once it ran.
  Timer probe_;
  Lifetime lifetime_;
};

// Returns the entry of one agent or framework in readable form, for `tepui store inspect`. Error
// kInvalid if it is not a record of the registry.
Result<std::string> DescribeRegistryEntry(const storage::Entry& entry);

}  // namespace tepui::master
