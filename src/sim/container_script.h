#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::sim {

// What a simulated container does, written as the value of its command, so that the framework that
// launches it knows what to expect: words separated by spaces, for instance
//   "task=f1-7 run=30s exit=0"          runs 30 s, exits with 0
//   "task=f1-8 start=20s run=inf term=ignore"   slow to start, runs until SIGKILL, does not mind
//   SIGTERM "task=f1-9 start=fail"              cannot be launched "task=f1-10 run=5s end=oom"
//   killed by the memory limit "executor=e1"                       a custom executor
//   (ExecutorProcess)
// A task of a custom executor carries its script in TaskInfo.data.
struct ContainerScript {
  enum class End { kExit, kSignal, kOom };
  std::string task;      // Or empty.
  std::string executor;  // Or empty.
  Duration start{};      // Until the program runs.
  bool start_fails = false;
  bool start_hangs = false;  // The launch never ends by itself.
  Duration run{};            // Duration::max(): until it is killed.
  End end = End::kExit;
  int code = 0;  // Exit status or signal.
  bool ignores_term = false;

  // kInvalid names the word.
  static Result<ContainerScript> Parse(std::string_view text);
  std::string ToString() const;
};

}  // namespace tepui::sim
