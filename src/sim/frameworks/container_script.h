#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::sim {

// What a simulated container does, written as the value of its command, so that the framework that
// launches it knows what to expect. Words separated by spaces:
//   task=ID | executor=ID    the task that it is, or the custom executor (ExecutorProcess)
//   start=DURATION           until the program runs
//   start=fail               it cannot be launched
//   start=hang               the launch never ends by itself
//   run=DURATION | run=inf   until it ends by itself; of an executor inf if it is not said
//   exit=STATUS              how it ends then (0 if it is not said)
//   end=signal:NUMBER        or by a signal
//   end=oom                  or by the limit of its memory
//   term=ignore              it does not mind SIGTERM, nor an executor SHUTDOWN
// A duration is a whole number of ns, us, ms, s or m. For instance "task=f1-7 run=30s exit=0",
// "task=f1-8 start=20s run=inf term=ignore", "task=f1-9 start=fail", "executor=e1".
//
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

  // kInvalid names the word. One that is neither a task's nor an executor's is invalid too.
  static Result<ContainerScript> Parse(std::string_view text);
  // Parse reads back the same.
  std::string ToString() const;

  friend bool operator==(const ContainerScript&, const ContainerScript&) = default;
};

}  // namespace tepui::sim
