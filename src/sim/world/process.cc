// SPDX-License-Identifier: Apache-2.0
#include "sim/world/process.h"

namespace tepui::sim {

Process::Process(World& world, std::string name) : world_(world), name_(std::move(name)) {}

Process::~Process() { Kill(); }

void Process::Kill() {
  if (!alive_) return;
  alive_ = false;
  world_.clock().Cancel(next_due_);
  for (const auto& [id, pending] : timers_) world_.clock().Cancel(pending.world_timer);
  // Runs before the callbacks of timers are destroyed, because they must find the process'
  // connections gone.
  while (!at_end_.empty()) at_end_.extract(at_end_.begin()).mapped()();
  due_.clear();
  // Moved aside first: destroying a callback may cancel other timers.
  const std::map<TimerId, Pending> timers = std::exchange(timers_, {});
}

uint64_t Process::AtEnd(std::move_only_function<void()> callback) {
  const uint64_t id = ++last_at_end_;
  if (alive_) at_end_.emplace(id, std::move(callback));
  return id;
}

TimerId Process::After(Duration delay, std::move_only_function<void()> callback) {
  const TimerId id = ++last_id_;
  if (!alive_) return id;
  const TimerId world_timer = world_.clock().After(delay, [this, id] { OnDue(id); });
  timers_.emplace(id, Pending{std::move(callback), world_timer});
  return id;
}

bool Process::Cancel(TimerId timer) {
  const auto node = timers_.extract(timer);
  if (node.empty()) return false;
  world_.clock().Cancel(node.mapped().world_timer);
  return true;
}

void Process::OnDue(TimerId id) {
  if (paused_ || !due_.empty()) {
    due_.push_back(id);
    return;
  }
  auto node = timers_.extract(id);
  node.mapped().callback();  // Must come last: it may destroy this process.
}

void Process::Pause() {
  paused_ = true;
  world_.clock().Cancel(std::exchange(next_due_, 0));
}

void Process::Resume() {
  if (!std::exchange(paused_, false) || !alive_ || due_.empty()) return;
  next_due_ = world_.clock().After(Duration::zero(), [this] { RunNextDue(); });
}

void Process::RunNextDue() {
  next_due_ = 0;
  decltype(timers_)::node_type node;
  while (node.empty() && !due_.empty()) {
    node = timers_.extract(due_.front());
    due_.pop_front();
  }
  if (!due_.empty()) next_due_ = world_.clock().After(kCatchUpStep, [this] { RunNextDue(); });
  if (!node.empty()) node.mapped().callback();  // Must come last: it may destroy this process.
}

}  // namespace tepui::sim
