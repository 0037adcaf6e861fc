// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/json_flag.h"

#include <boost/json.hpp>

namespace tepui::cli {
namespace {

Result<boost::json::value> ParseJson(std::string_view text) {
  boost::system::error_code error;
  boost::json::value value =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (error) return Fail(Code::kInvalid, "this is not JSON: {}", error.message());
  return value;
}

// The agent is the one whose offer fits, so the required agent_id need not be written.
void AddAgentId(boost::json::value* task) {
  if (task->is_object() && !task->get_object().contains("agent_id"))
    task->get_object()["agent_id"] = {{"value", ""}};
}

// A message from JSON that `prepare` completes first.
template <class Message>
FlagBinding BindPrepared(std::optional<Message>* target, void (*prepare)(boost::json::value*)) {
  FlagBinding binding = BindJson(target);
  binding.parse = [parse = std::move(binding.parse), prepare](std::string_view text) -> Status {
    Result<boost::json::value> json = ParseJson(text);
    if (!json) return Fail(json.error());
    prepare(&*json);
    return parse(boost::json::serialize(*json));
  };
  return binding;
}

}  // namespace

FlagBinding BindTask(std::optional<mesos::v1::TaskInfo>* target) {
  return BindPrepared(target, AddAgentId);
}

FlagBinding BindTaskGroup(std::optional<mesos::v1::TaskGroupInfo>* target) {
  return BindPrepared(
      target, +[](boost::json::value* group) {
        if (!group->is_object()) return;
        boost::json::value* tasks = group->get_object().if_contains("tasks");
        if (tasks == nullptr || !tasks->is_array()) return;
        for (boost::json::value& task : tasks->get_array()) AddAgentId(&task);
      });
}

FlagBinding BindTextMap(std::optional<TextMap>* target) {
  return {.value_name = "JSON",
          .parse = [target](std::string_view text) -> Status {
            const Result<boost::json::value> json = ParseJson(text);
            if (!json) return Fail(json.error());
            if (!json->is_object())
              return Fail(Code::kInvalid, "expected a JSON object like {{\"NAME\": \"value\"}}");
            TextMap entries;
            for (const auto& [key, value] : json->get_object()) {
              if (!value.is_string()) {
                return Fail(Code::kInvalid, "expected a text as value of '{}'",
                            std::string_view(key.data(), key.size()));
              }
              entries.emplace_back(std::string(key.data(), key.size()),
                                   std::string(value.get_string().c_str()));
            }
            *target = std::move(entries);
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            std::string json = "{";
            for (const auto& [name, value] : **target) {
              if (json.size() > 1) json += ',';
              wire::AppendJsonString(name, &json);
              json += ':';
              wire::AppendJsonString(value, &json);
            }
            return json + "}";
          }};
}

FlagBinding BindVolumes(std::optional<std::vector<mesos::v1::Volume>>* target) {
  return {.value_name = "JSON",
          .parse = [target](std::string_view text) -> Status {
            const Result<boost::json::value> json = ParseJson(text);
            if (!json) return Fail(json.error());
            if (!json->is_array()) return Fail(Code::kInvalid, "expected a JSON array of volumes");
            std::vector<mesos::v1::Volume> volumes;
            for (const boost::json::value& element : json->get_array()) {
              const Status parsed =
                  wire::FromJson(boost::json::serialize(element), &volumes.emplace_back());
              if (!parsed)
                return Fail(Code::kInvalid, "volume {}: {}", volumes.size(),
                            parsed.error().message);
            }
            *target = std::move(volumes);
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            std::string json = "[";
            for (const mesos::v1::Volume& volume : **target) {
              if (json.size() > 1) json += ',';
              wire::AppendJson(volume, &json);
            }
            return json + "]";
          }};
}

}  // namespace tepui::cli
