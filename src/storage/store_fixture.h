// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of stores: calls that wait for their callbacks.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/owner_thread.h"
#include "storage/inspection.h"
#include "storage/store.h"

namespace tepui::storage {

inline Write Put(std::string key, std::string value) {
  return {std::move(key), std::move(value), std::nullopt};
}
inline Write PutIf(std::string key, std::string value, uint64_t expected) {
  return {std::move(key), std::move(value), expected};
}
inline Write Remove(std::string key) { return {std::move(key), std::nullopt, std::nullopt}; }
inline Write RemoveIf(std::string key, uint64_t expected) {
  return {std::move(key), std::nullopt, expected};
}

// A handle of a store, called from the test's thread.
class Handle {
 public:
  Handle(OwnerThread& owner, std::unique_ptr<Store> store)
      : owner_(owner), store_(std::move(store)) {}
  ~Handle() { Close(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void Close() {
    owner_.loop().Run([this] { store_.reset(); });
  }
  // For calls on the owner's thread.
  Store& store() { return *store_; }
  std::unique_ptr<Store> Release() { return std::move(store_); }

  Result<uint64_t> Fence() {
    return owner_.Await<Result<uint64_t>>([&](auto done) { store_->Fence(std::move(done)); });
  }
  Status Commit(Batch batch) {
    return owner_.Await<Status>(
        [&](auto done) { store_->Commit(std::move(batch), std::move(done)); });
  }
  Result<std::vector<Entry>> Load(const std::string& prefix = "") {
    return owner_.Await<Result<std::vector<Entry>>>(
        [&](auto done) { store_->Load(prefix, std::move(done)); });
  }
  Result<Facts> Describe() {
    return owner_.Await<Result<Facts>>([&](auto done) { durable().Describe(std::move(done)); });
  }
  Result<std::vector<std::string>> Check() {
    return owner_.Await<Result<std::vector<std::string>>>(
        [&](auto done) { durable().Check(std::move(done)); });
  }

 private:
  InspectableStore& durable() { return dynamic_cast<InspectableStore&>(*store_); }

  OwnerThread& owner_;
  std::unique_ptr<Store> store_;
};

// One place where a store is kept; the suite has one for each kind of store.
class Backend {
 public:
  virtual ~Backend() = default;

  // Opens a handle for writing, on what the place contains.
  virtual Result<std::unique_ptr<Store>> Open(OwnerThread& owner) = 0;
  // Opens a second handle, as another process would; a lock that would prevent that is removed
  // first.
  virtual Result<std::unique_ptr<Store>> OpenRival(OwnerThread& owner) { return Open(owner); }
};

}  // namespace tepui::storage
