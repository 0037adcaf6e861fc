// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/status_updates.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "agent/services/statuses.h"
#include "base/log.h"
#include "base/planted_fault.h"

namespace tepui::agent {

namespace {

// The agent's memory must stay bounded if a scheduler is disconnected while a task's health flaps,
// or if an executor reports without end.
constexpr size_t kMaxPending = 100;
// An executor sends again only what it reported recently.
constexpr size_t kMaxRemembered = 64;

}  // namespace

StatusUpdates::StatusUpdates(const Services& services, Forward forward, Closed closed)
    : services_(services), forward_(std::move(forward)), closed_(std::move(closed)) {}

StatusUpdates::Stream* StatusUpdates::Find(const FrameworkId& framework, const TaskId& task) const {
  const auto streams = streams_.find(framework);
  if (streams == streams_.end()) return nullptr;
  const auto found = streams->second.find(task);
  return found == streams->second.end() ? nullptr : found->second.get();
}

bool StatusUpdates::Knows(const FrameworkId& framework, const TaskId& task,
                          const std::string& uuid) const {
  const Stream* stream = Find(framework, task);
  if (stream == nullptr) return false;
  return std::ranges::find(stream->acknowledged, uuid) != stream->acknowledged.end() ||
         std::ranges::any_of(stream->pending,
                             [&](const Pending& pending) { return pending.status.uuid() == uuid; });
}

bool StatusUpdates::Closing(const FrameworkId& framework, const TaskId& task) const {
  const Stream* stream = Find(framework, task);
  return stream != nullptr && stream->acknowledging &&
         IsTerminal(stream->pending.front().status.state());
}

bool StatusUpdates::Ended(const FrameworkId& framework, const TaskId& task) const {
  const Stream* stream = Find(framework, task);
  return stream != nullptr && stream->terminated;
}

void StatusUpdates::Update(const FrameworkId& framework, const v1::TaskStatus& status,
                           const std::optional<TaskKey>& key) {
  assert(status.has_uuid());
  const TaskId task(status.task_id().value());
  if (Knows(framework, task, status.uuid())) {
    spdlog::debug("Dropped a status of task {} of framework {} that was already reported", task,
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
  stream.key = key;
  stream.terminated = IsTerminal(status.state());
  const bool replace = stream.pending.size() >= kMaxPending;
  if (replace) {
    // Intermediate statuses may be skipped, but not the newest. The first is never replaced, since
    // the master has it.
    stream.pending.back().status = status;
  } else {
    stream.pending.push_back({.status = status});
    if (TEPUI_PLANTED_FAULT("next-before-acknowledgement") && !key && stream.pending.size() > 1 &&
        !paused_)
      forward_(framework, status, status.state());
  }
  if (key) {
    Save(framework, task, stream, replace);
  } else if (stream.pending.size() == 1) {
    SendFirst(framework, task, stream);
  }
}

void StatusUpdates::Save(const FrameworkId& framework, const TaskId& task, Stream& stream,
                         bool replace) {
  Pending& newest = stream.pending.back();
  newest.saved = TEPUI_PLANTED_FAULT("told-before-it-is-saved");
  if (newest.saved && stream.pending.size() == 1) SendFirst(framework, task, stream);
  if (replace) {
    services_.checkpoint.ReplaceStatus(*stream.key, newest.number, newest.status);
  } else {
    newest.number = services_.checkpoint.AddStatus(*stream.key, newest.status);
  }
  services_.checkpoint.WhenSaved(
      lifetime_.Bind([this, framework, task, uuid = newest.status.uuid()] {
        Stream* found = Find(framework, task);
        if (found == nullptr) return;  // The framework was shut down meanwhile.
        const auto saved = std::ranges::find_if(
            found->pending, [&](const Pending& pending) { return pending.status.uuid() == uuid; });
        if (saved == found->pending.end()) return;  // A newer status replaced it.
        saved->saved = true;
        if (saved == found->pending.begin()) SendFirst(framework, task, *found);
      }));
}

void StatusUpdates::Restore(const FrameworkId& framework, const TaskId& task, const TaskKey& key,
                            const std::vector<Saved::Status>& statuses) {
  if (statuses.empty()) return;
  auto stream = std::make_unique<Stream>(services_.clock);
  stream->key = key;
  for (const Saved::Status& saved : statuses) {
    if (saved.acknowledged) {
      stream->acknowledged.push_back(saved.status.uuid());
    } else {
      stream->pending.push_back({saved.status, saved.number, true});
      stream->terminated = stream->terminated || IsTerminal(saved.status.state());
    }
  }
  streams_[framework][task] = std::move(stream);
}

void StatusUpdates::SendFirst(const FrameworkId& framework, const TaskId& task, Stream& stream) {
  stream.backoff.Reset();
  Send(framework, task, stream);
}

void StatusUpdates::Send(const FrameworkId& framework, const TaskId& task, Stream& stream) {
  assert(!stream.pending.empty());
  const Pending& first = stream.pending.front();
  if (paused_ || !first.saved || stream.acknowledging) return;
  forward_(framework, first.status, stream.pending.back().status.state());
  if (TEPUI_PLANTED_FAULT("statuses-sent-once")) return;
  stream.retry.Set(stream.backoff.Next(), [this, framework, task, &stream] {
    spdlog::info("Sending a status of task {} of framework {} again: it is not acknowledged yet",
                 task, framework);
    Send(framework, task, stream);
  });
}

bool StatusUpdates::Acknowledge(const FrameworkId& framework, const TaskId& task,
                                const std::string& uuid) {
  Stream* stream = Find(framework, task);
  if (stream == nullptr || stream->pending.empty() || stream->acknowledging ||
      !stream->pending.front().saved || stream->pending.front().status.uuid() != uuid) {
    return false;
  }
  if (!stream->key) {
    Advance(framework, task, *stream);
    return true;
  }
  stream->acknowledging = true;
  stream->retry.Cancel();
  const Pending& first = stream->pending.front();
  if (IsTerminal(first.status.state())) {
    services_.checkpoint.RemoveTask(*stream->key);
  } else {
    services_.checkpoint.AcknowledgeStatus(*stream->key, first.number, first.status,
                                           kMaxRemembered);
  }
  services_.checkpoint.WhenSaved(lifetime_.Bind([this, framework, task, uuid] {
    Stream* found = Find(framework, task);
    // The framework may have been shut down meanwhile, and the task may have a new stream.
    const bool same = found != nullptr && found->acknowledging && !found->pending.empty() &&
                      found->pending.front().status.uuid() == uuid;
    if (same) Advance(framework, task, *found);
  }));
  return true;
}

// Moves on from the first status, which was acknowledged, to the next.
void StatusUpdates::Advance(const FrameworkId& framework, const TaskId& task, Stream& stream) {
  assert(!stream.pending.empty());
  stream.acknowledging = false;
  if (IsTerminal(stream.pending.front().status.state())) {
    const auto streams = streams_.find(framework);
    streams->second.erase(task);
    if (streams->second.empty()) streams_.erase(streams);
    return closed_(framework, task);
  }
  if (TEPUI_PLANTED_FAULT("acknowledged-sent-again")) Send(framework, task, stream);
  stream.retry.Cancel();
  stream.acknowledged.push_back(stream.pending.front().status.uuid());
  if (stream.acknowledged.size() > kMaxRemembered) stream.acknowledged.pop_front();
  stream.pending.pop_front();
  if (!stream.pending.empty()) SendFirst(framework, task, stream);
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
    SendFirst(framework, task, *stream);
  }
}

void StatusUpdates::Forget(const FrameworkId& framework) { streams_.erase(framework); }

size_t StatusUpdates::streams() const {
  size_t count = 0;
  for (const auto& [framework, streams] : streams_) count += streams.size();
  return count;
}

Status StatusUpdates::CheckInvariants() const {
  for (const auto& [framework, streams] : streams_) {
    for (const auto& [task, stream] : streams) {
      if (Status held = CheckStream(task, *stream); !held) return held;
    }
  }
  return {};
}

Status StatusUpdates::CheckStream(const TaskId& task, const Stream& stream) const {
  const auto terminal = [](const Pending& pending) { return IsTerminal(pending.status.state()); };
  const auto last = std::ranges::find_if(stream.pending, terminal);
  const bool ended = last != stream.pending.end();
  if (stream.terminated != ended || (ended && std::next(last) != stream.pending.end())) {
    return Fail(Code::kInternal, "The statuses of task {} do not end with its terminal one", task);
  }
  if (stream.acknowledging && (!stream.key || stream.pending.empty())) {
    return Fail(Code::kInternal, "An acknowledgement for task {} is being saved without a status",
                task);
  }
  const bool in_flight =
      !paused_ && !stream.pending.empty() && stream.pending.front().saved && !stream.acknowledging;
  if (stream.retry.pending() == in_flight) return {};
  return Fail(
      Code::kInternal, "The status in flight of task {} {}", task,
      in_flight ? "will not be sent again" : "has a retry timer, but no such status exists");
}

}  // namespace tepui::agent
