#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// One JSON value put into one field by the Mesos mapping (reference trap 2): a singular field is
// set, a repeated one gets one more element. Errors say what was expected, without the path.
// `field` belongs to `message`.

// A number as the text has it. Fractions of integer fields are cut off, as Mesos does; out of range
// is an error.
struct JsonNumber {
  enum class Kind { kSigned, kUnsigned, kDouble } kind = Kind::kSigned;
  int64_t as_signed = 0;
  uint64_t as_unsigned = 0;
  double as_double = 0;
};

Status PutNumber(const JsonNumber& number, google::protobuf::Message* message,
                 const google::protobuf::FieldDescriptor* field);
Status PutBool(bool value, google::protobuf::Message* message,
               const google::protobuf::FieldDescriptor* field);
// Also numbers and booleans given as text. The unknown name of an enum value that is not required
// is dropped, as a number unknown to protobuf would be.
Status PutString(std::string_view text, google::protobuf::Message* message,
                 const google::protobuf::FieldDescriptor* field);

// Reads the text of a JSON number (also of one in quotes).
Result<JsonNumber> ParseJsonNumber(std::string_view text);

// "a string", "a number", ... as errors name what a field takes.
std::string_view ExpectedOf(const google::protobuf::FieldDescriptor* field);

}  // namespace tepui::wire
