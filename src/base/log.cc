// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace tepui {
namespace {

// Throws if the file that was opened as `path` is behind a link, which somebody may have put into a
// directory that others can write to.
void RefuseLink(const std::string& path, std::FILE* file) {
  struct stat opened{};
  struct stat named{};
  if (fstat(fileno(file), &opened) == 0 && lstat(path.c_str(), &named) == 0 &&
      S_ISREG(named.st_mode) && opened.st_nlink == 1 && opened.st_ino == named.st_ino &&
      opened.st_dev == named.st_dev) {
    return;
  }
  throw spdlog::spdlog_ex("there is a link instead of a file");
}

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
    spdlog::file_event_handlers handlers;
    handlers.after_open = RefuseLink;
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path, false, handlers));
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
