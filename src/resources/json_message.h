// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <boost/json/fwd.hpp>
#include <string>

#include "base/result.h"

namespace tepui {

// The deepest nesting of the JSON form of --resources.
inline constexpr int kMaxResourceJsonDepth = 32;

// Reads a JSON object into `message`: fields by their declared names, enums by name; unknown fields
// are ignored. Only for flags, and only for the types of fields that resources are made of;
// src/wire reads messages of the protocol. The sentence of a failure begins with `path`.
Status ReadJsonMessage(const boost::json::value& json, const std::string& path,
                       google::protobuf::Message* message);

}  // namespace tepui
