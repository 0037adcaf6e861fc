// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/container_script.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace tepui::sim {

namespace {

constexpr int kMaxExitStatus = 255;
constexpr int kMaxSignal = 64;
constexpr std::string_view kSignal = "signal:";

// Largest first.
constexpr std::array<std::pair<std::string_view, int64_t>, 5> kUnits = {{
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

std::optional<int> ParseNumber(std::string_view text, int max) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  if (number < 0 || number > max) return std::nullopt;
  return number;
}

std::optional<Duration> ParseTime(std::string_view text) {
  int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || count < 0) return std::nullopt;
  for (const auto& [name, nanoseconds] : kUnits) {
    if (std::string_view(stop, end) != name) continue;
    if (count > std::numeric_limits<int64_t>::max() / nanoseconds) return std::nullopt;
    return Duration(count * nanoseconds);
  }
  return std::nullopt;
}

std::string FormatTime(Duration time) {
  for (const auto& [name, nanoseconds] : kUnits) {
    const int64_t count = time.count() / nanoseconds;
    if (count * nanoseconds == time.count() && count > 0) return fmt::format("{}{}", count, name);
  }
  return "0s";
}

bool ParseStart(std::string_view value, ContainerScript& script) {
  if (value == "fail") return script.start_fails = true;
  if (value == "hang") return script.start_hangs = true;
  const auto time = ParseTime(value);
  if (time) script.start = *time;
  return time.has_value();
}

bool ParseRun(std::string_view value, std::optional<Duration>& run) {
  run = value == "inf" ? Duration::max() : ParseTime(value);
  return run.has_value();
}

bool ParseEnd(std::string_view value, ContainerScript& script) {
  if (value == "oom") {
    script.end = ContainerScript::End::kOom;
    return true;
  }
  if (!value.starts_with(kSignal)) return false;
  const auto number = ParseNumber(value.substr(kSignal.size()), kMaxSignal);
  if (!number || *number == 0) return false;
  script.end = ContainerScript::End::kSignal;
  script.code = *number;
  return true;
}

bool ParseExit(std::string_view value, ContainerScript& script) {
  const auto number = ParseNumber(value, kMaxExitStatus);
  if (!number) return false;
  script.end = ContainerScript::End::kExit;
  script.code = *number;
  return true;
}

bool ParseWord(std::string_view word, ContainerScript& script, std::optional<Duration>& run) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (key == "task" || key == "executor") {
    (key == "task" ? script.task : script.executor) = value;
    return !value.empty();
  }
  if (key == "start") return ParseStart(value, script);
  if (key == "run") return ParseRun(value, run);
  if (key == "exit") return ParseExit(value, script);
  if (key == "end") return ParseEnd(value, script);
  if (key == "term" && value == "ignore") return script.ignores_term = true;
  return false;
}

}  // namespace

Result<ContainerScript> ContainerScript::Parse(std::string_view text) {
  ContainerScript script;
  std::optional<Duration> run;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    if (word.empty()) continue;
    if (!ParseWord(word, script, run)) {
      return Fail(Code::kInvalid, "'{}' is no word of a container's script: '{}'", word, text);
    }
  }
  if (script.task.empty() == script.executor.empty()) {
    return Fail(Code::kInvalid, "'{}' is not the script of either a task or an executor", text);
  }
  script.run = run.value_or(script.executor.empty() ? Duration::zero() : Duration::max());
  return script;
}

std::string ContainerScript::ToString() const {
  std::string text = task.empty() ? "executor=" + executor : "task=" + task;
  if (start > Duration::zero()) text += " start=" + FormatTime(start);
  if (start_fails) text += " start=fail";
  if (start_hangs) text += " start=hang";
  text += " run=" + (run == Duration::max() ? "inf" : FormatTime(run));
  switch (end) {
    case End::kExit:
      text += fmt::format(" exit={}", code);
      break;
    case End::kSignal:
      text += fmt::format(" end={}{}", kSignal, code);
      break;
    case End::kOom:
      text += " end=oom";
      break;
  }
  if (ignores_term) text += " term=ignore";
  return text;
}

}  // namespace tepui::sim
