// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tepui {

// Command-line flags and their environment variables in the manner of Mesos (reference 7). A
// program fills a FlagTable with flags bound to the members that they set, preferably those of the
// options that its parts are constructed with, so that a default is written once. It parses once
// and finds every problem of the command line and the environment in one list.
//
// The table is our own because CLI11 stops at the first error (it throws) and supports neither
// `--no-foo` for a bound bool, nor deprecated names that warn, nor values read from file:// URIs.
// The part of it that we could use is a tokenizer of one loop.
//
// Syntax: --name=value, --name value, --flag, --no-flag, --flag=true|false|1|0; "-" and "_" in
// names are the same; "--" ends the flags. A value "file:///path" stands for what is in the file
// (at most kMaxFlagFileBytes, white space at its end cut off). An empty environment variable counts
// as unset. Not thread-safe.

inline constexpr size_t kMaxFlagFileBytes = 16 << 20;

// How a flag's text becomes its value and back.
struct FlagBinding {
  // For --help: "DURATION". Empty for a switch (a bool).
  std::string value_name;
  // An error names what was expected.
  std::function<Status(std::string_view)> parse;
  // The present value; nothing if there is none.
  std::function<std::optional<std::string>()> format;
};

FlagBinding BindFlag(bool* target);
FlagBinding BindFlag(int* target);
FlagBinding BindFlag(uint16_t* target);
FlagBinding BindFlag(uint64_t* target);
FlagBinding BindFlag(double* target);
FlagBinding BindFlag(std::string* target);
FlagBinding BindFlag(Duration* target);

// A number of bytes, such as "10KB".
FlagBinding BindBytes(uint64_t* target);

// One of a few words, each of which stands for a value.
template <class T>
FlagBinding BindChoice(T* target, std::vector<std::pair<std::string, T>> choices) {
  return {.value_name = "TEXT",
          .parse = [target, choices](std::string_view text) -> Status {
            std::string words;
            for (const auto& [word, value] : choices) {
              if (word == text) {
                *target = value;
                return {};
              }
              words += (words.empty() ? "" : " or ") + word;
            }
            return Fail(Code::kInvalid, "'{}' is not {}", text, words);
          },
          .format = [target, choices]() -> std::optional<std::string> {
            for (const auto& [word, value] : choices) {
              if (value == *target) return word;
            }
            return std::nullopt;
          }};
}

template <class T>
FlagBinding BindFlag(std::optional<T>* target) {
  T unset{};
  return {.value_name = BindFlag(&unset).value_name,
          .parse = [target](std::string_view text) -> Status {
            T value{};
            if (Status parsed = BindFlag(&value).parse(text); !parsed) return parsed;
            *target = std::move(value);
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            return BindFlag(&**target).format();
          }};
}

// One flag, described further by the calls chained to FlagTable::Add.
class Flag {
 public:
  // An older name, still accepted with a warning.
  Flag& Alias(std::string name);
  // It is a problem if neither the command line nor the environment sets the flag.
  Flag& Required();
  // A plain absolute path is read like file://, with a warning (as Mesos does for its JSON flags).
  Flag& AlsoPlainPath();
  // The value is a path itself: a file:// prefix is cut off, the file not read.
  Flag& IsPath();
  // Holds a secret: Values() does not show it.
  Flag& Secret();
  // Checks the parsed value, if the flag was given. The error sentence starts after the flag's
  // name: "must be at least 1".
  Flag& Check(std::function<Status()> check);

  const std::string& name() const { return name_; }

 private:
  friend class FlagTable;

  enum class Files { kUri, kUriAndPlainPath, kNever };

  bool is_switch() const { return binding_.value_name.empty(); }
  Result<std::string> Load(std::string_view text, std::vector<std::string>* warnings) const;

  std::string name_;
  std::vector<std::string> aliases_;
  std::string group_;
  std::string help_;
  FlagBinding binding_;
  std::optional<std::string> default_;  // The declared default, for --help.
  std::vector<std::function<Status()>> checks_;
  Files files_ = Files::kUri;
  bool required_ = false;
  bool secret_ = false;
  bool supported_ = true;
  bool given_ = false;
};

struct FlagResult {
  bool help = false;
  bool version = false;
  std::vector<std::string> arguments;  // Words that are not flags.
  std::vector<std::string> warnings;   // Sentences for the log.
  std::vector<std::string> problems;   // Sentences; empty if the program may start.
};

class FlagTable {
 public:
  // `arguments` describes, for --help, the words that are not flags ("[--] command args..."); if it
  // is empty, there must be none. `environment_prefix`: "MESOS_" reads MESOS_<NAME> for every flag;
  // if it is empty, the environment is not read.
  struct Options {
    std::string program;
    std::string purpose;
    std::string arguments;
    std::string environment_prefix = "MESOS_";
    // Flags may follow arguments; otherwise the first argument ends the flags.
    bool flags_after_arguments = false;
  };

  explicit FlagTable(Options options);
  FlagTable(const FlagTable&) = delete;
  FlagTable& operator=(const FlagTable&) = delete;

  // Puts the flags that are added from here on under this heading in --help.
  void Group(std::string title) { group_ = std::move(title); }

  // `target` holds the default and must outlive the table. Names are written with "_". The returned
  // reference is valid as long as the table.
  template <class T>
  Flag& Add(std::string name, T* target, std::string help) {
    return AddBinding(std::move(name), BindFlag(target), std::move(help));
  }
  Flag& AddBinding(std::string name, FlagBinding binding, std::string help);

  // Declares a Mesos flag of a feature that is not there yet. It is refused with `why` unless the
  // given value means `default_value` (empty: Mesos has no default, so every value is refused). A
  // name that the table already has stays as it is.
  Flag& AddUnsupported(std::string name, const std::string& default_value, std::string why);

  // Parses the words after the program's name and the environment ("NAME=value" strings); the
  // command line wins. Call once.
  FlagResult Parse(const std::vector<std::string>& words,
                   const std::vector<std::string>& environment);

  // Returns true if the command line or the environment set the flag.
  bool Given(std::string_view name) const;

  // Every flag that has a value, by name, as /flags shows them.
  std::vector<std::pair<std::string, std::string>> Values() const;

  // Returns the help text for a terminal `columns` wide.
  std::string Help(size_t columns = 100) const;

 private:
  struct Found {
    Flag* flag = nullptr;
    bool negated = false;
  };

  Found Find(std::string_view name);
  void ParseWords(const std::vector<std::string>& words, FlagResult* result);
  void ParseFlagWord(std::string_view word, const std::string* next, bool* took_next,
                     FlagResult* result);
  void ParseEnvironment(const std::vector<std::string>& environment, FlagResult* result);
  void Assign(Flag* flag, std::string_view text, const std::string& as_given, FlagResult* result);
  std::string Suggestion(std::string_view name) const;

  Options options_;
  std::string group_;
  std::deque<Flag> flags_;                           // Stable addresses.
  std::map<std::string, Flag*, std::less<>> names_;  // Names and aliases.
};

// The process' environment for FlagTable::Parse.
std::vector<std::string> ProcessEnvironment();

}  // namespace tepui
