#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// A key's version now; 0: not there. An error ends the plan.
using VersionLookup = std::function<Result<uint64_t>(std::string_view key)>;

// The version that each write of the batch gives its key, 0 for one that removes it, if every write
// finds what it expects; kConflict with the first that does not. The rule of every store.
Result<std::vector<uint64_t>> PlanVersions(const Batch& batch, const VersionLookup& lookup);

}  // namespace tepui::storage
