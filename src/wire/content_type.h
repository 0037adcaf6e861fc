// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/decode_cost.h"

namespace tepui::wire {

// The encodings of a v1 call or event.
enum class ContentType { kJson, kProtobuf };

inline constexpr std::string_view kApplicationJson = "application/json";
inline constexpr std::string_view kApplicationProtobuf = "application/x-protobuf";

std::string_view Name(ContentType type);

// Matches exactly and case-sensitively, as Mesos does (reference trap 5). Returns nothing for any
// other text.
std::optional<ContentType> ParseContentType(std::string_view header);

// Returns the best of JSON and protobuf for an Accept header (quality values and wildcards count;
// JSON wins ties, and an absent header means JSON), or nothing if it admits neither.
std::optional<ContentType> Negotiate(const std::string* accept_header);

std::string Encode(const google::protobuf::Message& message, ContentType type);

// Returns kInvalid with the reason if `bytes` is not a `type` encoding of the message with all its
// required fields. `ask` is asked for the memory of the message; see DecodeCost for its bounds.
Status Decode(std::string_view bytes, ContentType type, google::protobuf::Message* message,
              const MemoryAsker& ask = {});

}  // namespace tepui::wire
