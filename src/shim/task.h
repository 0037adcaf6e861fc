#pragma once

#include "shim/decode.h"

namespace tepui::shim {

// What kept a task from starting.
struct Failure {
  uint32_t stage = kNoStage;
  int32_t error = 0;
  uint32_t index = 0;
};

// Starts the task of `launch` in a child process and returns its pid once its program is executing;
// -1 with `failure` filled if it is not (the child is reaped then). Called once, in a process of
// one thread.
int StartTask(const LaunchView& launch, Failure* failure);

}  // namespace tepui::shim
