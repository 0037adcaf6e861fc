// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_budget.h"

#include <sys/statvfs.h>

#include "base/units.h"

namespace tepui::containers {

Status FetchBudget::Take(uint64_t bytes) {
  if (bytes > left_) return Fail(TooLarge());
  left_ -= bytes;
  unchecked_ += bytes;
  if (unchecked_ < kCheckEvery) return {};
  unchecked_ = 0;
  return CheckRoom();
}

Error FetchBudget::TooLarge() const {
  return {Code::kTooLarge, fmt::format("the fetched files need more than {}", limit_)};
}

Status FetchBudget::CheckRoom() const {
  struct statvfs about{};
  // Writing reports a file system that does not answer.
  if (statvfs(directory_.c_str(), &about) != 0) return {};
  const uint64_t free = uint64_t{about.f_bavail} * about.f_frsize;
  if (free >= reserve_) return {};
  return Fail(Code::kUnavailable, "the disk is nearly full: only {} are free at '{}'",
              FormatBytes(free), directory_);
}

}  // namespace tepui::containers
