// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/flags.h"

namespace tepui {
namespace {

// The column of the explanations; those of flags with longer names begin on the next line.
constexpr size_t kHelpColumn = 34;
constexpr size_t kMinTextColumns = 30;

// Wraps `text` into lines of at most `width` characters (a single word may be longer).
std::vector<std::string> Wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void AppendParagraph(std::string_view text, size_t indent, size_t columns, std::string* out) {
  const size_t width = std::max(kMinTextColumns, columns > indent ? columns - indent : 0);
  for (const std::string& line : Wrap(text, width)) {
    out->append(indent, ' ');
    out->append(line);
    out->push_back('\n');
  }
}

void AppendEntry(std::string_view left, std::string_view text, size_t columns, std::string* out) {
  std::string paragraph;
  AppendParagraph(text, kHelpColumn, columns, &paragraph);
  if (left.size() + 2 <= kHelpColumn) {
    paragraph.replace(0, left.size(), left);
  } else {
    out->append(left);
    out->push_back('\n');
  }
  out->append(paragraph);
}

}  // namespace

std::string FlagTable::Help(size_t columns) const {
  std::string help = fmt::format("Usage: {} [flags]{}{}\n", options_.program,
                                 options_.arguments.empty() ? "" : " ", options_.arguments);
  help += '\n';
  AppendParagraph(options_.purpose, 0, columns, &help);
  if (!options_.environment_prefix.empty()) {
    AppendParagraph(
        fmt::format("Every flag --foo may also be given as {}FOO in the environment; the command "
                    "line wins. "
                    "A value of the form file:///path is replaced by the text of that file.",
                    options_.environment_prefix),
        0, columns, &help);
  }

  // Groups in the order in which they first appear.
  std::vector<std::string_view> groups;
  for (const Flag& flag : flags_) {
    if (flag.supported_ && std::ranges::find(groups, flag.group_) == groups.end())
      groups.push_back(flag.group_);
  }
  for (const std::string_view group : groups) {
    help += fmt::format("\n{}:\n", group.empty() ? "Flags" : group);
    for (const Flag& flag : flags_) {
      if (!flag.supported_ || flag.group_ != group) continue;
      const std::string left = flag.is_switch()
                                   ? fmt::format("  --[no-]{}", flag.name_)
                                   : fmt::format("  --{}={}", flag.name_, flag.binding_.value_name);
      std::string text = flag.help_;
      if (flag.required_) text += " (required)";
      if (flag.default_ && !flag.default_->empty())
        text += fmt::format(" (default: {})", *flag.default_);
      if (!flag.aliases_.empty())
        text += fmt::format(" (old name: {})", fmt::join(flag.aliases_, ", "));
      AppendEntry(left, text, columns, &help);
    }
  }
  help += "\nOther:\n";
  AppendEntry("  --help", "Shows this help.", columns, &help);
  AppendEntry("  --version", "Shows the version.", columns, &help);

  std::string unsupported;
  for (const Flag& flag : flags_) {
    if (flag.supported_) continue;
    if (!unsupported.empty()) unsupported += ", ";
    unsupported += flag.name_;
  }
  if (!unsupported.empty()) {
    help += "\nThese flags exist, but only their default value is accepted:\n";
    AppendParagraph(unsupported, 2, columns, &help);
  }
  return help;
}

}  // namespace tepui
