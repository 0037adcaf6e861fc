// SPDX-License-Identifier: Apache-2.0
#include "agent/core/reconfiguration.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tepui::agent {
namespace {

std::vector<std::string> Texts(const google::protobuf::RepeatedPtrField<v1::Attribute>& list) {
  std::vector<std::string> texts;
  for (const v1::Attribute& attribute : list) texts.push_back(attribute.SerializeAsString());
  std::ranges::sort(texts);
  return texts;
}

std::string Names(const google::protobuf::RepeatedPtrField<v1::Attribute>& list) {
  std::string names;
  for (const v1::Attribute& attribute : list) {
    names += (names.empty() ? "" : "; ") + attribute.ShortDebugString();
  }
  return names.empty() ? "none" : names;
}

std::string Describe(const Resources& resources) {
  return resources.empty() ? "nothing" : resources.ToString();
}

// Describes a change that is not allowed; empty if there is none.
std::string Difference(const v1::AgentInfo& before, const v1::AgentInfo& now, bool additive) {
  if (before.hostname() != now.hostname()) {
    return fmt::format("its hostname was '{}' and is now '{}'", before.hostname(), now.hostname());
  }
  if (before.port() != now.port()) {
    return fmt::format("its port was {} and is now {}", before.port(), now.port());
  }
  const bool same_domain = before.domain().SerializeAsString() == now.domain().SerializeAsString();
  if (!same_domain && !(additive && !before.has_domain())) {
    return fmt::format("its domain was '{}' and is now '{}'", before.domain().ShortDebugString(),
                       now.domain().ShortDebugString());
  }
  const auto attributes_before = Texts(before.attributes());
  const auto attributes_now = Texts(now.attributes());
  if (additive ? !std::ranges::includes(attributes_now, attributes_before)
               : attributes_now != attributes_before) {
    return fmt::format("its attributes were {} and are now {}", Names(before.attributes()),
                       Names(now.attributes()));
  }
  const Resources resources_before = Resources::FromProto(before.resources()).value_or(Resources());
  const Resources resources_now = Resources::FromProto(now.resources()).value_or(Resources());
  if (additive ? !resources_now.Contains(resources_before) : resources_now != resources_before) {
    return fmt::format("its resources were {} and are now {}", Describe(resources_before),
                       Describe(resources_now));
  }
  return "";
}

}  // namespace

Status CheckReconfiguration(const v1::AgentInfo& before, const v1::AgentInfo& now,
                            Options::Reconfiguration policy) {
  const bool additive = policy == Options::Reconfiguration::kAdditive;
  const std::string difference = Difference(before, now, additive);
  if (difference.empty()) return {};
  return Fail(
      Code::kConflict,
      "This agent is {}, but {}. Restore the earlier configuration{}, or run the agent once with "
      "--recover=cleanup: that kills its tasks, and its next start registers as a new agent",
      before.id().value(), difference,
      additive
          ? ""
          : ", or use --reconfiguration_policy=additive if you only add resources or attributes");
}

}  // namespace tepui::agent
