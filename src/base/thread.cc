// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace tepui {

std::thread StartThread(const std::string& name, std::move_only_function<void()> run) {
  try {
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    spdlog::critical(
        "The thread '{}' cannot be started: {}. Look at the limits on processes and memory of this "
        "user and its cgroup",
        name, error.code().message());
    std::_Exit(EXIT_FAILURE);
  }
}

}  // namespace tepui
