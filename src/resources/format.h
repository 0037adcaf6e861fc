// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// Prints resources of messages the way Mesos does: "cpus:4; ports:[1-2]", "disk(reservations:
// [(DYNAMIC,role,principal,{k: v})])[id:path]:64". The resources need not be valid.
std::string FormatResource(const v1::Resource& resource);
std::string FormatResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources);

// FormatResource, shortened to fit into a sentence.
std::string FormatBriefly(const v1::Resource& resource);

// Prints the value alone: "4", "[1-2]", "{a, b}".
std::string FormatValue(const v1::Resource& resource);

}  // namespace tepui
