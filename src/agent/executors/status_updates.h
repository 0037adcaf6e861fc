// SPDX-License-Identifier: Apache-2.0
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
// stream. Its statuses are sent in order, and the next one only when the scheduler has acknowledged
// the one before. A status that is not acknowledged is sent again after 10 s, 20 s ... 10 min.
// Nothing is sent while there is no master. The acknowledgement of a terminal status ends the
// stream.
//
// A status with a key is saved before it is sent, and its acknowledgement is saved before the next
// status is sent. So after the agent's restart the stream of a checkpointed task continues where it
// was.
class StatusUpdates {
 public:
  // Sends one status to the master; `latest` is the newest state of the task.
  using Forward =
      std::function<void(const FrameworkId&, const v1::TaskStatus&, v1::TaskState latest)>;

  // Called when the terminal status of a task was acknowledged and its stream has ended.
  using Closed = std::function<void(const FrameworkId&, const TaskId&)>;

  StatusUpdates(const Services& services, Forward forward, Closed closed);

  // Takes responsibility for `status`, which must have a uuid; durably if the task has a `key`. A
  // status that was taken before (same uuid), or that follows a terminal one, is dropped.
  void Update(const FrameworkId& framework, const v1::TaskStatus& status,
              const std::optional<TaskKey>& key);
  // Restores the stream of a task after the agent's restart. Called before Resume.
  void Restore(const FrameworkId& framework, const TaskId& task, const TaskKey& key,
               const std::vector<Saved::Status>& statuses);
  // Returns true if a status with this uuid was taken recently and the task's stream is still open.
  bool Knows(const FrameworkId& framework, const TaskId& task, const std::string& uuid) const;
  // Returns true if the terminal status of the task was acknowledged, and that is being saved.
  bool Closing(const FrameworkId& framework, const TaskId& task) const;

  // Returns true if the terminal status of the task was taken and its stream is still open.
  bool Ended(const FrameworkId& framework, const TaskId& task) const;

  // Returns false if `uuid` is not that of the status in flight, usually because of a late
  // acknowledgement of a retry.
  bool Acknowledge(const FrameworkId& framework, const TaskId& task, const std::string& uuid);

  // There is no master: nothing is sent, and no timer runs.
  void Pause();
  // There is a (new) master: statuses that are not acknowledged are sent again at once.
  void Resume();

  // The framework has a new scheduler: its statuses that are not acknowledged are sent again at
  // once.
  void Resend(const FrameworkId& framework);
  // Drops all streams of a framework that will not acknowledge anything any more.
  void Forget(const FrameworkId& framework);

  size_t streams() const;
  bool paused() const { return paused_; }

  // Fails if a stream contradicts itself: statuses follow the last one, or the status in flight is
  // not sent again.
  Status CheckInvariants() const;

 private:
  struct Pending {
    v1::TaskStatus status;
    uint64_t number = 0;  // Its number in the checkpoint.
    bool saved = true;    // It may be sent.
  };
  struct Stream {
    explicit Stream(Clock& clock) : retry(clock) {}
    std::optional<TaskKey> key;
    std::deque<Pending> pending;           // The first is in flight, once it is saved.
    bool acknowledging = false;            // The acknowledgement of the first is being saved.
    std::deque<std::string> acknowledged;  // The newest uuids, to detect duplicates.
    bool terminated = false;
    Backoff backoff = RetryBackoff();
    Timer retry;
  };
  using Streams = std::unordered_map<TaskId, std::unique_ptr<Stream>>;

  Stream* Find(const FrameworkId& framework, const TaskId& task) const;
  Status CheckStream(const TaskId& task, const Stream& stream) const;
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
