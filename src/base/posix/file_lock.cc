// SPDX-License-Identifier: Apache-2.0
#include "base/posix/file_lock.h"

#include <sys/file.h>

#include <chrono>
#include <thread>

namespace tepui {
namespace {

constexpr int kTries = 50;
constexpr auto kPause = std::chrono::milliseconds(20);

}  // namespace

bool TakeLock(const FileDescriptor& file) {
  for (int tries = 1; flock(file.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (tries == kTries) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

}  // namespace tepui
