// SPDX-License-Identifier: Apache-2.0
#include "storage/versions.h"

#include <fmt/format.h>

#include <unordered_map>

namespace tepui::storage {
namespace {

std::string ConflictSentence(std::string_view key, uint64_t is, uint64_t expected) {
  if (expected == 0) return fmt::format("'{}' exists already, with version {}", key, is);
  if (is == 0) return fmt::format("'{}' does not exist; version {} was expected", key, expected);
  return fmt::format("'{}' has version {}; {} was expected", key, is, expected);
}

}  // namespace

Result<std::vector<uint64_t>> PlanVersions(const Batch& batch, const VersionLookup& lookup) {
  std::vector<uint64_t> planned;
  planned.reserve(batch.size());
  std::unordered_map<std::string_view, uint64_t> versions;  // After the writes seen so far.
  for (const Write& write : batch) {
    const auto [entry, added] = versions.try_emplace(write.key, 0);
    uint64_t& version = entry->second;
    if (added) {
      const Result<uint64_t> found = lookup(write.key);
      if (!found) return Fail(found.error());
      version = *found;
    }
    if (write.expected && *write.expected != version) {
      return Fail(Error{Code::kConflict, ConflictSentence(write.key, version, *write.expected)});
    }
    version = write.value ? version + 1 : 0;
    planned.push_back(version);
  }
  return planned;
}

}  // namespace tepui::storage
