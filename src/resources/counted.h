// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace tepui {

// An object that counts the references to itself, so that a reference is one word (std::shared_ptr
// takes two, and resources hold two references each). While threads share it, it must not change.
class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void Retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  // Returns true if that was the last reference.
  bool Release() const { return references_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  bool unique() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  mutable std::atomic<uint32_t> references_{1};
};

// An owning reference to a Counted object, or null.
template <class T>
class Ref {
 public:
  Ref() = default;
  // Takes over the one reference that a new object starts with.
  explicit Ref(T* object) : object_(object) {}
  Ref(const Ref& other) : object_(other.object_) {
    if (object_ != nullptr) object_->Retain();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): the objects are compared, which is more.
  Ref& operator=(const Ref& other) {
    if (object_ != other.object_) Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->Release()) delete object_;
  }

  void swap(Ref& other) noexcept { std::swap(object_, other.object_); }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace tepui
