// SPDX-License-Identifier: Apache-2.0
#include "wire/content_type.h"

#include <charconv>
#include <limits>

#include "wire/json.h"
#include "wire/required.h"

namespace tepui::wire {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// Removes the part before `separator` from the front of `text` and returns it trimmed.
std::string_view TakePart(std::string_view* text, char separator) {
  const size_t end = text->find(separator);
  const std::string_view part = Trim(text->substr(0, end));
  *text = end == std::string_view::npos ? std::string_view() : text->substr(end + 1);
  return part;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Returns the quality of a media range from its parameters: 1 unless there is exactly one q; 0 if
// that is not a number above 0.
double Quality(std::string_view parameters) {
  double quality = 1;
  int found = 0;
  while (!parameters.empty()) {
    std::string_view value = TakePart(&parameters, ';');
    if (!EqualsIgnoringCase(TakePart(&value, '='), "q")) continue;
    ++found;
    value = Trim(value);
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, quality);
    const bool number = error == std::errc() && stop == end && quality > 0;
    quality = number ? std::min(quality, 1.0) : 0;
  }
  return found > 1 ? 1 : quality;
}

// Returns how much `accept` prefers a media type: the most specific range that matches decides, and
// the first among equally specific ones.
double QualityOf(std::string_view accept, std::string_view type) {
  for (std::string_view candidate :
       {type, std::string_view("application/*"), std::string_view("*/*")}) {
    std::string_view rest = accept;
    while (!rest.empty()) {
      std::string_view range = TakePart(&rest, ',');
      if (EqualsIgnoringCase(TakePart(&range, ';'), candidate)) return Quality(range);
    }
  }
  return 0;
}

// What is smaller cannot become large enough to matter.
constexpr size_t kFreeBytes = 4 << 10;

Status DecodeProtobuf(std::string_view bytes, google::protobuf::Message* message,
                      const MemoryAsker& ask) {
  const std::string& name = message->GetDescriptor()->full_name();
  message->Clear();
  if (bytes.size() > kFreeBytes) {
    DecodeCost cost(ask);
    if (Status counted = AddProtobuf(bytes, message->GetDescriptor(), &cost); !counted) {
      return counted;
    }
  }
  // Protobuf counts in int; the edge's limit on bodies is far below that.
  const bool readable =
      bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
      message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!readable) return Fail(Code::kInvalid, "The body is not a protobuf message {}", name);
  if (const auto missing = FirstMissingField(*message)) {
    return Fail(Code::kInvalid, "{}: this required field is missing", *missing);
  }
  return {};
}

}  // namespace

std::string_view Name(ContentType type) {
  return type == ContentType::kJson ? kApplicationJson : kApplicationProtobuf;
}

std::optional<ContentType> ParseContentType(std::string_view header) {
  if (header == kApplicationJson) return ContentType::kJson;
  if (header == kApplicationProtobuf) return ContentType::kProtobuf;
  return std::nullopt;
}

std::optional<ContentType> Negotiate(const std::string* accept_header) {
  if (accept_header == nullptr) return ContentType::kJson;
  const double json = QualityOf(*accept_header, kApplicationJson);
  const double protobuf = QualityOf(*accept_header, kApplicationProtobuf);
  if (json <= 0 && protobuf <= 0) return std::nullopt;
  return json >= protobuf ? ContentType::kJson : ContentType::kProtobuf;
}

std::string Encode(const google::protobuf::Message& message, ContentType type) {
  return type == ContentType::kJson ? ToJson(message) : message.SerializePartialAsString();
}

Status Decode(std::string_view bytes, ContentType type, google::protobuf::Message* message,
              const MemoryAsker& ask) {
  return type == ContentType::kJson ? FromJson(bytes, message, ask)
                                    : DecodeProtobuf(bytes, message, ask);
}

}  // namespace tepui::wire
