// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "allocator/slab.h"
#include "base/clock.h"

namespace tepui::allocator {

// Entries with a time, the earliest first. Any of them can be removed or moved in logarithmic time.
// One heap that each allocation checks replaces a timer for each filter.
template <class H>
class ExpiryHeap {
 public:
  struct Entry {
    MonotonicTime time;
    H handle;
  };

  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  const Entry& top() const { return heap_.front(); }

  void Push(H handle, MonotonicTime time) {
    if (handle.index() >= place_.size()) place_.resize(handle.index() + size_t{1});
    heap_.push_back({time, handle});
    place_[handle.index()] = heap_.size() - 1;
    Up(heap_.size() - 1);
  }

  // `handle` must be in the heap.
  void Erase(H handle) {
    const size_t place = place_[handle.index()];
    const Entry last = heap_.back();
    heap_.pop_back();
    if (place < heap_.size()) {
      Put(place, last);
      Down(Up(place));
    }
  }

 private:
  // Among equal times the older slot comes first, so that the order is deterministic.
  static bool Earlier(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time < b.time : a.handle < b.handle;
  }
  void Put(size_t place, const Entry& entry) {
    heap_[place] = entry;
    place_[entry.handle.index()] = place;
  }
  size_t Up(size_t place) {
    const Entry entry = heap_[place];
    while (place > 0 && Earlier(entry, heap_[(place - 1) / 2])) {
      Put(place, heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    Put(place, entry);
    return place;
  }
  void Down(size_t place) {
    const Entry entry = heap_[place];
    for (size_t child; (child = 2 * place + 1) < heap_.size(); place = child) {
      if (child + 1 < heap_.size() && Earlier(heap_[child + 1], heap_[child])) ++child;
      if (!Earlier(heap_[child], entry)) break;
      Put(place, heap_[child]);
    }
    Put(place, entry);
  }

  std::vector<Entry> heap_;
  std::vector<size_t> place_;  // By handle index.
};

}  // namespace tepui::allocator
