// SPDX-License-Identifier: Apache-2.0
// Flags face the operator's scripts and whatever set the environment: any words and variables must
// end in values or in sentences, never in a crash. Input: words and environment entries separated
// by NUL; an entry that starts with "MESOS_" is a variable.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flags.h"
#include "base/units.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view entry = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // What is in the files of this machine is no part of the input.
    if (entry.find("file://") != std::string_view::npos ||
        entry.find("=/") != std::string_view::npos)
      continue;
    (entry.starts_with("MESOS_") ? environment : words).emplace_back(entry);
  }

  bool lookup = true;
  int count = 0;
  uint16_t port = 0;
  double factor = 0;
  std::optional<tepui::Duration> timeout;
  uint64_t bytes = 0;
  std::string text;
  tepui::FlagTable table({.program = "fuzz",
                          .purpose = "Reads flags.",
                          .arguments = "words",
                          .environment_prefix = "MESOS_"});
  table.Add("hostname_lookup", &lookup, "A switch.");
  table.Add("count", &count, "A number.");
  table.Add("port", &port, "A port.").Required();
  table.Add("factor", &factor, "A factor.");
  table.Add("timeout", &timeout, "A time.").Alias("old_timeout");
  table.AddBinding("bytes", tepui::BindBytes(&bytes), "A size.");
  table.Add("text", &text, "A text.").IsPath();
  table.AddUnsupported("zk", "", "not there");
  table.AddUnsupported("session", "10secs", "not there");
  table.Parse(words, environment);
  table.Values();
  table.Help();
  for (const std::string& word : words) {
    if (const auto duration = tepui::ParseDuration(word)) {
      if (tepui::ParseDuration(tepui::FormatDuration(*duration)) != duration) __builtin_trap();
    }
    if (const auto size_read = tepui::ParseBytes(word)) {
      if (tepui::ParseBytes(tepui::FormatBytes(*size_read)) != size_read) __builtin_trap();
    }
  }
  return 0;
}
