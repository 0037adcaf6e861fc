// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/decode_cost.h"

namespace tepui::wire {

// Protobuf messages as JSON by the Mesos mapping (reference 1.1, trap 2), which differs from
// protobuf's own: field names as declared, 64-bit integers as numbers, enums by name, bytes as
// base64, maps as objects. Generated message classes only.

// The deepest nesting of objects and arrays that is accepted.
inline constexpr int kMaxJsonDepth = 100;

// Writes the fields that are set, and those that have an explicit proto2 default even if unset
// (unless deprecated). Empty repeated fields are left out. Non-finite doubles are written as the
// strings "Infinity", "-Infinity", "NaN".
std::string ToJson(const google::protobuf::Message& message);
void AppendJson(const google::protobuf::Message& message, std::string* out);

// Reads one JSON object into `message` (cleared first). Unknown fields are ignored. A wrong type,
// an unknown enum name in a required field, bad base64, a missing required field, trailing bytes or
// too deep a nesting is kInvalid; the sentence names the path of the field. `ask` is asked for the
// memory of the message; see DecodeCost for its bounds.
Status FromJson(std::string_view json, google::protobuf::Message* message,
                const MemoryAsker& ask = {});

// Appends `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace tepui::wire
