// SPDX-License-Identifier: Apache-2.0
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
//   run=DURATION | run=inf   until it ends by itself; default for an executor: inf
//   exit=STATUS              its exit status then; default: 0
//   end=signal:NUMBER        or by a signal
//   end=oom                  or by the limit of its memory
//   term=ignore              it ignores SIGTERM; an executor also ignores SHUTDOWN
// A duration is a whole number of ns, us, ms, s or m. For instance "task=f1-7 run=30s exit=0",
// "task=f1-8 start=20s run=inf term=ignore", "task=f1-9 start=fail", "executor=e1".
//
// A task of a custom executor carries its script in TaskInfo.data.
struct ContainerScript {
  enum class End { kExit, kSignal, kOom };
  std::string task;      // Empty if the container is not a task.
  std::string executor;  // Empty if the container is not a custom executor.
  Duration start{};      // Time until the program runs.
  bool start_fails = false;
  bool start_hangs = false;  // The launch never ends by itself.
  Duration run{};            // Duration::max(): the program runs until it is killed.
  End end = End::kExit;
  int code = 0;  // Exit status or signal.
  bool ignores_term = false;

  // The error kInvalid names the wrong word. A script with neither task nor executor is invalid
  // too.
  static Result<ContainerScript> Parse(std::string_view text);
  // Parse accepts the result and returns the same script.
  std::string ToString() const;

  friend bool operator==(const ContainerScript&, const ContainerScript&) = default;
};

}  // namespace tepui::sim
