#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace tepui::sim {

// One life of a process of the simulated cluster, and the Clock of the core that runs in it. What
// it waits for runs on the world's clock while the process lives and is not paused; what came due
// during a pause runs at its end, in order. Destroying it is kill -9: nothing that it waited for
// runs afterwards.
class Process final : public Clock {
 public:
  Process(World& world, std::string name);
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& name() const { return name_; }
  World& world() { return world_; }

  // As another thread would hand work to the process' event loop: soon, in order, from no other
  // call's stack.
  void Post(std::move_only_function<void()> work);

  void Pause();   // SIGSTOP, or a long stall.
  void Resume();  // SIGCONT.
  bool paused() const { return paused_; }

  // How far the wall clock of the machine is off. Timers do not notice.
  void SetWallSkew(Duration skew) { skew_ = skew; }

  MonotonicTime Now() const override;
  WallTime WallNow() const override;
  TimerId After(Duration delay, std::move_only_function<void()> callback) override;
  bool Cancel(TimerId timer) override;

 private:
  struct State;  // Shared with the timers, which may outlive the process.
  World& world_;
  const std::string name_;
  bool paused_ = false;
  Duration skew_{};
  std::shared_ptr<State> state_;
};

}  // namespace tepui::sim
