// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "sim/world/world.h"

namespace tepui::sim {

// One run of a process of the simulated cluster, and the Clock of the core in it. Its timers run on
// the world's clock while the process is alive and not paused. Timers that came due during a pause
// run after its end in order, one every kCatchUpStep, and those that come due in the meantime run
// behind them: so a process that slept does not learn at once of everything that it slept through.
// The world outlives it.
class Process final : public Clock {
 public:
  static constexpr Duration kCatchUpStep = std::chrono::microseconds(200);

  Process(World& world, std::string name);
  ~Process() override;  // Kills the process.
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& name() const { return name_; }
  World& world() { return world_; }

  // Like handing work to the process' event loop from another thread: it runs soon, in order, and
  // not on the caller's stack.
  void Post(std::move_only_function<void()> work) { After(Duration::zero(), std::move(work)); }

  void Pause();   // SIGSTOP, or a long stall.
  void Resume();  // SIGCONT.
  bool paused() const { return paused_; }

  // kill -9: no timer runs afterwards, its connections are reset, its sessions end. May be called
  // from inside the process; idempotent. Kill first, then destroy what lived in the process:
  // destructors of living cores may still send something, which dead ones cannot.
  void Kill();
  bool alive() const { return alive_; }

  // Runs `callback` once when the process ends, from inside Kill, so that the world around it
  // notices. Dropped if the process is dead.
  uint64_t AtEnd(std::move_only_function<void()> callback);
  void ForgetAtEnd(uint64_t id) { at_end_.erase(id); }

  // Sets the error of the machine's wall clock. Timers are not affected.
  void SetWallSkew(Duration skew) { skew_ = skew; }

  MonotonicTime Now() const override { return world_.clock().Now(); }
  WallTime WallNow() const override { return world_.clock().WallNow() + skew_; }
  TimerId After(Duration delay, std::move_only_function<void()> callback) override;
  bool Cancel(TimerId timer) override;

 private:
  struct Pending {
    std::move_only_function<void()> callback;
    TimerId world_timer = 0;  // Has run already if the process was paused when it came due.
  };

  void OnDue(TimerId id);
  void RunNextDue();

  World& world_;
  const std::string name_;
  bool alive_ = true;
  bool paused_ = false;
  Duration skew_{};
  TimerId last_id_ = 0;
  std::map<TimerId, Pending> timers_;
  // Timers that came due and wait for the end of the pause or for earlier ones. Cancelled ones are
  // not in timers_.
  std::deque<TimerId> due_;
  TimerId next_due_ = 0;  // The world's timer that runs the first of due_.
  uint64_t last_at_end_ = 0;
  std::map<uint64_t, std::move_only_function<void()>> at_end_;
};

}  // namespace tepui::sim
