// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <unordered_map>

#include "base/mutex.h"
#include "resources/quantities.h"

namespace tepui {
namespace {

constexpr std::array<std::string_view, 5> kFixedNames = {"cpus", "mem", "disk", "gpus",
                                                         "ports"};  // Ordered as in ResourceNames.

// Every name that exists in the process. Reading a name takes no lock: who reads it holds a
// reference, and a place is written only while nobody does.
class NameTable {
 public:
  NameTable() {
    for (std::string_view name : kFixedNames) Append(name);
  }

  const std::string& text(uint16_t index) const {
    return *texts_[index].load(std::memory_order_acquire);
  }

  // Returns the index with a reference to it, or -1 if the table is full.
  int Acquire(std::string_view name) {
    {
      const ReaderLock lock(mutex_);
      if (auto it = indices_.find(name); it != indices_.end()) return Retain(it->second);
    }
    const WriterLock lock(mutex_);
    if (auto it = indices_.find(name); it != indices_.end()) return Retain(it->second);
    return free_.empty() && size_ == texts_.size() ? -1 : Append(name);
  }

  uint16_t Retain(uint16_t index) {
    references_[index].fetch_add(1, std::memory_order_relaxed);
    return index;
  }

  void Release(uint16_t index) {
    if (references_[index].fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const WriterLock lock(mutex_);
    // Meanwhile the name may have been acquired again, and even forgotten again by another thread.
    if (references_[index].load(std::memory_order_acquire) != 0) return;
    if (texts_[index].load(std::memory_order_relaxed) != nullptr) Forget(index);
  }

 private:
  uint16_t Append(std::string_view name) TEPUI_REQUIRES(mutex_) {
    const uint16_t index = FreeIndex();
    const auto* text = new std::string(name);  // Freed by Forget.
    references_[index].store(1, std::memory_order_relaxed);
    texts_[index].store(text, std::memory_order_release);
    indices_.emplace(*text, index);
    return index;
  }

  // Returns the lowest index that is free, so that what is kept by index stays small.
  uint16_t FreeIndex() TEPUI_REQUIRES(mutex_) {
    if (free_.empty()) return static_cast<uint16_t>(size_++);
    return free_.extract(free_.begin()).value();
  }

  void Forget(uint16_t index) TEPUI_REQUIRES(mutex_) {
    const std::string* text = texts_[index].exchange(nullptr, std::memory_order_relaxed);
    indices_.erase(*text);
    free_.insert(index);
    delete text;
  }

  SharedMutex mutex_;
  // Keys point into texts_.
  std::unordered_map<std::string_view, uint16_t> indices_ TEPUI_GUARDED_BY(mutex_);
  size_t size_ TEPUI_GUARDED_BY(mutex_) = 0;  // Indices from here on were never used.
  std::set<uint16_t> free_ TEPUI_GUARDED_BY(mutex_);
  std::array<std::atomic<const std::string*>, 1 << 16> texts_{};
  std::array<std::atomic<uint32_t>, 1 << 16> references_{};
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
  for (uint16_t i = 0; i < kFixed; ++i) {
    if (name == kFixedNames[i]) return ResourceName(i);
  }
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
  const int index = Names().Acquire(name);
  if (index < 0) {
    return Fail(Code::kUnavailable,
                "resource '{}' is refused for now: {} other names of resources are in use", name,
                1 << 16);
  }
  return ResourceName(static_cast<uint16_t>(index));
}

bool ResourceName::IsFixed(std::string_view name) {
  return std::ranges::find(kFixedNames, name) != kFixedNames.end();
}

void ResourceName::Retain() const { Names().Retain(index_); }

void ResourceName::Release() const { Names().Release(index_); }

const std::string& ResourceName::text() const { return Names().text(index_); }

}  // namespace tepui
