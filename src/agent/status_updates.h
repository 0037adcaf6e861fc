#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Delivers the statuses of tasks to the master at least once (reference 2.7). Each task has a
// stream: its statuses go out in order, one at a time, the next when the scheduler has acknowledged
// the one before; unanswered ones are sent again after 10 s, 20 s ... 10 min. Nothing is sent while
// there is no master. The acknowledgement of a terminal status ends the stream.
//
// This is the place where checkpointing belongs: Update writes before it sends and returns,
// Acknowledge before it moves on, and a restarted agent refills the streams before Resume.
class StatusUpdates {
 public:
  // Takes one status to the master; `latest` is the newest state of the task.
  using Forward =
      std::function<void(const FrameworkId&, const v1::TaskStatus&, v1::TaskState latest)>;

  StatusUpdates(const Services& services, Forward forward);

  // Takes responsibility for `status`, which has a uuid. A status that was taken before (same
  // uuid), or that follows a terminal one, is dropped.
  void Update(const FrameworkId& framework, const v1::TaskStatus& status);
  // True if a status with this uuid was taken lately and the task's stream is still open.
  bool Knows(const FrameworkId& framework, const TaskId& task, const std::string& uuid) const;

  enum class Acknowledged {
    kUnexpected,  // Not of the status that waits for it; a late answer to a retry is the usual
                  // case.
    kNext,
    kClosed,  // It was the terminal status: the stream is gone.
  };
  Acknowledged Acknowledge(const FrameworkId& framework, const TaskId& task,
                           const std::string& uuid);

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
  struct Stream {
    explicit Stream(Clock& clock) : retry(clock) {}
    std::deque<v1::TaskStatus> pending;    // The first is with the master.
    std::deque<std::string> acknowledged;  // Newest uuids, to know duplicates.
    bool terminated = false;
    Duration backoff{};
    Timer retry;
  };
  using Streams = std::unordered_map<TaskId, std::unique_ptr<Stream>>;

  void Send(const FrameworkId& framework, const TaskId& task, Stream& stream);
  void Resend(const FrameworkId& framework, Streams& streams);

  const Services& services_;
  const Forward forward_;
  bool paused_ = true;
  std::unordered_map<FrameworkId, Streams> streams_;
};

}  // namespace tepui::agent
