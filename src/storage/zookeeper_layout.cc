#include "storage/zookeeper_layout.h"

#include <fmt/format.h>
#include <zlib.h>

#include "storage/limits.h"

namespace tepui::storage {
namespace {

// Type, lengths, version and ACL around an operation's path and data.
constexpr size_t kOperationBytes = 100;

// The UTF-8 character at the front, as its code.
uint32_t CodeOf(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    case 3:
      return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    default:
      return 0x10000;  // Which of them matters not.
  }
}

// What the server's check of paths lets through, as its UTF-16 sees it; "%" and ":" are ours.
bool StandsForItself(uint32_t code) {
  if (code == '%' || code == ':') return false;
  if (code < 0x20 || (code >= 0x7F && code <= 0x9F)) return false;
  return code < 0xD800 || (code > 0xF8FF && code < 0xFFF0);
}

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

std::string ZooKeeperLayout::bucket(size_t number) const {
  return fmt::format("{}/entries/{:02x}", root_, number);
}

std::string ZooKeeperLayout::PathOf(std::string_view key) const {
  return fmt::format("{}/{}", bucket(BucketOf(key)), NameOf(key));
}

size_t ZooKeeperLayout::BucketOf(std::string_view key) {
  return crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(key.data()), key.size()) %
         kBuckets;
}

std::string ZooKeeperLayout::NameOf(std::string_view key) {
  std::string name;
  name.reserve(key.size());
  const bool is_dots = key == "." || key == "..";
  while (!key.empty()) {
    const std::string_view character = key.substr(0, CharacterLength(key));
    if (character == "/") {
      name += ':';
    } else if (!is_dots && StandsForItself(CodeOf(character))) {
      name += character;
    } else {
      for (const char c : character) {
        name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
      }
    }
    key.remove_prefix(character.size());
  }
  return name;
}

std::optional<std::string> ZooKeeperLayout::KeyOf(std::string_view name) {
  std::string key;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == ':') {
      key += '/';
    } else if (name[i] != '%') {
      key += name[i];
    } else {
      if (i + 2 >= name.size()) return std::nullopt;
      const auto high = HexDigit(name[i + 1]);
      const auto low = HexDigit(name[i + 2]);
      if (!high || !low) return std::nullopt;
      key += static_cast<char>(*high << 4 | *low);
      i += 2;
    }
  }
  if (!CheckKey(key) || NameOf(key) != name) return std::nullopt;
  return key;
}

size_t ZooKeeperLayout::WireBytes(const Batch& batch) const {
  size_t bytes = 0;
  for (const Write& write : batch) {
    bytes += kOperationBytes + PathOf(write.key).size() + (write.value ? write.value->size() : 0);
  }
  return bytes;
}

}  // namespace tepui::storage
