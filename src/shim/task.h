// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shim/decode.h"

namespace tepui::shim {

// Why a task could not start.
struct Failure {
  uint32_t stage = kNoStage;
  int32_t error = 0;
  uint32_t index = 0;
};

// Starts the task of `launch` in a child process and returns its pid once its program is executing;
// returns -1 with `failure` filled in if it could not start (the child is reaped then). Called
// once, in a process of one thread.
int StartTask(const LaunchView& launch, Failure* failure);

}  // namespace tepui::shim
