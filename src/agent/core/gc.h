// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Removes the sandboxes of executors and frameworks that have ended (reference 5.6), each when it
// reaches the allowed age. That is options.gc_delay on an empty disk and decreases as the disk
// fills, to zero when the free fraction is at most options.gc_disk_headroom. It is computed again
// every options.disk_watch_interval.
class SandboxGc {
 public:
  explicit SandboxGc(const Services& services);

  // Schedules `path` for removal; its age is counted from now, also if it was scheduled before.
  void Schedule(const std::string& path);
  // Schedules a path that has reached `age` already. Called before Schedule, oldest paths first.
  void ScheduleOld(const std::string& path, Duration age);
  // Keeps `path`, which is in use again.
  void Unschedule(const std::string& path);
  // Nothing may have any age while the disk is full.
  void SetDiskFull(bool full);

  Duration allowed_age() const { return age_; }
  bool disk_full() const { return disk_full_; }
  size_t scheduled() const { return paths_.size(); }
  uint64_t succeeded() const { return succeeded_; }
  uint64_t failed() const { return failed_; }

 private:
  struct Entry {
    MonotonicTime since;
    std::string path;
  };

  void Watch();
  Duration MeasureAge() const;
  void RemoveOld();
  void Remove(const std::string& path);

  const Services& services_;
  bool disk_full_ = false;
  Duration age_;
  uint64_t succeeded_ = 0;
  uint64_t failed_ = 0;
  uint64_t last_ticket_ = 0;
  std::map<uint64_t, Entry> entries_;  // By ticket, oldest first.
  std::unordered_map<std::string, uint64_t> paths_;
  Timer watch_;
  Timer next_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
