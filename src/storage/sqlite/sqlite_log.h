// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace tepui::storage {

// Returns how many transactions are complete in the write-ahead log at `path` behind its first
// `valid` frames, which are those that SQLite could read; 0 if there is no log. SQLite rolls such
// transactions back without a word. They were acknowledged, because a transaction that a crash
// interrupted lacks its last frame.
size_t CountRolledBack(const std::string& path, size_t valid);

}  // namespace tepui::storage
