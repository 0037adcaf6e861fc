// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.h"

#include <array>
#include <cstdint>

namespace tepui::wire {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint8_t kSpace = 0xfe;
constexpr uint8_t kBad = 0xff;

constexpr std::array<uint8_t, 256> MakeDecodeTable() {
  std::array<uint8_t, 256> table{};
  table.fill(kBad);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  for (char c : std::string_view(" \t\r\n\v\f")) table[static_cast<uint8_t>(c)] = kSpace;
  return table;
}

constexpr std::array<uint8_t, 256> kDecode = MakeDecodeTable();

}  // namespace

void AppendBase64(std::string_view bytes, std::string* out) {
  out->reserve(out->size() + (bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    uint32_t group = static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << 16;
    if (left > 1) group |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 1])) << 8;
    if (left > 2) group |= static_cast<uint8_t>(bytes[i + 2]);
    out->push_back(kAlphabet[group >> 18]);
    out->push_back(kAlphabet[group >> 12 & 63]);
    out->push_back(left > 1 ? kAlphabet[group >> 6 & 63] : '=');
    out->push_back(left > 2 ? kAlphabet[group & 63] : '=');
  }
}

Result<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  uint32_t group = 0;
  size_t characters = 0;
  size_t padding = 0;
  for (char c : text) {
    if (c == '=') {
      ++padding;
      continue;
    }
    const uint8_t value = kDecode[static_cast<uint8_t>(c)];
    if (value == kSpace) continue;
    if (value == kBad) {
      return Fail(Code::kInvalid, "byte {:#04x} is not a base64 character",
                  static_cast<uint8_t>(c));
    }
    if (padding > 0) return Fail(Code::kInvalid, "base64 data goes on after its padding");
    group = group << 6 | value;
    if (++characters % 4 == 0) {
      bytes.push_back(static_cast<char>(group >> 16 & 0xff));
      bytes.push_back(static_cast<char>(group >> 8 & 0xff));
      bytes.push_back(static_cast<char>(group & 0xff));
      group = 0;
    }
  }

  const size_t rest = characters % 4;
  if (rest == 1)
    return Fail(Code::kInvalid, "base64 data is cut off after {} characters", characters);
  if (padding > 0 && (rest == 0 || padding != 4 - rest)) {
    return Fail(Code::kInvalid, "base64 data is padded with {} '=' instead of {}", padding,
                rest == 0 ? 0 : 4 - rest);
  }
  if (rest == 2) bytes.push_back(static_cast<char>(group >> 4 & 0xff));
  if (rest == 3) {
    bytes.push_back(static_cast<char>(group >> 10 & 0xff));
    bytes.push_back(static_cast<char>(group >> 2 & 0xff));
  }
  return bytes;
}

}  // namespace tepui::wire
