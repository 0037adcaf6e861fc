// SPDX-License-Identifier: Apache-2.0
#include "base/flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/nearest_name.h"
#include "base/units.h"

namespace tepui {
namespace {

constexpr std::string_view kFileUri = "file://";

template <class T>
FlagBinding BindInteger(T* target) {
  return {.value_name = "NUMBER",
          .parse = [target](std::string_view text) -> Status {
            T value{};
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size()) {
              return Fail(Code::kInvalid, "expected a whole number from {} to {}, not '{}'",
                          std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), text);
            }
            *target = value;
            return {};
          },
          .format = [target] { return std::to_string(*target); }};
}

Result<std::string> ReadFlagFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(Code::kInvalid, "cannot open the file '{}'", path);
  std::string text;
  std::array<char, 16 << 10> chunk;
  while (file && text.size() <= kMaxFlagFileBytes) {
    file.read(chunk.data(), chunk.size());
    text.append(chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return Fail(Code::kInvalid, "cannot read the file '{}'", path);
  if (text.size() > kMaxFlagFileBytes) {
    return Fail(Code::kInvalid, "the file '{}' is larger than {}", path,
                FormatBytes(kMaxFlagFileBytes));
  }
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

std::string WithUnderscores(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '-', '_');
  return result;
}

std::string ToUpper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Returns true if two texts of an unsupported flag mean the same value, whatever its type.
bool SameValue(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto truth = [](std::string_view text) -> std::optional<bool> {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return std::nullopt;
  };
  if (truth(b) && truth(a) == truth(b)) return true;
  if (const Result<Duration> duration = ParseDuration(b); duration && ParseDuration(a) == duration)
    return true;
  const Result<uint64_t> bytes = ParseBytes(b);
  return bytes && ParseBytes(a) == bytes;
}

}  // namespace

FlagBinding BindFlag(bool* target) {
  return {.value_name = "",
          .parse = [target](std::string_view text) -> Status {
            if (text == "true" || text == "1") {
              *target = true;
            } else if (text == "false" || text == "0") {
              *target = false;
            } else {
              return Fail(Code::kInvalid, "expected true or false, not '{}'", text);
            }
            return {};
          },
          .format = [target] { return *target ? "true" : "false"; }};
}

FlagBinding BindFlag(int* target) { return BindInteger(target); }
FlagBinding BindFlag(uint16_t* target) { return BindInteger(target); }
FlagBinding BindFlag(uint64_t* target) { return BindInteger(target); }

FlagBinding BindFlag(double* target) {
  return {.value_name = "NUMBER",
          .parse = [target](std::string_view text) -> Status {
            double value = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
              return Fail(Code::kInvalid, "expected a number, not '{}'", text);
            }
            *target = value;
            return {};
          },
          .format = [target] { return fmt::format("{}", *target); }};
}

FlagBinding BindFlag(std::string* target) {
  return {.value_name = "TEXT",
          .parse = [target](std::string_view text) -> Status {
            *target = text;
            return {};
          },
          .format = [target] { return *target; }};
}

FlagBinding BindFlag(Duration* target) {
  return {.value_name = "DURATION",
          .parse = [target](std::string_view text) -> Status {
            const Result<Duration> duration = ParseDuration(text);
            if (!duration) return Fail(duration.error());
            if (*duration < Duration::zero())
              return Fail(Code::kInvalid, "expected no negative duration: '{}'", text);
            *target = *duration;
            return {};
          },
          .format = [target] { return FormatDuration(*target); }};
}

FlagBinding BindBytes(uint64_t* target) {
  return {.value_name = "SIZE",
          .parse = [target](std::string_view text) -> Status {
            const Result<uint64_t> bytes = ParseBytes(text);
            if (!bytes) return Fail(bytes.error());
            *target = *bytes;
            return {};
          },
          .format = [target] { return FormatBytes(*target); }};
}

Flag& Flag::Alias(std::string name) {
  aliases_.push_back(std::move(name));
  return *this;
}

Flag& Flag::Required() {
  required_ = true;
  return *this;
}

Flag& Flag::AlsoPlainPath() {
  files_ = Files::kUriAndPlainPath;
  return *this;
}

Flag& Flag::IsPath() {
  files_ = Files::kNever;
  if (!is_switch()) binding_.value_name = "PATH";
  return *this;
}

Flag& Flag::Secret() {
  secret_ = true;
  return *this;
}

Flag& Flag::Check(std::function<Status()> check) {
  checks_.push_back(std::move(check));
  return *this;
}

Result<std::string> Flag::Load(std::string_view text, std::vector<std::string>* warnings) const {
  if (text.starts_with(kFileUri)) {
    std::string path(text.substr(kFileUri.size()));
    if (files_ == Files::kNever) return path;
    return ReadFlagFile(path);
  }
  if (files_ == Files::kUriAndPlainPath && text.starts_with('/')) {
    warnings->push_back(fmt::format(
        "--{}={} is read as the path of a file; write file://{} instead", name_, text, text));
    return ReadFlagFile(std::string(text));
  }
  return std::string(text);
}

FlagTable::FlagTable(Options options) : options_(std::move(options)) {}

Flag& FlagTable::AddBinding(std::string name, FlagBinding binding, std::string help) {
  Flag& flag = flags_.emplace_back();
  flag.name_ = std::move(name);
  flag.group_ = group_;
  flag.help_ = std::move(help);
  flag.default_ = binding.format();
  flag.binding_ = std::move(binding);
  const bool added = names_.emplace(flag.name_, &flag).second;
  assert(added);
  static_cast<void>(added);
  return flag;
}

Flag& FlagTable::AddUnsupported(std::string name, const std::string& default_value,
                                std::string why) {
  if (const auto known = names_.find(name); known != names_.end()) return *known->second;
  const bool is_switch = default_value == "true" || default_value == "false";
  FlagBinding binding{.value_name = is_switch ? "" : "TEXT",
                      .parse = [default_value, why](std::string_view text) -> Status {
                        if (!default_value.empty() && SameValue(text, default_value)) return {};
                        return Fail(Code::kUnimplemented, "not supported yet: {}{}", why,
                                    default_value.empty()
                                        ? std::string()
                                        : fmt::format(" (only {} is accepted)", default_value));
                      },
                      .format = [default_value]() -> std::optional<std::string> {
                        if (default_value.empty()) return std::nullopt;
                        return default_value;
                      }};
  Flag& flag = AddBinding(std::move(name), std::move(binding), std::move(why));
  flag.supported_ = false;
  flag.files_ = Flag::Files::kNever;
  return flag;
}

FlagTable::Found FlagTable::Find(std::string_view name) {
  if (const auto it = names_.find(name); it != names_.end())
    return {.flag = it->second, .negated = false};
  if (name.starts_with("no_")) {
    const auto it = names_.find(name.substr(3));
    if (it != names_.end()) return {.flag = it->second, .negated = true};
  }
  return {};
}

FlagResult FlagTable::Parse(const std::vector<std::string>& words,
                            const std::vector<std::string>& environment) {
  for (Flag& flag : flags_) {
    for (const std::string& alias : flag.aliases_) names_.emplace(alias, &flag);
  }
  FlagResult result;
  ParseWords(words, &result);
  if (!options_.environment_prefix.empty()) ParseEnvironment(environment, &result);
  for (const Flag& flag : flags_) {
    if (!flag.required_ || flag.given_) continue;
    result.problems.push_back(fmt::format("--{} is missing: {}", flag.name_, flag.help_));
  }
  return result;
}

void FlagTable::ParseWords(const std::vector<std::string>& words, FlagResult* result) {
  bool flags_ended = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!flags_ended && word == "--") {
      flags_ended = true;
    } else if (!flags_ended && word == "-h") {
      result->help = true;
    } else if (!flags_ended && word.starts_with("--")) {
      bool took_next = false;
      ParseFlagWord(std::string_view(word).substr(2),
                    i + 1 < words.size() ? &words[i + 1] : nullptr, &took_next, result);
      if (took_next) ++i;
    } else if (options_.arguments.empty() || (!flags_ended && word.starts_with('-'))) {
      result->problems.push_back(fmt::format("'{}' is not a flag (flags start with --)", word));
    } else {
      // The first word of a command ends the flags: what follows belongs to the command.
      if (!options_.flags_after_arguments) flags_ended = true;
      result->arguments.push_back(word);
    }
  }
}

void FlagTable::ParseFlagWord(std::string_view word, const std::string* next, bool* took_next,
                              FlagResult* result) {
  const size_t equals = word.find('=');
  const std::string_view written = word.substr(0, equals);
  const std::string name = WithUnderscores(written);
  const bool has_value = equals != std::string_view::npos;
  const std::string as_given = fmt::format("--{}", written);

  if (name == "help" && !has_value) {
    result->help = true;
    return;
  }
  if (name == "version" && !has_value) {
    result->version = true;
    return;
  }
  const Found found = Find(name);
  if (found.flag == nullptr) {
    result->problems.push_back(
        fmt::format("{} is not a flag of {}{}", as_given, options_.program, Suggestion(name)));
    return;
  }
  Flag* flag = found.flag;
  if (flag->given_) {
    result->problems.push_back(fmt::format("--{} is given more than once", flag->name_));
    *took_next = !has_value && !flag->is_switch() && next != nullptr && !next->starts_with("--");
    return;
  }
  if (found.negated) {
    flag->given_ = true;
    if (!flag->is_switch() || has_value) {
      result->problems.push_back(fmt::format(
          "{}: {}", as_given,
          has_value ? fmt::format("a value cannot follow --no-{}", flag->name_)
                    : fmt::format("--{} takes a value and has no --no- form", flag->name_)));
      return;
    }
    Assign(flag, "false", as_given, result);
  } else if (has_value) {
    Assign(flag, word.substr(equals + 1), as_given, result);
  } else if (flag->is_switch()) {
    Assign(flag, "true", as_given, result);
  } else if (next != nullptr && !next->starts_with("--")) {
    *took_next = true;
    Assign(flag, *next, as_given, result);
  } else {
    flag->given_ = true;
    result->problems.push_back(
        fmt::format("{} needs a value: {}={}", as_given, as_given, flag->binding_.value_name));
  }
  if (const auto alias = std::ranges::find(flag->aliases_, name); alias != flag->aliases_.end()) {
    result->warnings.push_back(fmt::format("--{} is an old name: write --{}", *alias, flag->name_));
  }
}

void FlagTable::ParseEnvironment(const std::vector<std::string>& environment, FlagResult* result) {
  for (Flag& flag : flags_) {
    if (flag.given_) continue;
    std::vector<std::string> spellings = {flag.name_};
    spellings.insert(spellings.end(), flag.aliases_.begin(), flag.aliases_.end());
    for (const std::string& spelling : spellings) {
      const std::string variable = options_.environment_prefix + ToUpper(spelling);
      const auto entry = std::ranges::find_if(environment, [&](std::string_view text) {
        return text.size() > variable.size() + 1 && text.starts_with(variable) &&
               text[variable.size()] == '=';
      });
      if (entry == environment.end()) continue;
      Assign(&flag, std::string_view(*entry).substr(variable.size() + 1), variable, result);
      if (spelling != flag.name_) {
        result->warnings.push_back(fmt::format("{} is an old name: set {}{}", variable,
                                               options_.environment_prefix, ToUpper(flag.name_)));
      }
      break;
    }
  }
}

void FlagTable::Assign(Flag* flag, std::string_view text, const std::string& as_given,
                       FlagResult* result) {
  flag->given_ = true;
  Result<std::string> value = flag->Load(text, &result->warnings);
  if (!value) {
    result->problems.push_back(fmt::format("{}: {}", as_given, value.error().message));
    return;
  }
  if (const Status parsed = flag->binding_.parse(*value); !parsed) {
    result->problems.push_back(fmt::format("{}: {}", as_given, parsed.error().message));
    return;
  }
  for (const auto& check : flag->checks_) {
    if (const Status checked = check(); !checked) {
      result->problems.push_back(fmt::format("{} {}", as_given, checked.error().message));
    }
  }
}

std::string FlagTable::Suggestion(std::string_view name) const {
  std::vector<std::string_view> known;
  std::vector<const Flag*> flags;
  for (const auto& [written, flag] : names_) {
    if (!flag->supported_) continue;
    known.push_back(written);
    flags.push_back(flag);
  }
  const std::optional<size_t> nearest = NearestName(name, known);
  return nearest ? fmt::format("; did you mean --{}?", flags[*nearest]->name_) : "";
}

bool FlagTable::Given(std::string_view name) const {
  const auto it = names_.find(name);
  return it != names_.end() && it->second->given_;
}

std::vector<std::pair<std::string, std::string>> FlagTable::Values() const {
  std::vector<std::pair<std::string, std::string>> values;
  for (const Flag& flag : flags_) {
    const std::optional<std::string> value = flag.binding_.format();
    if (!value) continue;
    values.emplace_back(flag.name_, flag.secret_ ? "(hidden)" : *value);
  }
  std::ranges::sort(values);
  return values;
}

std::vector<std::string> ProcessEnvironment() {
  std::vector<std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    environment.emplace_back(*entry);
  return environment;
}

}  // namespace tepui
