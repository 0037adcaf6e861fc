#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "sim/frameworks/framework_calls.h"

namespace tepui::sim {

// A framework's dealings with reservations and persistent volumes: out of what an offer holds it
// makes operations that reserve, create, grow, shrink, destroy and unreserve, most of them with an
// id, some of them one upon the other.
class Storage {
 public:
  // `owner` begins the ids of operations and volumes, and is the principal of what is made.
  Storage(std::string owner, SeededRandom random)
      : owner_(std::move(owner)), random_(std::move(random)) {}

  struct Plan {
    std::vector<Operation> operations;
    // What a task launched after them may use besides what else the offer has: a volume, or
    // nothing.
    OfferPool::List volume;
  };
  // No operations if the offer holds nothing to work on. What is reserved leaves `pool`, which
  // holds the offer.
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
