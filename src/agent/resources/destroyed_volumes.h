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

// The data of destroyed persistent volumes, until nothing of it is left. No later volume may show
// it, wherever the agent dies:
//   1. A record of it is saved in the commit that takes the volume off the resources. Before that
//      nothing is touched: the volume may yet turn out to be there.
//   2. Then the data is moved aside in one step, to a name of its own on the same disk. Only then
//      is the volume told to be destroyed, and only then can there be another at its path.
//   3. Then it is removed, which may take long, and the record goes.
// A whole disk (MOUNT) has no aside that its next volume would not show, so it is emptied where it
// is. What cannot be moved is as well. Until it is empty there can be no volume (CheckClean).
//
// The next life of the agent does again what has a record, and may find it done: moving does
// nothing then. At the path of a record there is a volume only if the data was moved, for its
// CREATE was saved behind that.
//
// Removing is tried again after 10 s, 20 s ... 10 min.
class DestroyedVolumes {
 public:
  using Records = Checkpoint::DestroyedVolumes;

  explicit DestroyedVolumes(const Services& services);

  // What an earlier life left. `is_volume` tells of a path whether there is a volume.
  void Restore(const std::map<std::string, checkpoint::DestroyedVolume>& saved,
               const std::function<bool(const std::string&)>& is_volume);

  // Volumes that have just been destroyed, each at a path of its own; the records are to be saved.
  Records Add(const std::vector<v1::Resource>& volumes);
  // They are saved. When this returns, their data is out of the way or its place barred.
  void Clear(const Records& records);

  // Fails while data of a destroyed volume lies there.
  Status CheckClean(const std::string& path) const;

 private:
  struct Entry {
    explicit Entry(Clock& clock) : retry(clock) {}
    checkpoint::DestroyedVolume record;
    bool moved = false;
    std::string problem;  // What kept it from being removed.
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
