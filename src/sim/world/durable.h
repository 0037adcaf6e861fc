// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "sim/world/paths.h"
#include "storage/memory/memory_store.h"

namespace tepui::sim {

// What stores write to (SimulatedStore): outlives their processes, and refuses the writes of a
// process after another one has fenced the store.
class Durable {
 public:
  virtual ~Durable() = default;

  const std::shared_ptr<storage::MemoryData>& data() const { return data_; }
  uint64_t epoch() const { return data_->epoch; }

  // `host` has begun the present epoch with its store.
  virtual void OnFenced(const Host& host) { data_->writer = host; }
  // Run before and after a batch is applied.
  virtual void BeforeCommit(const storage::Batch&) {}
  virtual void AfterCommit(uint64_t /*epoch*/) {}

 private:
  const std::shared_ptr<storage::MemoryData> data_ = std::make_shared<storage::MemoryData>();
};

}  // namespace tepui::sim
