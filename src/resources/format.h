#pragma once

#include <string>

#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Resources of messages as text, the way Mesos prints them: "cpus:4; ports:[1-2]",
// "disk(reservations: [(DYNAMIC,role,principal,{k: v})])[id:path]:64". Also of resources that
// nobody has validated.
std::string FormatResource(const v1::Resource& resource);
std::string FormatResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources);

// FormatResource, cut to a length that fits into a sentence.
std::string FormatBriefly(const v1::Resource& resource);

// The value alone: "4", "[1-2]", "{a, b}".
std::string FormatValue(const v1::Resource& resource);

}  // namespace tepui
