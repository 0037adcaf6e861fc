// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_layout.h"

#include <fmt/format.h>
#include <zlib.h>

#include <charconv>

namespace tepui::storage {

std::string ZooKeeperLayout::value(size_t shard_number, std::string_view name) const {
  return fmt::format("{}/{}", shard(shard_number), name);
}

size_t ZooKeeperLayout::ShardOf(std::string_view key) {
  return crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(key.data()), key.size()) %
         kShards;
}

std::string ZooKeeperLayout::NameOf(size_t shard) { return fmt::format("{:03x}", shard); }

std::optional<size_t> ZooKeeperLayout::ShardNamed(std::string_view name) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
  if (error != std::errc() || number >= kShards || NameOf(number) != name) return std::nullopt;
  return number;
}

}  // namespace tepui::storage
