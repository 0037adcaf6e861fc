// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace tepui {

// Starts a thread that runs `run`. If the system refuses another thread, the process ends with a
// sentence that names `name`, and status 1: it cannot work without it.
std::thread StartThread(const std::string& name, std::move_only_function<void()> run);

}  // namespace tepui
