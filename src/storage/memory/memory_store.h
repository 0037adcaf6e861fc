// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mailbox.h"
#include "storage/limits.h"
#include "storage/store.h"

namespace tepui::storage {

// The data of memory stores. It outlives its handles, as a disk does. Single-threaded.
struct MemoryData {
  struct Record {
    std::string value;
    uint64_t version = 0;
  };
  std::map<std::string, Record, std::less<>> records;
  uint64_t epoch = 0;
  std::string writer;
};

// A store that ends with the process: for tests, the simulator and --registry=in_memory. Commits
// immediately and calls back through the poster. Handles that share a MemoryData are handles of one
// store.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(Poster poster,
                       std::shared_ptr<MemoryData> data = std::make_shared<MemoryData>(),
                       Limits limits = {});

  void Fence(Fenced done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(Batch batch, Done done) override;

 private:
  // Posts what `work` returns to `done`, unless too many calls wait already.
  template <class Callback, class Work>
  void Call(size_t bytes, Callback done, Work work);
  Status Apply(Batch batch);

  const std::shared_ptr<MemoryData> data_;
  const Limits limits_;
  uint64_t epoch_ = 0;  // 0: not fenced by this handle yet.
  std::optional<Error> lost_;
  Waiting waiting_;
  Mailbox mailbox_;
};

}  // namespace tepui::storage
