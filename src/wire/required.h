#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

namespace tepui::wire {

// The path of the first required field that is missing ("accept.offer_ids[0].value"); nothing if
// none is. Unlike protobuf's own report it stops there: a hostile message can lack millions.
std::optional<std::string> FirstMissingField(const google::protobuf::Message& message);

}  // namespace tepui::wire
