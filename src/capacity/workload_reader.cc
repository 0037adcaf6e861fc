// SPDX-License-Identifier: Apache-2.0
#include "capacity/workload_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/nearest_name.h"
#include "capacity/framework_reader.h"
#include "capacity/object_reader.h"

namespace tepui::capacity {
namespace {

// Reads a value such as {"region": "eu", "zone": "eu-1"}.
std::optional<v1::DomainInfo> ReadDomain(ObjectReader& parent) {
  const boost::json::value* value = parent.Any("domain");
  if (value == nullptr) return std::nullopt;
  ObjectReader reader(parent.document(), *value, parent.PathOf("domain"), parent.problems());
  reader.Require({"region", "zone"});
  const auto region = reader.Text("region");
  const auto zone = reader.Text("zone");
  reader.Finish();
  if (!region || !zone) return std::nullopt;
  v1::DomainInfo domain;
  domain.mutable_fault_domain()->mutable_region()->set_name(*region);
  domain.mutable_fault_domain()->mutable_zone()->set_name(*zone);
  return domain;
}

AgentGroup ReadAgentGroup(const JsonDocument& document, const boost::json::value& value,
                          const std::string& path, Problems* problems) {
  AgentGroup group;
  ObjectReader reader(document, value, path, problems);
  reader.Require({"count", "resources"});
  group.count = reader.Count("count", 1, Limits::kAgents).value_or(0);
  if (const auto text = reader.Text("resources")) {
    Result<Resources> resources = Resources::Parse(*text);
    if (!resources) {
      reader.Problem("resources", resources.error().message);
    } else if (resources->ScalarQuantities().empty()) {
      reader.Problem("resources",
                     "the agents have no resources: write for example \"cpus:16;mem:65536\"");
    } else {
      group.resources = std::move(*resources);
    }
  }
  if (const auto text = reader.Text("attributes")) {
    if (auto attributes = ParseAttributes(*text)) {
      group.attributes = std::move(*attributes);
    } else {
      reader.Problem("attributes", attributes.error().message);
    }
  }
  group.domain = ReadDomain(reader);
  reader.Finish();
  return group;
}

void ReadAgents(ObjectReader& reader, Workload* workload) {
  const boost::json::array* array = reader.Array("agents");
  if (array == nullptr) return;
  if (array->empty()) reader.Problem("agents", "the workload has no agents");
  uint64_t agents = 0;
  for (size_t i = 0; i < array->size(); ++i) {
    workload->agents.push_back(ReadAgentGroup(reader.document(), (*array)[i],
                                              ElementPath(reader.PathOf("agents"), i),
                                              reader.problems()));
    agents += workload->agents.back().count;
  }
  if (agents > Limits::kAgents) {
    reader.Problem("agents", fmt::format("{} agents together are more than the {} that can be "
                                         "simulated",
                                         agents, Limits::kAgents));
  }
}

// A weight of a role that no framework has is reported as a mistake.
void ReadWeights(ObjectReader& parent, const std::set<std::string, std::less<>>& roles,
                 Workload* workload) {
  const boost::json::value* value = parent.Any("weights");
  if (value == nullptr) return;
  ObjectReader reader(parent.document(), *value, parent.PathOf("weights"), parent.problems());
  if (!reader.is_object()) return;
  const std::vector<std::string_view> known(roles.begin(), roles.end());
  for (const auto& [key, weight] : value->get_object()) {
    const std::string_view role(key.data(), key.size());
    if (const auto number = reader.Number(role, 1e-6, 1e6))
      workload->weights.emplace(std::string(role), *number);
    if (roles.contains(role)) continue;
    const std::optional<size_t> nearest = NearestName(role, known);
    reader.Problem(
        role, fmt::format("no framework has the role '{}'{}", role,
                          nearest ? fmt::format("; did you mean '{}'?", known[*nearest]) : ""));
  }
}

// Adds the role and its ancestors.
void AddWithAncestors(const std::string& role, std::set<std::string, std::less<>>* roles) {
  for (size_t slash = role.find('/'); slash != std::string::npos; slash = role.find('/', slash + 1))
    roles->insert(role.substr(0, slash));
  roles->insert(role);
}

void ReadFrameworks(ObjectReader& reader, const ReadFile& read_file, Workload* workload) {
  const boost::json::array* array = reader.Array("frameworks");
  if (array == nullptr) return;
  if (array->empty()) reader.Problem("frameworks", "the workload has no frameworks");
  FrameworkReader frameworks(workload->duration, read_file, reader.problems());
  std::set<std::string> names;
  uint64_t count = 0;
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string path = ElementPath(reader.PathOf("frameworks"), i);
    FrameworkSpec spec = frameworks.Read(reader.document(), (*array)[i], path);
    if (!spec.name.empty() && !names.insert(spec.name).second) {
      reader.problems()->Add(
          fmt::format("{}: another framework has the name '{}' too; use \"count\" for several "
                      "frameworks of one kind",
                      reader.document().Where(MemberPath(path, "name")), spec.name));
    }
    count += spec.count;
    workload->frameworks.push_back(std::move(spec));
  }
  frameworks.Finish();
  if (count > Limits::kFrameworks) {
    reader.Problem("frameworks", fmt::format("{} frameworks together are more than the {} that can "
                                             "be simulated",
                                             count, Limits::kFrameworks));
  }
}

}  // namespace

bool HasAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes,
                   const google::protobuf::RepeatedPtrField<v1::Attribute>& wanted) {
  return std::ranges::all_of(wanted, [&](const v1::Attribute& one) {
    return std::ranges::any_of(attributes, [&](const v1::Attribute& other) {
      return other.name() == one.name() && FormatValue(other) == FormatValue(one);
    });
  });
}

std::expected<Workload, std::vector<std::string>> ReadWorkload(std::string_view text,
                                                               const std::string& name,
                                                               const ReadFile& read_file) {
  Result<JsonDocument> document = JsonDocument::Parse(text, name);
  if (!document) return std::unexpected(std::vector{document.error().message});
  Problems problems;
  Workload workload;
  ObjectReader reader(*document, document->root(), "", &problems);
  reader.Require({"duration", "agents", "frameworks"});
  workload.duration =
      reader.Time("duration", Limits::kShortest, Limits::kLongest).value_or(Limits::kLongest);
  ReadAgents(reader, &workload);
  ReadFrameworks(reader, read_file, &workload);
  std::set<std::string, std::less<>> roles;
  for (const FrameworkSpec& spec : workload.frameworks) {
    for (const std::string& role : spec.roles) AddWithAncestors(role, &roles);
  }
  if (roles.size() > Limits::kRoles) {
    reader.Problem("frameworks", fmt::format("{} roles together are more than the {} that can be "
                                             "simulated",
                                             roles.size(), Limits::kRoles));
  }
  ReadWeights(reader, roles, &workload);
  reader.Finish();
  if (!problems.empty()) return std::unexpected(problems.Take());
  return workload;
}

}  // namespace tepui::capacity
