// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "sim/frameworks/framework_calls.h"

namespace tepui::sim {

// A framework's use of reservations and persistent volumes: from the resources of an offer it makes
// operations that reserve, create, grow, shrink, destroy and unreserve. Most of them have an id;
// some build on an earlier one.
class Storage {
 public:
  // `owner` is the prefix of the ids of operations and volumes, and the principal of reservations
  // and volumes.
  Storage(std::string owner, SeededRandom random)
      : owner_(std::move(owner)), random_(std::move(random)) {}

  struct Plan {
    std::vector<Operation> operations;
    // A volume that a task launched after the operations may use besides the rest of the offer, or
    // nothing.
    OfferPool::List volume;
  };
  // Returns no operations if the offer has nothing to work on. Reserved resources are taken out of
  // `pool`, which holds the offer.
  Plan Use(const v1::Offer& offer, OfferPool& pool);

 private:
  Plan Reserve(const std::string& role, OfferPool& pool);
  Plan UseVolume(const Resources& offered, const Resource& volume);
  Plan UseDisk(const Resource& disk);

  Operation WithId(Operation operation);
  Operation Create(const Resource& disk, v1::Resource* volume);
  Operation Destroy(const Resource& volume);
  Operation Unreserve(const Resources& resources);

  const std::string owner_;
  SeededRandom random_;
  uint64_t next_ = 1;
};

}  // namespace tepui::sim
