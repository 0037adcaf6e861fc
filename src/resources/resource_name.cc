// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <unordered_map>

#include "base/mutex.h"
#include "resources/quantities.h"

namespace tepui {
namespace {

// Every name that the process has seen. Reading a name takes no lock: a slot is written once,
// before its index is returned.
class NameTable {
 public:
  NameTable() {
    for (const char* name : {"cpus", "mem", "disk", "gpus", "ports"}) Append(name);
  }

  const std::string& text(uint16_t index) const {
    return *texts_[index].load(std::memory_order_acquire);
  }

  // Returns the index, or -1 if the table is full.
  int IndexOf(std::string_view name) {
    {
      const ReaderLock lock(mutex_);
      if (auto it = indices_.find(name); it != indices_.end()) return it->second;
    }
    const WriterLock lock(mutex_);
    if (auto it = indices_.find(name); it != indices_.end()) return it->second;
    return size_ == texts_.size() ? -1 : Append(name);
  }

 private:
  uint16_t Append(std::string_view name) TEPUI_REQUIRES(mutex_) {
    const auto* text = new std::string(name);  // Never freed.
    const auto index = static_cast<uint16_t>(size_++);
    texts_[index].store(text, std::memory_order_release);
    indices_.emplace(*text, index);
    return index;
  }

  SharedMutex mutex_;
  // Keys point into texts_.
  std::unordered_map<std::string_view, uint16_t> indices_ TEPUI_GUARDED_BY(mutex_);
  size_t size_ TEPUI_GUARDED_BY(mutex_) = 0;
  std::array<std::atomic<const std::string*>, 1 << 16> texts_{};
};

NameTable& Names() {
  static auto& names =
      *new NameTable;  // Never destroyed: resources may outlive static destructors.
  return names;
}

bool IsOdd(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f ||
         std::string_view("()[]{}<>:;,\"\\").find(c) != std::string_view::npos;
}

}  // namespace

Result<ResourceName> ResourceName::Of(std::string_view name) {
  if (name == "cpus") return ResourceNames::Cpus();
  if (name == "mem") return ResourceNames::Mem();
  if (name.empty()) return Fail(Code::kInvalid, "a resource must have a name");
  if (name.size() > kMaxLength) {
    return Fail(Code::kInvalid, "the resource name '{}...' is longer than {} characters",
                name.substr(0, 32), kMaxLength);
  }
  for (char c : name) {
    if (IsOdd(c)) {
      return Fail(Code::kInvalid,
                  "the resource name '{}' contains white space, a control character or one of "
                  "()[]{{}}<>:;,\"\\",
                  name);
    }
  }
  const int index = Names().IndexOf(name);
  if (index < 0) {
    return Fail(Code::kTooLarge,
                "resource '{}' is refused: this process knows {} resource names already", name,
                1 << 16);
  }
  return ResourceName(static_cast<uint16_t>(index));
}

const std::string& ResourceName::text() const { return Names().text(index_); }

}  // namespace tepui
