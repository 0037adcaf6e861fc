#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tepui/packed.pb.h"

namespace tepui::storage {

// Entries as they are packed into one node (proto/tepui/packed.proto). Pure.

// What a shard's node, or the journal, holds. kInternal with what is wrong, the sentence's
// predicate ("has ..."), if anything is that the writer of a store does not make.
Result<packed::Entries> UnpackShard(size_t shard, const std::string& data);
Result<packed::Entries> UnpackJournal(const std::string& data);

// Null: it is not there.
const packed::Entry* FindEntry(const packed::Entries& entries, std::string_view key);

// Puts the entry in its place, or removes its key if the version is 0. The name of the node that
// held the value before and holds it no more; empty: none did.
std::string PutEntry(packed::Entry entry, packed::Entries* entries);

}  // namespace tepui::storage
