#pragma once

// The program's log. Use spdlog::info and friends with a sentence that names what happened to which
// thing; the levels: debug for tracing, info for changes of state an operator wants to see in
// order, warn for what was refused or retried, error for what needs a person.

#include <spdlog/spdlog.h>

#include <string>

#include "base/result.h"

// fmt's library has this and does not say so in its header: each unit that logs would compile all
// of fmt's formatting, two seconds of it.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);

namespace tepui {

struct LogOptions {
  std::string level = "INFO";  // INFO, WARNING or ERROR, as Mesos names them, or DEBUG.
  bool quiet = false;          // Nothing on stderr.
  std::string directory;       // Also to a file in this directory, if not empty.
  std::string program = "tepui";
};

// Sets the process' log up. Call once, before other threads start.
Status SetUpLog(const LogOptions& options);

}  // namespace tepui
