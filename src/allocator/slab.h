// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tepui::allocator {

// The number of a slot in a Slab, with a type of its own for each kind of element. Numbers of
// removed elements are used again, so a handle that outlives its element may name another one.
template <class Tag>
class Handle {
 public:
  constexpr Handle() = default;  // Names no element.
  constexpr explicit Handle(uint32_t index) : index_(index) {}

  constexpr uint32_t index() const { return index_; }
  constexpr explicit operator bool() const { return index_ != kNone; }
  friend constexpr auto operator<=>(Handle, Handle) = default;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t index_ = kNone;
};

using AgentHandle = Handle<struct AgentTag>;
using FrameworkHandle = Handle<struct FrameworkTag>;
using NodeHandle = Handle<struct NodeTag>;
using HoldingHandle = Handle<struct HoldingTag>;
using FilterHandle = Handle<struct FilterTag>;

// Elements in one array, found by handle. References are invalidated by Add.
template <class H, class T>
class Slab {
 public:
  H Add(T value) {
    if (free_.empty()) {
      slots_.push_back(std::move(value));
      return H(static_cast<uint32_t>(slots_.size() - 1));
    }
    const H handle = free_.back();
    free_.pop_back();
    slots_[handle.index()] = std::move(value);
    return handle;
  }

  void Remove(H handle) {
    slots_[handle.index()] = T();
    free_.push_back(handle);
  }

  T& operator[](H handle) {
    assert(handle.index() < slots_.size());
    return slots_[handle.index()];
  }
  const T& operator[](H handle) const {
    assert(handle.index() < slots_.size());
    return slots_[handle.index()];
  }

  // The number of elements, and the number of slots (every handle's index is below it).
  size_t size() const { return slots_.size() - free_.size(); }
  size_t slots() const { return slots_.size(); }

 private:
  std::vector<T> slots_;
  std::vector<H> free_;
};

// A set of handles with constant-time insert, erase and test. The order of iteration depends only
// on the history of calls.
template <class H>
class HandleSet {
 public:
  bool Contains(H handle) const {
    return handle.index() < place_.size() && place_[handle.index()] != kAbsent;
  }
  void Insert(H handle) {
    if (Contains(handle)) return;
    if (handle.index() >= place_.size()) place_.resize(handle.index() + 1, kAbsent);
    place_[handle.index()] = static_cast<uint32_t>(items_.size());
    items_.push_back(handle);
  }
  void Erase(H handle) {
    if (!Contains(handle)) return;
    const uint32_t place = place_[handle.index()];
    items_[place] = items_.back();
    place_[items_[place].index()] = place;
    items_.pop_back();
    place_[handle.index()] = kAbsent;
  }
  void Clear() {
    for (H handle : items_) place_[handle.index()] = kAbsent;
    items_.clear();
  }
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  const std::vector<H>& items() const { return items_; }

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  std::vector<H> items_;
  std::vector<uint32_t> place_;  // By handle index.
};

}  // namespace tepui::allocator
