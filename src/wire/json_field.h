// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// These functions put one JSON value into one field by the Mesos mapping (reference trap 2): a
// singular field is set, a repeated one gets one more element. Errors name what was expected,
// without the path. `field` belongs to `message`.

// A number as it was written. Fractions of integer fields are cut off, as Mesos does; a number out
// of range is an error.
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
// Also accepts numbers and booleans given as text. An unknown enum name is dropped if the field is
// not required, as protobuf drops an unknown enum number.
Status PutString(std::string_view text, google::protobuf::Message* message,
                 const google::protobuf::FieldDescriptor* field);

// Reads a JSON number (also the content of a quoted one).
Result<JsonNumber> ParseJsonNumber(std::string_view text);

// Returns what a field takes, for errors: "a string", "a number", ...
std::string_view ExpectedOf(const google::protobuf::FieldDescriptor* field);

}  // namespace tepui::wire
