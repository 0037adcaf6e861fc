// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// Returns a key's current version, or 0 if it does not exist. An error ends PlanVersions.
using VersionLookup = std::function<Result<uint64_t>(std::string_view key)>;

// Returns the version that each write of the batch gives its key (0 for a removal) if every write
// finds the version it expects; otherwise kConflict, naming the first that does not. All stores use
// this rule.
Result<std::vector<uint64_t>> PlanVersions(const Batch& batch, const VersionLookup& lookup);

}  // namespace tepui::storage
