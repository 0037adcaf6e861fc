// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tepui::containers {

// How many bytes a fetch may still write below a directory. Not thread-safe.
class FetchBudget {
 public:
  // `limit` says where the bound comes from: "its disk resource of 32MB". `reserve` bytes of the
  // directory's file system stay free.
  FetchBudget(uint64_t bytes, std::string limit, std::string directory, uint64_t reserve)
      : left_(bytes),
        limit_(std::move(limit)),
        directory_(std::move(directory)),
        reserve_(reserve) {}

  // Takes `bytes`, which are about to be written. Returns kTooLarge if the budget does not have
  // them, and kUnavailable if the file system is nearly full; it is looked at now and then.
  Status Take(uint64_t bytes);

  uint64_t left() const { return left_; }
  // The error of a fetch that needs more than is left.
  Error TooLarge() const;
  // The same limits for a copy in another directory, which does not count here.
  FetchBudget ForCopyIn(std::string directory) const {
    return FetchBudget(left_, limit_, std::move(directory), reserve_);
  }

 private:
  Status CheckRoom() const;

  uint64_t left_;
  std::string limit_;
  std::string directory_;
  uint64_t reserve_;
  uint64_t unchecked_ = kCheckEvery;  // Bytes taken since the last look at the file system.

  static constexpr uint64_t kCheckEvery = 4 << 20;
};

}  // namespace tepui::containers
