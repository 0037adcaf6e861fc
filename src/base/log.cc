// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <vector>

namespace tepui {

Status SetUpLog(const LogOptions& options) {
  spdlog::level::level_enum level;
  if (options.level == "DEBUG") {
    level = spdlog::level::debug;
  } else if (options.level == "INFO") {
    level = spdlog::level::info;
  } else if (options.level == "WARNING") {
    level = spdlog::level::warn;
  } else if (options.level == "ERROR") {
    level = spdlog::level::err;
  } else {
    return Fail(Code::kInvalid, "Unknown logging level '{}': use INFO, WARNING, ERROR or DEBUG",
                options.level);
  }

  std::vector<spdlog::sink_ptr> sinks;
  if (!options.quiet) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!options.directory.empty()) {
    const std::string path = options.directory + "/" + options.program + ".log";
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    } catch (const spdlog::spdlog_ex& e) {
      return Fail(Code::kInvalid, "Cannot write the log file '{}': {}", path, e.what());
    }
  }
  auto logger = std::make_shared<spdlog::logger>(options.program, sinks.begin(), sinks.end());
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %L %v");
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace tepui
