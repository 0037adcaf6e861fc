// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <map>

#include "resources/json_message.h"
#include "resources/old_form.h"
#include "resources/resources.h"

namespace tepui {
namespace {

using Protos = google::protobuf::RepeatedPtrField<v1::Resource>;

// Parses "cpus(role):4".
Result<v1::Resource> ParseToken(std::string_view token, std::string_view default_role) {
  const std::vector<std::string_view> parts = SplitTrimmed(token, ':');
  if (parts.size() != 2) {
    return Fail(Code::kInvalid, "'{}' is not a resource; write name:value or name(role):value",
                token);
  }
  std::string_view name = parts[0];
  std::string_view role = default_role;
  const size_t open = name.find('(');
  if (open != std::string_view::npos || name.find(')') != std::string_view::npos) {
    if (open == std::string_view::npos || name.find(')') != name.size() - 1) {
      return Fail(Code::kInvalid, "the parentheses around the role in '{}' do not match", token);
    }
    role = Trimmed(name.substr(open + 1, name.size() - open - 2));
    name = Trimmed(name.substr(0, open));
  }
  auto value = ParseValue(parts[1]);
  if (!value) return Fail(Code::kInvalid, "resource '{}': {}", token, value.error().message);

  v1::Resource resource;
  resource.set_name(std::string(name));
  resource.set_type(value->type());
  if (role != "*") {
    auto* reservation = resource.add_reservations();
    reservation->set_type(v1::Resource::ReservationInfo::STATIC);
    reservation->set_role(std::string(role));
  }
  switch (value->type()) {
    case v1::Value::SCALAR:
      *resource.mutable_scalar() = std::move(*value->mutable_scalar());
      break;
    case v1::Value::RANGES:
      *resource.mutable_ranges() = std::move(*value->mutable_ranges());
      break;
    case v1::Value::SET:
      *resource.mutable_set() = std::move(*value->mutable_set());
      break;
    case v1::Value::TEXT:
      return Fail(
          Code::kInvalid,
          "resource '{}': the value must be a number that is not negative, [ranges] or {{a set}}",
          token);
  }
  return resource;
}

Result<Protos> ParseText(std::string_view text, std::string_view default_role) {
  Protos out;
  for (std::string_view token : SplitTrimmed(text, ';')) {
    auto resource = ParseToken(token, default_role);
    if (!resource) return Fail(resource.error());
    *out.Add() = std::move(*resource);
  }
  return out;
}

Result<Protos> ParseJson(std::string_view text, std::string_view default_role) {
  boost::json::parse_options options;
  options.max_depth = kMaxResourceJsonDepth;
  boost::json::error_code error;
  const boost::json::value json =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return Fail(Code::kInvalid, "the resources are not valid JSON: {}", error.message());

  Protos out;
  for (const boost::json::value& element : json.as_array()) {
    v1::Resource* resource = out.Add();
    if (auto read =
            ReadJsonMessage(element, fmt::format("resources[{}]", out.size() - 1), resource);
        !read) {
      return Fail(read.error());
    }
    if (!HasOldRole(*resource) && resource->reservations().empty())
      SetOldRole(default_role, resource);
  }
  return out;
}

// Checks for what an operator may not write into --resources.
Status ValidateFlag(const Resources& resources) {
  std::map<ResourceName, v1::Value::Type> types;
  for (const Resource& resource : resources) {
    if (resource.is_persistent_volume()) {
      return Fail(Code::kInvalid,
                  "Resource '{}': persistent volumes are created by operations, not by a flag",
                  resource.ToString());
    }
    if (resource.is_revocable()) {
      return Fail(
          Code::kInvalid,
          "Resource '{}': revocable resources cannot be given by a flag; leave 'revocable' out",
          resource.ToString());
    }
    if (resource.is_allocated()) {
      return Fail(
          Code::kInvalid,
          "Resource '{}': a flag cannot allocate resources to a role; leave 'allocation_info' out",
          resource.ToString());
    }
    if (resource.is_dynamically_reserved()) {
      return Fail(
          Code::kInvalid,
          "Resource '{}': dynamic reservations cannot be given by a flag; use the type STATIC",
          resource.ToString());
    }
    if (types.emplace(resource.name(), resource.type()).first->second != resource.type()) {
      return Fail(Code::kInvalid, "Resources of the name '{}' have different types",
                  resource.name().text());
    }
  }
  return {};
}

}  // namespace

Result<Resources> Resources::Parse(std::string_view text, std::string_view default_role) {
  if (auto valid = ValidateRole(default_role); !valid) return Fail(valid.error());
  text = Trimmed(text);
  // In the text form no resource begins with a bracket.
  auto protos =
      text.starts_with('[') ? ParseJson(text, default_role) : ParseText(text, default_role);
  if (!protos) return Fail(protos.error());
  auto resources = FromProto(*protos);
  if (!resources) return resources;
  if (auto valid = ValidateFlag(*resources); !valid) return Fail(valid.error());
  return resources;
}

}  // namespace tepui
