#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/services/retry.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Delivers the statuses of tasks to the master at least once (reference 2.7). Each task has a
// stream: its statuses go out in order, one at a time, the next when the scheduler has acknowledged
// the one before; unanswered ones are sent again after 10 s, 20 s ... 10 min. Nothing is sent while
// there is no master. The acknowledgement of a terminal status ends the stream.
//
// A status with a key is saved before it is sent, and its acknowledgement before the next one is:
// so the statuses of a checkpointed task go on where they were after the agent's restart.
class StatusUpdates {
 public:
  // Takes one status to the master; `latest` is the newest state of the task.
  using Forward =
      std::function<void(const FrameworkId&, const v1::TaskStatus&, v1::TaskState latest)>;

  // The terminal status of a task was acknowledged: its stream is gone.
  using Closed = std::function<void(const FrameworkId&, const TaskId&)>;

  StatusUpdates(const Services& services, Forward forward, Closed closed);

  // Takes responsibility for `status`, which has a uuid, durably if the task has a `key`. A status
  // that was taken before (same uuid), or that follows a terminal one, is dropped.
  void Update(const FrameworkId& framework, const v1::TaskStatus& status,
              const std::optional<TaskKey>& key);
  // What was saved of a task, after the agent's restart and before Resume.
  void Restore(const FrameworkId& framework, const TaskId& task, const TaskKey& key,
               const std::vector<Saved::Status>& statuses);
  // True if a status with this uuid was taken lately and the task's stream is still open.
  bool Knows(const FrameworkId& framework, const TaskId& task, const std::string& uuid) const;
  // True if the terminal status of the task was acknowledged, which is being saved.
  bool Closing(const FrameworkId& framework, const TaskId& task) const;

  // False: it is not of the status that waits for it; a late answer to a retry is the usual case.
  bool Acknowledge(const FrameworkId& framework, const TaskId& task, const std::string& uuid);

  // Without a master: nothing is sent, no timer runs.
  void Pause();
  // With a (new) master: what waits for an acknowledgement is sent again at once.
  void Resume();

  // The framework has a new scheduler: what waits for an acknowledgement of it is sent again at
  // once.
  void Resend(const FrameworkId& framework);
  // Forgets every stream of a framework that acknowledges nothing any more.
  void Forget(const FrameworkId& framework);

  size_t streams() const;

 private:
  struct Pending {
    v1::TaskStatus status;
    uint64_t number = 0;  // In the checkpoint.
    bool saved = true;    // It may be sent.
  };
  struct Stream {
    explicit Stream(Clock& clock) : retry(clock) {}
    std::optional<TaskKey> key;
    std::deque<Pending> pending;           // The first is with the master, once it is saved.
    bool acknowledging = false;            // That the first was acknowledged is being saved.
    std::deque<std::string> acknowledged;  // Newest uuids, to know duplicates.
    bool terminated = false;
    Backoff backoff = RetryBackoff();
    Timer retry;
  };
  using Streams = std::unordered_map<TaskId, std::unique_ptr<Stream>>;

  Stream* Find(const FrameworkId& framework, const TaskId& task) const;
  void Save(const FrameworkId& framework, const TaskId& task, Stream& stream, bool replace);
  void SendFirst(const FrameworkId& framework, const TaskId& task, Stream& stream);
  void Advance(const FrameworkId& framework, const TaskId& task, Stream& stream);
  void Send(const FrameworkId& framework, const TaskId& task, Stream& stream);
  void Resend(const FrameworkId& framework, Streams& streams);

  const Services& services_;
  const Forward forward_;
  const Closed closed_;
  bool paused_ = true;
  std::unordered_map<FrameworkId, Streams> streams_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
