// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tepui {

// A set of pointers whose order does not depend on the addresses in memory: two runs with the same
// operations iterate in the same order, which std::set and std::unordered_set of pointers do not
// promise. The order is that of insertion, except that the last element takes the place of an
// erased one. Everything but iteration takes constant time. Does not own. Not thread-safe.
template <class T>
class PointerSet {
 public:
  using value_type = T*;
  using const_iterator = typename std::vector<T*>::const_iterator;

  // Returns false if it was there already.
  bool insert(T* pointer) {
    if (contains(pointer)) return false;
    pointers_.push_back(pointer);
    if (indexed()) {
      places_.emplace(pointer, pointers_.size() - 1);
    } else if (pointers_.size() > kFew) {
      for (size_t i = 0; i < pointers_.size(); ++i) places_.emplace(pointers_[i], i);
    }
    return true;
  }

  // Returns false if it was not there. Invalidates iterators.
  bool erase(T* pointer) {
    const size_t place = Find(pointer);
    if (place == pointers_.size()) return false;
    T* const last = pointers_.back();
    pointers_[place] = last;
    if (indexed()) {
      places_[last] = place;
      places_.erase(pointer);
    }
    pointers_.pop_back();
    return true;
  }

  void clear() {
    pointers_.clear();
    places_.clear();
  }

  bool contains(T* pointer) const { return Find(pointer) != pointers_.size(); }
  size_t size() const { return pointers_.size(); }
  bool empty() const { return pointers_.empty(); }
  const_iterator begin() const { return pointers_.begin(); }
  const_iterator end() const { return pointers_.end(); }

 private:
  // Up to this size the set is searched linearly: most sets stay this small, and an index would be
  // larger than the set itself.
  static constexpr size_t kFew = 16;

  bool indexed() const { return !places_.empty(); }
  // Returns the place in pointers_, or its size if `pointer` is not there.
  size_t Find(T* pointer) const {
    if (!indexed())
      return std::find(pointers_.begin(), pointers_.end(), pointer) - pointers_.begin();
    const auto place = places_.find(pointer);
    return place == places_.end() ? pointers_.size() : place->second;
  }

  std::vector<T*> pointers_;
  std::unordered_map<T*, size_t> places_;  // Places in pointers_, once there are more than kFew.
};

}  // namespace tepui
