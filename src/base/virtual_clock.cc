// SPDX-License-Identifier: Apache-2.0
#include "base/virtual_clock.h"

#include <utility>

namespace tepui {

namespace {
constexpr WallTime kStart{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}};
}  // namespace

WallTime VirtualClock::WallNow() const { return kStart + now_.time_since_epoch(); }

TimerId VirtualClock::After(Duration delay, std::move_only_function<void()> callback) {
  return timers_.Add(now_ + delay, std::move(callback));
}

void VirtualClock::Advance(Duration by) {
  const MonotonicTime end = now_ + by;
  while (timers_.NextDue() && *timers_.NextDue() <= end) Step();
  now_ = end;
}

bool VirtualClock::Step() {
  const auto due = timers_.NextDue();
  if (!due) return false;
  if (*due > now_) now_ = *due;
  timers_.PopDue(now_)();
  return true;
}

}  // namespace tepui
