// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/repeated_field.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "wire/json.h"

namespace tepui::cli {

// A flag whose value is a message in JSON, by the Mesos mapping.
template <class Message>
FlagBinding BindJson(std::optional<Message>* target) {
  return {.value_name = "JSON",
          .parse = [target](std::string_view text) -> Status {
            Message message;
            const Status parsed = wire::FromJson(text, &message);
            if (!parsed) {
              return Fail(Code::kInvalid, "expected the JSON of a {}: {}",
                          Message::descriptor()->name(), parsed.error().message);
            }
            *target = std::move(message);
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            return wire::ToJson(**target);
          }};
}

// A JSON object whose values are strings, in the order written.
using TextMap = std::vector<std::pair<std::string, std::string>>;
FlagBinding BindTextMap(std::optional<TextMap>* target);

// A JSON array of Volume objects.
FlagBinding BindVolumes(std::optional<std::vector<mesos::v1::Volume>>* target);

// The JSON of a TaskInfo or of a TaskGroupInfo, in which agent_id may be left out.
FlagBinding BindTask(std::optional<mesos::v1::TaskInfo>* target);
FlagBinding BindTaskGroup(std::optional<mesos::v1::TaskGroupInfo>* target);

}  // namespace tepui::cli
