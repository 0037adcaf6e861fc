#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tepui {

// A set of pointers whose order does not depend on where in memory they point: two runs that do the
// same to it walk through it alike, which a std::set or std::unordered_set of pointers does not
// promise. In order of insertion, but that the last takes the place of one that is erased. All but
// walking in constant time. Does not own. Not thread-safe.
template <class T>
class PointerSet {
 public:
  using value_type = T*;
  using const_iterator = typename std::vector<T*>::const_iterator;

  // False if it was there.
  bool insert(T* pointer) {
    if (!places_.emplace(pointer, pointers_.size()).second) return false;
    pointers_.push_back(pointer);
    return true;
  }

  // False if it was not there. Ends iterators.
  bool erase(T* pointer) {
    const auto place = places_.find(pointer);
    if (place == places_.end()) return false;
    T* const last = pointers_.back();
    pointers_[place->second] = last;
    places_[last] = place->second;
    pointers_.pop_back();
    places_.erase(pointer);
    return true;
  }

  void clear() {
    pointers_.clear();
    places_.clear();
  }

  bool contains(T* pointer) const { return places_.contains(pointer); }
  size_t size() const { return pointers_.size(); }
  bool empty() const { return pointers_.empty(); }
  const_iterator begin() const { return pointers_.begin(); }
  const_iterator end() const { return pointers_.end(); }

 private:
  std::vector<T*> pointers_;
  std::unordered_map<T*, size_t> places_;  // In pointers_.
};

}  // namespace tepui
