// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "base/testing/temporary_directory.h"

namespace tepui {

// Returns false if `condition` does not become true within ten seconds.
inline bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 5'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

inline bool IsAlive(int pid) {
  std::string stat = Contents(fmt::format("/proc/{}/stat", pid));
  size_t paren = stat.rfind(')');
  return paren != std::string::npos && stat.substr(paren + 2, 1) != "Z";
}

inline size_t OpenDescriptors() {
  DIR* listing = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(listing) != nullptr) ++count;
  closedir(listing);
  return count;
}

}  // namespace tepui
