// SPDX-License-Identifier: Apache-2.0
#include "allocator/cluster.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "model/roles.h"
#include "resources/resource.h"

namespace tepui::allocator {
namespace {

uint8_t AbilitiesOf(const v1::FrameworkInfo& info) {
  uint8_t abilities = kPlainAgent;
  for (const auto& capability : info.capabilities()) {
    switch (capability.type()) {
      case v1::FrameworkInfo::Capability::GPU_RESOURCES:
        abilities |= kGpu;
        break;
      case v1::FrameworkInfo::Capability::REGION_AWARE:
        abilities |= kOtherRegion;
        break;
      case v1::FrameworkInfo::Capability::REVOCABLE_RESOURCES:
        abilities |= kRevocable;
        break;
      case v1::FrameworkInfo::Capability::SHARED_RESOURCES:
        abilities |= kShared;
        break;
      case v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT:
        abilities |= kRefined;
        break;
      case v1::FrameworkInfo::Capability::MULTI_ROLE:
        abilities = static_cast<uint8_t>(abilities & ~kPlainAgent);
        break;
      default:
        break;
    }
  }
  return abilities;
}

std::optional<std::vector<Quantities>> MinimumOf(const v1::FrameworkInfo& info,
                                                 const std::string& role) {
  const auto filters = info.offer_filters().find(role);
  if (filters == info.offer_filters().end() || !filters->second.has_min_allocatable_resources()) {
    return std::nullopt;
  }
  std::vector<Quantities> minimum;
  for (const auto& set : filters->second.min_allocatable_resources().quantities()) {
    Quantities quantities;
    for (const auto& [name, scalar] : set.quantities()) {
      // While too many names are in use the new ones are left out, so that the framework may get
      // offers that it has to decline.
      if (auto known = ResourceName::Of(name))
        quantities.Set(*known, Amount::FromDouble(scalar.value()));
    }
    minimum.push_back(std::move(quantities));
  }
  return minimum;
}

template <class Message>
std::string Serialized(const google::protobuf::RepeatedPtrField<Message>& messages) {
  std::string result;
  for (const Message& message : messages) {
    const std::string one = message.SerializeAsString();
    result += std::to_string(one.size()) + ':' + one;
  }
  return result;
}

}  // namespace

Cluster::Cluster(const Options& options)
    : tree(options.weights, options.fair_sharing_excluded_resource_names),
      ledger(tree),
      filter_gpu_resources_(options.filter_gpu_resources),
      domain_(options.domain) {}

AgentHandle Cluster::FindAgent(const AgentId& id) const {
  const auto it = agent_ids_.find(id);
  return it == agent_ids_.end() ? AgentHandle() : it->second;
}

FrameworkHandle Cluster::FindFramework(const FrameworkId& id) const {
  const auto it = framework_ids_.find(id);
  return it == framework_ids_.end() ? FrameworkHandle() : it->second;
}

NodeHandle Cluster::FindClient(FrameworkHandle framework, std::string_view role) const {
  const auto& by_role = frameworks[framework].clients;
  const auto it = by_role.find(role);
  return it == by_role.end() ? NodeHandle() : it->second;
}

// --- Agents.

void Cluster::Describe(Agent& agent, const AgentSpec& spec) const {
  agent.attributes = Serialized(spec.info.attributes());
  agent.domain = spec.info.domain().SerializeAsString();
  agent.capabilities = spec.capabilities;
  std::ranges::sort(agent.capabilities);

  const auto has = [&](v1::AgentInfo::Capability::Type type) {
    return std::binary_search(agent.capabilities.begin(), agent.capabilities.end(), type);
  };
  // An agent without a fault domain counts as local (reference 2.2).
  const bool remote =
      spec.info.domain().has_fault_domain() && domain_ && domain_->has_fault_domain() &&
      spec.info.domain().fault_domain().region().name() != domain_->fault_domain().region().name();
  agent.demands = static_cast<uint8_t>(agent.demands & kGpu);
  if (remote) agent.demands |= kOtherRegion;
  if (!has(v1::AgentInfo::Capability::MULTI_ROLE)) agent.demands |= kPlainAgent;
  if (!has(v1::AgentInfo::Capability::HIERARCHICAL_ROLE)) agent.demands |= kFlatAgent;
}

void Cluster::DescribeTotal(Agent& agent) const {
  agent.total_quantities = agent.total.ScalarQuantities();
  agent.shared = agent.total.Shared();
  agent.contents = 0;
  agent.has_reserved = false;
  for (const Resource& resource : agent.total) {
    if (resource.is_revocable()) agent.contents |= kRevocable;
    if (resource.is_shared()) agent.contents |= kShared;
    if (resource.reservations().size() > 1) agent.contents |= kRefined;
    agent.has_reserved |= resource.is_reserved();
  }
  const bool gpus = agent.total.Scalar(ResourceNames::Gpus()) > Amount();
  agent.demands = static_cast<uint8_t>(agent.demands & ~kGpu);
  if (gpus && filter_gpu_resources_) agent.demands |= kGpu;
}

void Cluster::NoteFree(AgentHandle handle) {
  const Agent& agent = agents[handle];
  if (agent.free.empty() && agent.shared.empty()) {
    with_free.Erase(handle);
  } else {
    with_free.Insert(handle);
  }
}

void Cluster::RecomputeFree(AgentHandle handle) {
  Agent& agent = agents[handle];
  const Resources held = ledger.NonSharedOfAgent(handle);
  agent.free = agent.total.NonShared();
  agent.overcommitted = !agent.free.Contains(held);
  agent.free -= held;
  NoteFree(handle);
}

void Cluster::AddFree(AgentHandle handle, const Resources& released) {
  Agent& agent = agents[handle];
  if (agent.overcommitted) {
    RecomputeFree(handle);
    return;
  }
  agent.free += released.NonShared();
  NoteFree(handle);
}

AgentHandle Cluster::AddAgent(const AgentSpec& spec) {
  Agent agent;
  agent.id = AgentId(spec.info.id().value());
  agent.total = spec.total;
  Describe(agent, spec);
  DescribeTotal(agent);
  tree.AddTotal(agent.total_quantities);
  const AgentHandle handle = agents.Add(std::move(agent));
  agent_ids_.emplace(agents[handle].id, handle);
  RecomputeFree(handle);
  return handle;
}

void Cluster::RemoveAgent(AgentHandle handle) {
  std::vector<FrameworkHandle> holders;
  for (const Ledger::Entry& entry : ledger.OfAgent(handle)) {
    ledger.Remove(entry.client, handle, entry.resources);
    holders.push_back(clients[entry.client.index()].framework);
  }
  std::ranges::sort(holders);
  const auto repeated = std::ranges::unique(holders);
  holders.erase(repeated.begin(), repeated.end());
  for (FrameworkHandle holder : holders) ForgetIfIdle(holder);

  filters.RemoveAgent(handle);
  tree.SubtractTotal(agents[handle].total_quantities);
  with_free.Erase(handle);
  agent_ids_.erase(agents[handle].id);
  agents.Remove(handle);
}

bool Cluster::UpdateAgent(AgentHandle handle, const AgentSpec& spec) {
  Agent& agent = agents[handle];
  const std::string attributes = std::move(agent.attributes);
  const std::string domain = std::move(agent.domain);
  const auto capabilities = std::move(agent.capabilities);
  Describe(agent, spec);
  const bool described_anew = attributes != agent.attributes || capabilities != agent.capabilities;
  // Clients refused the agent for what it was before the change (reference 2.3).
  if (described_anew) filters.RemoveAgent(handle);

  const bool total_changed = !(agent.total == spec.total);
  if (total_changed) SetTotal(handle, spec.total);
  return described_anew || total_changed || domain != agent.domain;
}

void Cluster::SetTotal(AgentHandle handle, Resources total) {
  Agent& agent = agents[handle];
  const Quantities before = agent.total_quantities;
  agent.total = std::move(total);
  DescribeTotal(agent);
  // Most operations change the metadata of resources, not the amounts; then all shares stay the
  // same.
  if (!(before == agent.total_quantities)) {
    tree.SubtractTotal(before);
    tree.AddTotal(agent.total_quantities);
  }
  RecomputeFree(handle);
}

// --- Frameworks.

FrameworkHandle Cluster::EnsureFramework(const FrameworkId& id) {
  if (FrameworkHandle known = FindFramework(id)) return known;
  Framework framework;
  framework.id = id;
  const FrameworkHandle handle = frameworks.Add(std::move(framework));
  framework_ids_.emplace(id, handle);
  return handle;
}

NodeHandle Cluster::EnsureClient(FrameworkHandle framework, const std::string& role) {
  if (NodeHandle known = FindClient(framework, role)) return known;
  const NodeHandle node = tree.AddClient(role, frameworks[framework].id.value());
  if (node.index() >= clients.size()) clients.resize(node.index() + size_t{1});
  clients[node.index()] = Client();
  clients[node.index()].framework = framework;
  clients[node.index()].role = role;
  frameworks[framework].clients.emplace(role, node);
  return node;
}

void Cluster::RemoveClient(NodeHandle node) {
  Client& client = clients[node.index()];
  SetMinimum(client, std::nullopt);
  filters.RemoveClient(node);
  tree.Deactivate(node);
  tree.RemoveClient(node);
  frameworks[client.framework].clients.erase(client.role);
  client = Client();
}

void Cluster::SetMinimum(Client& client, std::optional<std::vector<Quantities>> minimum) {
  own_minimums -= client.min_allocatable.has_value();
  client.min_allocatable = std::move(minimum);
  own_minimums += client.min_allocatable.has_value();
}

void Cluster::UpdateActivity(NodeHandle node) {
  const Client& client = clients[node.index()];
  if (client.subscribed && !client.suppressed && frameworks[client.framework].active) {
    tree.Activate(node);
  } else {
    tree.Deactivate(node);
  }
}

std::vector<NodeHandle> Cluster::SetInfo(FrameworkHandle framework, const v1::FrameworkInfo& info,
                                         const std::vector<std::string>& suppressed) {
  const std::vector<std::string> roles = model::RolesOf(info);
  const uint8_t abilities = AbilitiesOf(info);
  for (const auto& [role, node] : frameworks[framework].clients) {
    if (std::ranges::find(roles, role) != roles.end()) continue;
    Client& client = clients[node.index()];
    client.subscribed = false;
    client.suppressed = false;
    SetMinimum(client, std::nullopt);
    filters.RemoveClient(node);
    UpdateActivity(node);
  }

  std::vector<NodeHandle> subscribed;
  for (const std::string& role : roles) {
    const NodeHandle node = EnsureClient(framework, role);
    Client& client = clients[node.index()];
    client.subscribed = true;
    client.abilities = abilities;
    if (role.find('/') == std::string::npos) client.abilities |= kFlatAgent;
    SetMinimum(client, MinimumOf(info, role));
    SetSuppressed(node, std::ranges::find(suppressed, role) != suppressed.end());
    UpdateActivity(node);
    subscribed.push_back(node);
  }
  ForgetIfIdle(framework);
  return subscribed;
}

std::vector<AgentHandle> Cluster::RemoveFramework(FrameworkHandle handle) {
  std::vector<AgentHandle> freed;
  while (!frameworks[handle].clients.empty()) {
    const NodeHandle client = frameworks[handle].clients.begin()->second;
    for (const Ledger::Entry& entry : ledger.OfClient(client)) {
      ledger.Remove(client, entry.agent, entry.resources);
      AddFree(entry.agent, entry.resources);
      freed.push_back(entry.agent);
    }
    RemoveClient(client);
  }
  framework_ids_.erase(frameworks[handle].id);
  frameworks.Remove(handle);
  return freed;
}

void Cluster::SetActive(FrameworkHandle handle, bool active) {
  frameworks[handle].active = active;
  for (const auto& [role, client] : frameworks[handle].clients) {
    if (!active) filters.RemoveClient(client);
    UpdateActivity(client);
  }
}

void Cluster::SetSuppressed(NodeHandle node, bool suppressed) {
  Client& client = clients[node.index()];
  // A revival ends the filters (reference 2.3), even if it comes with SUBSCRIBE or
  // UPDATE_FRAMEWORK.
  if (client.suppressed && !suppressed) filters.RemoveClient(node);
  client.suppressed = suppressed;
  UpdateActivity(node);
}

void Cluster::ForgetIfIdle(FrameworkHandle handle) {
  const auto& by_role = frameworks[handle].clients;
  for (auto it = by_role.begin(); it != by_role.end();) {
    const NodeHandle client = (it++)->second;
    if (!clients[client.index()].subscribed && !ledger.HoldsAnything(client)) RemoveClient(client);
  }
  if (frameworks[handle].added || !frameworks[handle].clients.empty()) return;
  framework_ids_.erase(frameworks[handle].id);
  frameworks.Remove(handle);
}

// --- Resources.

void Cluster::Take(FrameworkHandle framework, AgentHandle handle, const Resources& resources) {
  for (auto& [role, part] : resources.ByAllocationRole()) {
    assert(!role.empty());
    const NodeHandle client = EnsureClient(framework, role);
    Resources plain = part;
    plain.Unallocate();
    ledger.Add(client, handle, plain, 1);
    Agent& agent = agents[handle];
    const Resources taken = plain.NonShared();
    if (agent.free.Contains(taken)) {
      agent.free -= taken;
      NoteFree(handle);
    } else {
      RecomputeFree(handle);
    }
  }
}

void Cluster::TakeForOffer(NodeHandle client, AgentHandle handle, const Resources& resources) {
  Agent& agent = agents[handle];
  agent.free -= (agent.contents & kShared) != 0 ? resources.NonShared() : resources;
  ledger.Add(client, handle, resources, 1);
  NoteFree(handle);
}

void Cluster::TakeAllForOffer(NodeHandle client, AgentHandle handle) {
  assert((agents[handle].contents & kShared) == 0);
  ledger.Add(client, handle, std::exchange(agents[handle].free, Resources()), 1);
  with_free.Erase(handle);
}

std::vector<Cluster::Part> Cluster::Release(FrameworkHandle framework, AgentHandle handle,
                                            const Resources& resources) {
  std::vector<Part> parts;
  for (auto& [role, part] : resources.ByAllocationRole()) {
    const NodeHandle client = FindClient(framework, role);
    if (!client) continue;
    part.Unallocate();
    Resources released = ledger.Remove(client, handle, part);
    if (released.empty()) continue;
    AddFree(handle, released);
    parts.emplace_back(client, std::move(released));
  }
  return parts;
}

}  // namespace tepui::allocator
