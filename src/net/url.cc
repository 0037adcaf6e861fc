// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "net/http.h"

namespace tepui::net {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
      continue;
    }
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Fail(Code::kInvalid, "Bad %-escape '{}': two hexadecimal digits must follow the %",
                  text.substr(i, 3));
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

const std::string* FindField(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? nullptr : &found->second;
}

Result<Fields> ParseFields(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    // Both separators are accepted, as in Mesos' endpoints.
    const size_t end = text.find_first_of("&;");
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto name = PercentDecode(pair.substr(0, equals), true);
    if (!name) return Fail(name.error());
    auto value = PercentDecode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!value) return Fail(value.error());
    if (name->find('\0') != std::string::npos || value->find('\0') != std::string::npos) {
      return Fail(Code::kInvalid, "A name or a value contains an escaped NUL");
    }
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

Result<Url> ParseTarget(std::string_view target) {
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) {
    return Fail(Code::kInvalid, "The request target '{}' must start with '/'", target);
  }
  const size_t question = target.find('?');
  auto path = PercentDecode(target.substr(0, question), false);
  if (!path) return Fail(path.error());
  if (path->find('\0') != std::string::npos)
    return Fail(Code::kInvalid, "The path contains an escaped NUL");

  auto query = ParseFields(question == std::string_view::npos ? std::string_view()
                                                              : target.substr(question + 1));
  if (!query) return Fail(query.error());
  return Url{.path = std::move(*path), .query = std::move(*query)};
}

}  // namespace tepui::net
