// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace tepui::sim {

// The events of a run, one per line: seconds since the start with nine decimals, then a sentence.
// Equal runs write equal bytes; `hash` stands for all of them if they are not kept.
class Trace {
 public:
  static constexpr uint64_t kRecent = 2000;

  // Without `keep`, only the last kRecent lines, or up to twice as many, can be read.
  explicit Trace(bool keep) : keep_(keep) {}

  template <class... Args>
  void Write(MonotonicTime when, fmt::format_string<Args...> format, Args&&... args) {
    Append(when, fmt::format(format, std::forward<Args>(args)...));
  }

  // Every later line is written there too, at once.
  void CopyTo(std::FILE* file) { copy_ = file; }

  uint64_t hash() const { return hash_; }
  uint64_t lines() const { return lines_; }
  const std::string& text() const { return text_; }

 private:
  void Append(MonotonicTime when, std::string_view line);

  const bool keep_;
  std::FILE* copy_ = nullptr;
  uint64_t hash_ = 0xcbf29ce484222325;  // FNV-1a over the words of each line.
  uint64_t lines_ = 0;
  uint64_t forgotten_ = 0;  // Number of lines that are no longer in text_.
  std::string text_;
};

}  // namespace tepui::sim
