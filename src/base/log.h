// SPDX-License-Identifier: Apache-2.0
#pragma once

// The program's log. Use spdlog::info and friends with a sentence that names what happened to which
// thing. Levels: debug for tracing; info for changes of state that an operator wants to see in
// order; warn for what was refused or retried; error for what needs a person.

#include <spdlog/spdlog.h>

#include <string>

#include "base/result.h"

// fmt's library contains this instantiation, but its header does not declare it. Without this line
// each unit that logs would compile all of fmt's formatting, which takes two seconds.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);

namespace tepui {

struct LogOptions {
  std::string level = "INFO";  // INFO, WARNING or ERROR, as Mesos names them, or DEBUG.
  bool quiet = false;          // Nothing is written to stderr.
  std::string directory;       // If not empty, the log also goes to a file in this directory.
  std::string program = "tepui";
};

// Sets the process' log up. Call once, before other threads start.
Status SetUpLog(const LogOptions& options);

}  // namespace tepui
