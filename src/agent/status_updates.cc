#include "agent/status_updates.h"

#include <algorithm>
#include <utility>

#include "agent/statuses.h"
#include "base/log.h"
#include "base/planted_fault.h"

namespace tepui::agent {

namespace {

// Reference 2.7.
constexpr Duration kFirstRetry = std::chrono::seconds(10);
constexpr Duration kLongestRetry = std::chrono::minutes(10);

// A scheduler that is away while a task's health flaps, or an executor that reports without end,
// must not fill the agent's memory.
constexpr size_t kMaxPending = 100;
// An executor sends again only what it reported lately.
constexpr size_t kMaxRemembered = 64;

}  // namespace

StatusUpdates::StatusUpdates(const Services& services, Forward forward)
    : services_(services), forward_(std::move(forward)) {}

bool StatusUpdates::Knows(const FrameworkId& framework, const TaskId& task,
                          const std::string& uuid) const {
  const auto streams = streams_.find(framework);
  if (streams == streams_.end()) return false;
  const auto found = streams->second.find(task);
  if (found == streams->second.end()) return false;
  const Stream& stream = *found->second;
  return std::ranges::find(stream.acknowledged, uuid) != stream.acknowledged.end() ||
         std::ranges::any_of(stream.pending,
                             [&](const v1::TaskStatus& status) { return status.uuid() == uuid; });
}

void StatusUpdates::Update(const FrameworkId& framework, const v1::TaskStatus& status) {
  const TaskId task(status.task_id().value());
  if (Knows(framework, task, status.uuid())) {
    spdlog::debug("Dropped a status of task {} of framework {} that was reported before", task,
                  framework);
    return;
  }
  std::unique_ptr<Stream>& slot = streams_[framework][task];
  if (!slot) slot = std::make_unique<Stream>(services_.clock);
  Stream& stream = *slot;
  if (stream.terminated) {
    spdlog::debug("Dropped status {} of task {} of framework {}: the task has ended",
                  v1::TaskState_Name(status.state()), task, framework);
    return;
  }
  stream.terminated = IsTerminal(status.state());
  if (stream.pending.size() < kMaxPending) {
    stream.pending.push_back(status);
    if (TEPUI_PLANTED_FAULT("next-before-acknowledgement") && stream.pending.size() > 1 && !paused_)
      forward_(framework, status, status.state());
  } else {
    // What lies between may be skipped; how the task stands now may not. (Never the first: the
    // master has it.)
    stream.pending.back() = status;
  }
  if (stream.pending.size() == 1) {
    stream.backoff = kFirstRetry;
    Send(framework, task, stream);
  }
}

void StatusUpdates::Send(const FrameworkId& framework, const TaskId& task, Stream& stream) {
  if (paused_) return;
  forward_(framework, stream.pending.front(), stream.pending.back().state());
  if (TEPUI_PLANTED_FAULT("statuses-sent-once")) return;
  stream.retry.Set(stream.backoff, [this, framework, task, &stream] {
    stream.backoff = std::min(stream.backoff * 2, kLongestRetry);
    spdlog::info("Sending a status of task {} of framework {} again: not acknowledged yet", task,
                 framework);
    Send(framework, task, stream);
  });
}

StatusUpdates::Acknowledged StatusUpdates::Acknowledge(const FrameworkId& framework,
                                                       const TaskId& task,
                                                       const std::string& uuid) {
  const auto of_framework = streams_.find(framework);
  if (of_framework == streams_.end()) return Acknowledged::kUnexpected;
  const auto found = of_framework->second.find(task);
  if (found == of_framework->second.end()) return Acknowledged::kUnexpected;
  Stream& stream = *found->second;
  if (stream.pending.empty() || stream.pending.front().uuid() != uuid) {
    return Acknowledged::kUnexpected;
  }
  const bool closed = IsTerminal(stream.pending.front().state());
  if (closed) {
    of_framework->second.erase(found);
    if (of_framework->second.empty()) streams_.erase(of_framework);
    return Acknowledged::kClosed;
  }
  if (TEPUI_PLANTED_FAULT("acknowledged-sent-again")) Send(framework, task, stream);
  stream.retry.Cancel();
  stream.pending.pop_front();
  stream.acknowledged.push_back(uuid);
  if (stream.acknowledged.size() > kMaxRemembered) stream.acknowledged.pop_front();
  if (!stream.pending.empty()) {
    stream.backoff = kFirstRetry;
    Send(framework, task, stream);
  }
  return Acknowledged::kNext;
}

void StatusUpdates::Pause() {
  paused_ = true;
  for (auto& [framework, streams] : streams_) {
    for (auto& [task, stream] : streams) stream->retry.Cancel();
  }
}

void StatusUpdates::Resume() {
  paused_ = false;
  for (auto& [framework, streams] : streams_) Resend(framework, streams);
}

void StatusUpdates::Resend(const FrameworkId& framework) {
  const auto found = streams_.find(framework);
  if (found != streams_.end()) Resend(framework, found->second);
}

void StatusUpdates::Resend(const FrameworkId& framework, Streams& streams) {
  if (TEPUI_PLANTED_FAULT("statuses-sent-once")) return;
  for (auto& [task, stream] : streams) {
    if (stream->pending.empty()) continue;
    stream->backoff = kFirstRetry;
    Send(framework, task, *stream);
  }
}

void StatusUpdates::Forget(const FrameworkId& framework) { streams_.erase(framework); }

size_t StatusUpdates::streams() const {
  size_t count = 0;
  for (const auto& [framework, streams] : streams_) count += streams.size();
  return count;
}

}  // namespace tepui::agent
