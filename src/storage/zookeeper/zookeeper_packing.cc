// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_packing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/limits.h"
#include "storage/zookeeper/zookeeper_layout.h"

namespace tepui::storage {
namespace {

constexpr size_t kMaxNodeName = 64;

auto PlaceOf(const packed::Entries& entries, std::string_view key) {
  return std::lower_bound(
      entries.entries().begin(), entries.entries().end(), key,
      [](const packed::Entry& entry, std::string_view other) { return entry.key() < other; });
}

// Accepts "EPOCH-COMMIT-INDEX"; nothing else may become a path.
bool IsNodeName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNodeName &&
         name.find_first_not_of("0123456789-") == std::string_view::npos;
}

Status CheckEntry(const packed::Entry& entry, bool may_be_removed) {
  const auto wrong = [](std::string_view why) { return Fail(Code::kInternal, "has {}", why); };
  if (!CheckKey(entry.key())) return wrong("a key that is not valid");
  const auto of = [&](std::string_view what) {
    return Fail(Code::kInternal, "has {} in the entry of '{}'", what, entry.key());
  };
  if (!entry.unknown_fields().empty()) return of("unknown fields");
  if (entry.version() == 0) {
    if (!may_be_removed) return of("no version");
    if (entry.has_value() || entry.has_node())
      return of("the version of a removed key and a value");
    return {};
  }
  if (entry.has_value() == entry.has_node()) return of("not exactly one of value and node");
  if (entry.value().size() > Store::kMaxValueBytes) return of("a value that is too large");
  if (entry.has_node() && !IsNodeName(entry.node())) return of("an invalid node name");
  return {};
}

// Unpacks a shard, or, if `shard` is absent, the journal.
Result<packed::Entries> Unpack(std::optional<size_t> shard, const std::string& data) {
  packed::Entries entries;
  if (!entries.ParseFromString(data) || !entries.unknown_fields().empty()) {
    return Fail(Code::kInternal, "has {} bytes that are not entries", data.size());
  }
  std::string_view last;
  for (const packed::Entry& entry : entries.entries()) {
    if (Status checked = CheckEntry(entry, !shard); !checked) {
      return Fail(checked.error());
    }
    if (shard && ZooKeeperLayout::ShardOf(entry.key()) != *shard) {
      return Fail(Code::kInternal, "has '{}', which belongs to another shard", entry.key());
    }
    if (entry.key() <= last) {
      return Fail(Code::kInternal, "has '{}' twice, or not in its place in the order", entry.key());
    }
    last = entry.key();
  }
  return entries;
}

}  // namespace

Result<packed::Entries> UnpackShard(size_t shard, const std::string& data) {
  return Unpack(shard, data);
}

Result<packed::Entries> UnpackJournal(const std::string& data) {
  return Unpack(std::nullopt, data);
}

const packed::Entry* FindEntry(const packed::Entries& entries, std::string_view key) {
  const auto place = PlaceOf(entries, key);
  return place != entries.entries().end() && place->key() == key ? &*place : nullptr;
}

std::string PutEntry(packed::Entry entry, packed::Entries* entries) {
  const auto place = PlaceOf(*entries, entry.key());
  const auto index = static_cast<int>(place - entries->entries().begin());
  std::string displaced;
  if (place != entries->entries().end() && place->key() == entry.key()) {
    if (place->node() != entry.node()) displaced = place->node();
    if (entry.version() == 0) {
      entries->mutable_entries()->DeleteSubrange(index, 1);
    } else {
      *entries->mutable_entries(index) = std::move(entry);
    }
  } else if (entry.version() != 0) {
    *entries->add_entries() = std::move(entry);
    for (int i = entries->entries_size() - 1; i > index; --i) {
      entries->mutable_entries()->SwapElements(i, i - 1);
    }
  }
  return displaced;
}

}  // namespace tepui::storage
