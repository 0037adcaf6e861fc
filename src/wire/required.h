// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

namespace tepui::wire {

// Returns the path of the first missing required field ("accept.offer_ids[0].value"), or nothing if
// none is missing. Unlike protobuf's own report it stops there: a hostile message can lack
// millions.
std::optional<std::string> FirstMissingField(const google::protobuf::Message& message);

}  // namespace tepui::wire
