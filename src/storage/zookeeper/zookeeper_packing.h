// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tepui/packed.pb.h"

namespace tepui::storage {

// How entries are packed into one node (proto/tepui/packed.proto). Does no I/O.

// Unpack the node of a shard, or the journal. If it contains anything that a writer never produces,
// they return kInternal with the predicate of a sentence ("has ...") that describes it.
Result<packed::Entries> UnpackShard(size_t shard, const std::string& data);
Result<packed::Entries> UnpackJournal(const std::string& data);

// Returns null if there is none.
const packed::Entry* FindEntry(const packed::Entries& entries, std::string_view key);

// Puts the entry in its place, or removes its key if the version is 0. Returns the name of the node
// that held the previous value and is no longer needed; empty if there was none.
std::string PutEntry(packed::Entry entry, packed::Entries* entries);

}  // namespace tepui::storage
