// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tepui::net {

// ASCII only, like header names and tokens.
inline char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerAscii(a[i]) != LowerAscii(b[i])) return false;
  }
  return true;
}

// Removes the blanks and tabs at both ends.
inline std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Returns the text before the first `separator` and sets `text` to what follows it.
inline std::string_view NextField(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view field = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return field;
}

// Calls `visit` with each element of a comma-separated header value, trimmed, until it returns
// true. Returns whether it did.
template <class Visit>
bool AnyListElement(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::string_view element = Trim(NextField(list, ','));
    if (!element.empty() && visit(element)) return true;
  }
  return false;
}

}  // namespace tepui::net
