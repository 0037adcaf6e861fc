// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace tepui {
namespace {

// U+0080 to U+009F: terminals obey some of them.
bool IsSecondHalfOfControl(unsigned char byte) { return byte >= 0x80 && byte < 0xA0; }

// Writes the message with its control characters as \xNN. Names and sentences of clients are in it,
// which must neither make lines that look like others' nor reach a terminal.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    unsigned char last = 0;
    for (const char c : message.payload) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7F || (last == 0xC2 && IsSecondHalfOfControl(byte))) {
        fmt::format_to(std::back_inserter(out), "\\x{:02X}", byte);
      } else {
        out.push_back(c);
      }
      last = byte;
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>();
  }
};

}  // namespace

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
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    } catch (const spdlog::spdlog_ex& e) {
      return Fail(Code::kInvalid, "Cannot write the log file '{}': {}", path, e.what());
    }
  }
  auto logger = std::make_shared<spdlog::logger>(options.program, sinks.begin(), sinks.end());
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<EscapedMessage>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %L %*");
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace tepui
