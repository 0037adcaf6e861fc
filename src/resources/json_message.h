#pragma once

#include <google/protobuf/message.h>

#include <boost/json/fwd.hpp>
#include <string>

#include "base/result.h"

namespace tepui {

// Deepest nesting of the JSON form of --resources.
inline constexpr int kMaxResourceJsonDepth = 32;

// Reads a JSON object into `message`: fields by their declared names, enums by name, unknown fields
// ignored. For flags only, and only for the types of fields that resources are made of; messages of
// the wire are read by src/wire. `path` begins the sentence of a failure.
Status ReadJsonMessage(const boost::json::value& json, const std::string& path,
                       google::protobuf::Message* message);

}  // namespace tepui
