// SPDX-License-Identifier: Apache-2.0
#include "agent/core/gc.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace tepui::agent {

namespace {

// A path takes some hundred bytes. Beyond this many paths the oldest are removed early.
constexpr size_t kMaxScheduled = 100'000;

}  // namespace

SandboxGc::SandboxGc(const Services& services)
    : services_(services),
      age_(services.options.gc_delay),
      watch_(services.clock),
      next_(services.clock) {
  Watch();
}

void SandboxGc::Watch() {
  age_ = MeasureAge();
  RemoveOld();
  watch_.Set(services_.options.disk_watch_interval, [this] { Watch(); });
}

void SandboxGc::SetDiskFull(bool full) {
  disk_full_ = full;
  Watch();
}

Duration SandboxGc::MeasureAge() const {
  if (disk_full_) return Duration::zero();
  const Result<double> used = services_.disk.UsedFraction(services_.options.work_dir);
  if (!used) {
    spdlog::warn("The disk usage of {} is unknown, sandboxes keep their allowed age: {}",
                 services_.options.work_dir, used.error().message);
    return age_;
  }
  const double share = std::max(0.0, 1.0 - services_.options.gc_disk_headroom - *used);
  return std::chrono::duration_cast<Duration>(services_.options.gc_delay * std::min(share, 1.0));
}

void SandboxGc::Schedule(const std::string& path) { ScheduleOld(path, Duration::zero()); }

void SandboxGc::ScheduleOld(const std::string& path, Duration age) {
  Unschedule(path);
  const uint64_t ticket = ++last_ticket_;
  entries_.emplace(ticket, Entry{services_.clock.Now() - age, path});
  paths_.emplace(path, ticket);
  // The timer is set for the oldest entry, and then for the next oldest.
  if (!next_.pending() || entries_.size() > kMaxScheduled) RemoveOld();
}

void SandboxGc::Unschedule(const std::string& path) {
  const auto found = paths_.find(path);
  if (found == paths_.end()) return;
  entries_.erase(found->second);
  paths_.erase(found);
}

void SandboxGc::RemoveOld() {
  const MonotonicTime now = services_.clock.Now();
  while (!entries_.empty()) {
    const auto oldest = entries_.begin();
    const MonotonicTime due = oldest->second.since + age_;
    if (due > now && entries_.size() <= kMaxScheduled) {
      next_.Set(due - now, [this] { RemoveOld(); });
      return;
    }
    const std::string path = oldest->second.path;
    paths_.erase(path);
    entries_.erase(oldest);
    Remove(path);
  }
  next_.Cancel();
}

void SandboxGc::Remove(const std::string& path) {
  services_.disk.Remove(path, lifetime_.Bind([this, path](const Status& removed) {
    if (removed) {
      ++succeeded_;
      return;
    }
    ++failed_;
    spdlog::warn("Could not remove {}: {}", path, removed.error().message);
  }));
}

}  // namespace tepui::agent
