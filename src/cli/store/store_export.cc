// SPDX-License-Identifier: Apache-2.0
#include "cli/store/store_export.h"

#include <fmt/format.h>
#include <zlib.h>

#include <charconv>
#include <utility>

#include "storage/limits.h"
#include "wire/base64.h"

namespace tepui::cli {
namespace {

constexpr std::string_view kName = "tepui-store";
constexpr std::string_view kHeader = "tepui-store 1";
constexpr std::string_view kEnd = "end ";
// Limit for unexpected text in a message.
constexpr size_t kShownBytes = 60;

uint32_t Checksum(uint32_t before, std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool IsEscaped(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7F || c == '%';
}

std::string Escape(std::string_view key) {
  std::string text;
  text.reserve(key.size());
  for (const char c : key) {
    if (IsEscaped(c)) {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

// Returns nothing if `text` is not what Escape makes of a key.
std::optional<std::string> Unescape(std::string_view text) {
  std::string key;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      key += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* const digits = text.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
    key += static_cast<char>(byte);
    i += 2;
  }
  return Escape(key) == text ? std::optional(std::move(key)) : std::nullopt;
}

std::string Shown(std::string_view text) {
  if (text.size() <= kShownBytes) return Escape(text);
  return Escape(text.substr(0, kShownBytes)) + "...";
}

}  // namespace

ExportWriter::ExportWriter(std::ostream& out) : out_(out) { WriteLine(std::string(kHeader)); }

void ExportWriter::WriteLine(std::string line) {
  line += '\n';
  checksum_ = Checksum(checksum_, line);
  out_ << line;
}

void ExportWriter::Add(const storage::Entry& entry) {
  std::string line = Escape(entry.key) + ' ';
  wire::AppendBase64(entry.value, &line);
  WriteLine(std::move(line));
  ++entries_;
}

void ExportWriter::End() { WriteLine(fmt::format("{}{} {:08x}", kEnd, entries_, checksum_)); }

template <class... Args>
std::unexpected<Error> ExportReader::Unexpected(fmt::format_string<Args...> format,
                                                Args&&... args) const {
  return Fail(Code::kInvalid, "line {}: {}", line_,
              fmt::format(format, std::forward<Args>(args)...));
}

Result<std::string> ExportReader::ReadLine(std::string_view expected) {
  ++line_;
  std::string line;
  std::streambuf* const bytes = in_.rdbuf();
  for (int c = bytes->sbumpc(); c != '\n'; c = bytes->sbumpc()) {
    if (c == std::istream::traits_type::eof()) {
      if (line.empty()) return Unexpected("expected {}, but the file ends here", expected);
      return Unexpected("expected the line's end after '{}', but the file ends here", Shown(line));
    }
    if (line.size() == kMaxLineBytes) {
      return Unexpected("expected {}, but the line has more than {} bytes", expected,
                        kMaxLineBytes);
    }
    line += static_cast<char>(c);
  }
  return line;
}

Status ExportReader::ReadHeader() {
  auto line = ReadLine("'tepui-store 1'");
  if (!line) return Fail(line.error());
  if (*line != kHeader) {
    if (line->starts_with(kName))
      return Unexpected("expected '{}', not '{}': a newer version of Tepui wrote this; use that",
                        kHeader, Shown(*line));
    return Unexpected("expected '{}', not '{}': this is not an export of a store", kHeader,
                      Shown(*line));
  }
  checksum_ = Checksum(0, *line + '\n');
  return {};
}

Result<std::optional<storage::Entry>> ExportReader::Next() {
  if (line_ == 0) {
    if (Status header = ReadHeader(); !header) return Fail(header.error());
  }
  auto line = ReadLine("an entry or 'end'");
  if (!line) return Fail(line.error());
  // The end line has three words; an entry has two.
  if (line->starts_with(kEnd) && line->find(' ', kEnd.size()) != std::string::npos) {
    if (Status end = ReadEnd(*line); !end) return Fail(end.error());
    return std::nullopt;
  }
  auto entry = ReadEntry(*line);
  if (!entry) return Fail(entry.error());
  checksum_ = Checksum(checksum_, *line + '\n');
  ++entries_;
  return std::move(*entry);
}

Result<storage::Entry> ExportReader::ReadEntry(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) {
    return Unexpected("expected a key, a space and a value, not '{}'", Shown(line));
  }
  std::optional<std::string> key = Unescape(line.substr(0, space));
  if (!key) {
    return Unexpected(
        "expected a key in which %, white space and control characters are %XX, not '{}'",
        Shown(line.substr(0, space)));
  }
  if (Status checked = storage::CheckKey(*key); !checked) {
    return Unexpected("expected a key: {}", checked.error().message);
  }
  if (*key == storage::kImportKey) {
    return Unexpected("expected an entry, not '{}', which marks an unfinished import", *key);
  }
  if (entries_ > 0 && *key <= last_key_) {
    return Unexpected("expected a key that sorts after '{}', the key of the line before, not '{}'",
                      Shown(last_key_), Shown(*key));
  }
  const std::string_view base64 = line.substr(space + 1);
  // Accepts only the canonical encoding, so that any changed byte is noticed.
  auto value = wire::DecodeBase64(base64);
  std::string again;
  if (value) wire::AppendBase64(*value, &again);
  if (!value || again != base64) {
    return Unexpected("expected a value in base64 after the key '{}', not '{}'", Shown(*key),
                      Shown(base64));
  }
  if (value->size() > storage::Store::kMaxValueBytes) {
    return Unexpected("expected a value of up to {} bytes for '{}', not one of {}",
                      storage::Store::kMaxValueBytes, Shown(*key), value->size());
  }
  last_key_ = *key;
  return storage::Entry{.key = std::move(*key), .value = std::move(*value)};
}

Status ExportReader::ReadEnd(std::string_view line) {
  const std::string expected = fmt::format("{}{} {:08x}", kEnd, entries_, checksum_);
  if (line != expected) {
    return Unexpected("expected '{}', not '{}': entries are missing or were changed", expected,
                      Shown(line));
  }
  if (in_.rdbuf()->sgetc() != std::istream::traits_type::eof()) {
    return Unexpected("expected the file's end after this line");
  }
  return {};
}

}  // namespace tepui::cli
