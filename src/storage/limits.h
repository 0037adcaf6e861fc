#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// What a write, or a batch, counts against kMaxBatchBytes and kMaxWaitingBytes.
size_t SizeOf(const Write& write);
size_t SizeOf(const Batch& batch);

// kInvalid or kTooLarge if a store of these limits may not take it.
Status CheckLimits(const Batch& batch, const Limits& limits = {});
Status CheckKey(std::string_view key);

// The length of the well-formed UTF-8 character at the front of `text`, which is not empty; 0 if
// there is none.
size_t CharacterLength(std::string_view text);

// The refusals and failures that every store words alike.
Error NotTakenOver();
Error Deposed(uint64_t own_epoch, uint64_t epoch, std::string_view writer);
Error ImportUnfinished(std::string_view store);

// In a store while an import runs: one that finds it at TakeOver holds only a part of what was to
// be imported, and refuses unless it is the importer's.
inline constexpr std::string_view kImportKey = ".import";

// Who takes a store over, for the people who find it taken: "pid 123 (tepui) on node7".
std::string ThisProcess();

// What waits for its callback, held to the limits of a Store.
class Waiting {
 public:
  // kTooLarge, and nothing is counted, if it may not wait as well.
  Status Add(size_t bytes);
  void Remove(size_t bytes);

 private:
  size_t calls_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tepui::storage
