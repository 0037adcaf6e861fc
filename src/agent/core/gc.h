#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Removes the sandboxes of what has ended (reference 5.6): each at the allowed age, which is
// options.gc_delay on an empty disk and falls with its use, down to nothing when the free part is
// no more than options.gc_disk_headroom. The age is computed again each
// options.disk_watch_interval.
class SandboxGc {
 public:
  explicit SandboxGc(const Services& services);

  // From now on `path` ages. Scheduling it again makes it young again.
  void Schedule(const std::string& path);
  // It has aged for `age` already. To be called for the older paths first, before the above.
  void ScheduleOld(const std::string& path, Duration age);
  // It is in use again.
  void Unschedule(const std::string& path);

  Duration allowed_age() const { return age_; }
  size_t scheduled() const { return paths_.size(); }
  uint64_t succeeded() const { return succeeded_; }
  uint64_t failed() const { return failed_; }

 private:
  struct Entry {
    MonotonicTime since;
    std::string path;
  };

  void Watch();
  void MeasureAge();
  void RemoveOld();
  void Remove(const std::string& path);

  const Services& services_;
  Duration age_;
  uint64_t succeeded_ = 0;
  uint64_t failed_ = 0;
  uint64_t last_ticket_ = 0;
  std::map<uint64_t, Entry> entries_;  // By ticket: the oldest first.
  std::unordered_map<std::string, uint64_t> paths_;
  Timer watch_;
  Timer next_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
