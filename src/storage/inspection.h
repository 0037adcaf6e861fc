// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// A store's description of itself.
struct Facts {
  std::string place;  // "the SQLite file /var/lib/tepui/registry.db".
  uint64_t schema = 0;
  uint64_t epoch = 0;  // 0: no writer has fenced it yet.
  std::string writer;  // The last writer that fenced it, and when; empty if there is none.
};

// A store that outlives the process and can be inspected with `tepui store`.
class InspectableStore : public Store {
 public:
  using Described = std::move_only_function<void(Result<Facts>)>;
  using Checked = std::move_only_function<void(Result<std::vector<std::string>>)>;

  virtual void Describe(Described done) = 0;

  // Reads everything and verifies what can be verified. Returns a sentence per problem, at most
  // kMaxProblems; no sentence means that the store is sound.
  virtual void Check(Checked done) = 0;

  static constexpr size_t kMaxProblems = 100;
};

// What a handle may do. kImport may also write to a store in which an import was left unfinished.
enum class Access { kRead, kWrite, kImport };

}  // namespace tepui::storage
