// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// Returns how many bytes of kMaxBatchBytes and kMaxWaitingBytes a write or a batch takes.
size_t SizeOf(const Write& write);
size_t SizeOf(const Batch& batch);

// Return kInvalid or kTooLarge if a store with these limits must refuse it.
Status CheckLimits(const Batch& batch, const Limits& limits = {});
Status CheckKey(std::string_view key);

// Returns the length of the well-formed UTF-8 character at the front of `text`, which must not be
// empty; 0 if there is none.
size_t CharacterLength(std::string_view text);

// Refusals and failures with the same wording in every store.
Error NotTheWriter();
Error Deposed(uint64_t own_epoch, uint64_t epoch, std::string_view writer);
Error ImportUnfinished(std::string_view store);

// A key that exists while an import runs. A store that contains it at Fence holds only a part of
// what was to be imported, and refuses every handle but the importer's.
inline constexpr std::string_view kImportKey = ".import";

// Names this process, for people who find a store taken over by it: "pid 123 (tepui) on node7".
std::string ThisProcess();

// Counts the calls that wait for their callbacks, and enforces the limits of a Store.
class Waiting {
 public:
  // Returns kTooLarge, and counts nothing, if one more call would exceed a limit.
  Status Add(size_t bytes);
  void Remove(size_t bytes);

 private:
  size_t calls_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tepui::storage
