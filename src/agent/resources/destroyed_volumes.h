// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/services/retry.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Removes the data of destroyed persistent volumes. No later volume may show that data, at whatever
// point the agent dies:
//   1. A record of the data is saved in the same commit that removes the volume from the resources.
//      Nothing is touched before, because without that commit the volume still exists.
//   2. Then the data is moved aside in one step, to a name of its own on the same disk. Only then
//      is the volume reported as destroyed, and only then can another one be created at its path.
//   3. Then the data is removed, which may take long, and after it the record.
// A whole disk (MOUNT) has no place aside that its next volume would not show, so it is emptied in
// place. Data that cannot be moved is emptied in place too. Until the place is empty no volume can
// be created there (CheckClean).
//
// After a restart the agent repeats these steps for each record. Some may be done already; moving
// then does nothing. There can be a volume at the path of a record only if the data was moved,
// since its CREATE was saved after that.
//
// A failed removal is tried again after 10 s, 20 s ... 10 min.
class DestroyedVolumes {
 public:
  using Records = Checkpoint::DestroyedVolumes;

  explicit DestroyedVolumes(const Services& services);

  // Continues with the records that were saved before the agent's restart. `is_volume` returns true
  // for a path at which there is a volume.
  void Restore(const std::map<std::string, checkpoint::DestroyedVolume>& saved,
               const std::function<bool(const std::string&)>& is_volume);

  // Adds volumes that have just been destroyed, each at a path of its own. The caller must save the
  // records that this returns.
  Records Add(const std::vector<v1::Resource>& volumes);
  // Called when the records are saved. When it returns, their data is out of the way, or CheckClean
  // fails for their paths.
  void Clear(const Records& records);

  // Fails while data of a destroyed volume is at `path`.
  Status CheckClean(const std::string& path) const;

 private:
  struct Entry {
    explicit Entry(Clock& clock) : retry(clock) {}
    checkpoint::DestroyedVolume record;
    bool moved = false;
    std::string problem;  // Why the last removal failed.
    Backoff backoff = RetryBackoff();
    Timer retry;
  };

  Entry& Insert(const std::string& name, const checkpoint::DestroyedVolume& record);
  void MoveAside(Entry& entry);
  void Remove(const std::string& name);
  void OnRemoved(const std::string& name, const Status& removed);

  const Services& services_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;  // By the record's name.
  Lifetime lifetime_;
};

}  // namespace tepui::agent
