// SPDX-License-Identifier: Apache-2.0
// Random histories, each offer checked against a model without shortcuts: after every step it goes
// over all agents, roles and frameworks and computes what must be offered, given only the order in
// which agents were visited.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "allocator/allocator_fixture.h"
#include "resources/resource.h"

namespace tepui::allocator {
namespace {

struct ModelFilter {
  std::string agent;
  std::string role;
  Resources refused;
  MonotonicTime end;
};

struct ModelFramework {
  std::set<std::string> roles;
  std::set<std::string> suppressed;
  bool active = true;
  bool gpu = false;
  bool revocable = false;
  std::vector<ModelFilter> filters;
};

struct ModelAgent {
  Resources total;
  bool active = true;
  bool gpus = false;
};

struct Choice {
  std::string framework;
  std::string role;
  Resources resources;
};

// The whole cluster in plain maps, searched linearly.
class Model {
 public:
  std::map<std::string, ModelFramework> frameworks;
  std::map<std::string, ModelAgent> agents;
  // What is held, by framework, role and agent, without allocation info.
  std::map<std::tuple<std::string, std::string, std::string>, Resources> held;
  // How often a node was chosen. Its name is a role's path, the path and "/." for the role's own
  // frameworks, or below that a framework.
  std::map<std::string, int> counts;
  std::map<std::string, double> weights;
  std::vector<Quantities> minimum;

  Resources Free(const std::string& agent) const {
    Resources free = agents.at(agent).total;
    for (const auto& [key, resources] : held) {
      if (std::get<2>(key) == agent) free -= resources;
    }
    return free;
  }

  static std::vector<std::string> PathOf(const std::string& framework, const std::string& role) {
    std::vector<std::string> path;
    for (size_t slash = role.find('/'); slash != std::string::npos;
         slash = role.find('/', slash + 1)) {
      path.push_back(role.substr(0, slash));
    }
    path.push_back(role);
    path.push_back(role + "/.");
    path.push_back(role + "/./" + framework);
    return path;
  }

  double Share(const std::string& node) const {
    std::map<ResourceName, int64_t> total, mine;
    for (const auto& [id, agent] : agents) {
      for (const auto& [name, amount] : agent.total.ScalarQuantities())
        total[name] += amount.milli();
    }
    for (const auto& [key, resources] : held) {
      const auto path = PathOf(std::get<0>(key), std::get<1>(key));
      if (std::find(path.begin(), path.end(), node) == path.end()) continue;
      for (const auto& [name, amount] : resources.ScalarQuantities()) mine[name] += amount.milli();
    }
    double share = 0;
    for (const auto& [name, amount] : total) {
      if (amount > 0)
        share = std::max(share, static_cast<double>(mine[name]) / static_cast<double>(amount));
    }
    const auto weight = weights.find(node);
    return share / (weight == weights.end() ? 1.0 : weight->second);
  }

  // Active frameworks in their roles, in DRF order.
  std::vector<std::pair<std::string, std::string>> Order() const {
    using Key = std::vector<std::tuple<double, int, std::string>>;
    std::vector<std::pair<Key, std::pair<std::string, std::string>>> keyed;
    std::map<std::string, double> shares;
    for (const auto& [id, framework] : frameworks) {
      if (!framework.active) continue;
      for (const std::string& role : framework.roles) {
        if (framework.suppressed.contains(role)) continue;
        Key key;
        for (const std::string& node : PathOf(id, role)) {
          if (!shares.contains(node)) shares[node] = Share(node);
          const auto count = counts.find(node);
          key.emplace_back(shares[node], count == counts.end() ? 0 : count->second, node);
        }
        keyed.emplace_back(key, std::pair(id, role));
      }
    }
    std::sort(keyed.begin(), keyed.end());
    std::vector<std::pair<std::string, std::string>> order;
    for (auto& [key, client] : keyed) order.push_back(client);
    return order;
  }

  // Returns what must be offered of the agent now.
  std::vector<Choice> Choose(const std::string& id) const {
    std::vector<Choice> choices;
    const ModelAgent& agent = agents.at(id);
    Resources left = Free(id);
    if (!agent.active || left.empty()) return choices;
    for (const auto& [framework_id, role] : Order()) {
      const ModelFramework& framework = frameworks.at(framework_id);
      if (agent.gpus && !framework.gpu) continue;
      Resources offer = left.AllocatableTo(role);
      if (!framework.revocable) offer = offer.NonRevocable();
      if (offer.empty()) continue;
      const Quantities quantities = offer.ScalarQuantities();
      const bool enough =
          minimum.empty() || std::any_of(minimum.begin(), minimum.end(), [&](const Quantities& it) {
            return quantities.Contains(it);
          });
      const bool refused = std::any_of(framework.filters.begin(), framework.filters.end(),
                                       [&, role = role](const ModelFilter& filter) {
                                         return filter.agent == id && filter.role == role &&
                                                filter.refused.Contains(offer);
                                       });
      if (!enough || refused) continue;
      left -= offer;
      choices.push_back({framework_id, role, offer});
    }
    return choices;
  }

  void Hold(const std::string& framework, const std::string& role, const std::string& agent,
            const Resources& resources) {
    held[{framework, role, agent}] += resources;
    for (const std::string& node : PathOf(framework, role)) ++counts[node];
  }

  // Removes the counts of nodes without any client, as the tree removes the nodes.
  void Forget() {
    std::set<std::string> alive;
    for (const auto& [id, framework] : frameworks) {
      for (const std::string& role : framework.roles) {
        for (const std::string& node : PathOf(id, role)) alive.insert(node);
      }
    }
    std::erase_if(held, [](const auto& it) { return it.second.empty(); });
    for (const auto& [key, resources] : held) {
      for (const std::string& node : PathOf(std::get<0>(key), std::get<1>(key))) alive.insert(node);
    }
    std::erase_if(counts, [&](const auto& it) { return !alive.contains(it.first); });
  }
};

class AllocatorModelTest : public AllocatorFixture, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr int kSteps = 400;
  // There are few, so that they interfere with each other.
  static constexpr size_t kMaxFrameworks = 8;
  static constexpr size_t kMaxAgents = 8;
  const std::vector<std::string> kRoles = {"a", "a/b", "a/b/c", "d/e", "f", "*"};

  uint64_t Any(uint64_t n) { return dice_->Below(n); }
  template <class Map>
  std::string AnyKey(const Map& map) {
    return std::next(map.begin(), static_cast<long>(Any(map.size())))->first;
  }

  v1::FrameworkInfo InfoOf(const ModelFramework& framework) {
    std::vector<FrameworkCapability::Type> capabilities;
    if (framework.gpu) capabilities.push_back(FrameworkCapability::GPU_RESOURCES);
    if (framework.revocable) capabilities.push_back(FrameworkCapability::REVOCABLE_RESOURCES);
    return Info({framework.roles.begin(), framework.roles.end()}, capabilities);
  }
  std::set<std::string> SomeRoles() {
    std::set<std::string> roles = {kRoles[Any(kRoles.size())]};
    if (Any(3) == 0) roles.insert(kRoles[Any(kRoles.size())]);
    return roles;
  }
  ModelAgent SomeAgent() {
    ModelAgent agent;
    agent.total = R("cpus:" + std::to_string(1 + Any(4)) + ";mem:" + std::to_string(16 << Any(4)));
    if (Any(3) == 0) agent.total += R("cpus(" + kRoles[Any(kRoles.size() - 1)] + "):1;ports:[1-9]");
    if (Any(5) == 0) agent.total += RevocableCpus(2);
    agent.gpus = Any(6) == 0;
    if (agent.gpus) agent.total += R("gpus:1");
    return agent;
  }

  void Step();
  void AddSomeFramework();
  void UpdateSomeFramework();
  void RemoveSomeFramework();
  void AddSomeAgent();
  void ChangeSomeAgent();
  void SuppressOrRevive();
  void GiveBack();
  void EndFilters();
  void CheckRun();

  Model model_;
  std::unique_ptr<SeededRandom> dice_;
  int next_id_ = 0;
};

void AllocatorModelTest::AddSomeFramework() {
  if (model_.frameworks.size() == kMaxFrameworks) return RemoveSomeFramework();
  const std::string id = "f" + std::to_string(next_id_++);
  ModelFramework framework;
  framework.roles = SomeRoles();
  framework.gpu = Any(3) == 0;
  framework.revocable = Any(3) == 0;
  allocator_->AddFramework(FrameworkId(id), InfoOf(framework), {}, true, {});
  model_.frameworks[id] = framework;
}

void AllocatorModelTest::UpdateSomeFramework() {
  if (model_.frameworks.empty()) return;
  const std::string id = AnyKey(model_.frameworks);
  ModelFramework& framework = model_.frameworks[id];
  const std::set<std::string> suppressed_before = framework.suppressed;
  framework.roles = SomeRoles();
  framework.gpu = Any(3) == 0;
  framework.suppressed.clear();
  if (Any(2) == 0) framework.suppressed.insert(*framework.roles.begin());
  allocator_->UpdateFramework(FrameworkId(id), InfoOf(framework),
                              {framework.suppressed.begin(), framework.suppressed.end()});
  std::erase_if(framework.filters, [&](const ModelFilter& filter) {
    return !framework.roles.contains(filter.role) ||
           (suppressed_before.contains(filter.role) && !framework.suppressed.contains(filter.role));
  });
}

void AllocatorModelTest::RemoveSomeFramework() {
  if (model_.frameworks.empty()) return;
  const std::string id = AnyKey(model_.frameworks);
  allocator_->RemoveFramework(FrameworkId(id));
  model_.frameworks.erase(id);
  std::erase_if(model_.held, [&](const auto& it) { return std::get<0>(it.first) == id; });
}

void AllocatorModelTest::AddSomeAgent() {
  if (model_.agents.size() == kMaxAgents) return;
  const std::string id = "s" + std::to_string(next_id_++);
  model_.agents[id] = SomeAgent();
  allocator_->AddAgent(Spec(id, model_.agents[id].total), {});
}

void AllocatorModelTest::ChangeSomeAgent() {
  if (model_.agents.empty()) return;
  const std::string id = AnyKey(model_.agents);
  ModelAgent& agent = model_.agents[id];
  switch (Any(3)) {
    case 0:
      allocator_->RemoveAgent(AgentId(id));
      model_.agents.erase(id);
      std::erase_if(model_.held, [&](const auto& it) { return std::get<2>(it.first) == id; });
      for (auto& [framework_id, framework] : model_.frameworks) {
        std::erase_if(framework.filters, [&](const ModelFilter& it) { return it.agent == id; });
      }
      break;
    case 1:
      agent.active = !agent.active;
      agent.active ? allocator_->ActivateAgent(AgentId(id))
                   : allocator_->DeactivateAgent(AgentId(id));
      break;
    default:
      agent.total += R("cpus:1");
      allocator_->UpdateAgent(Spec(id, agent.total));
  }
}

void AllocatorModelTest::SuppressOrRevive() {
  if (model_.frameworks.empty()) return;
  const std::string id = AnyKey(model_.frameworks);
  ModelFramework& framework = model_.frameworks[id];
  const std::string role = *framework.roles.begin();
  switch (Any(4)) {
    case 0:
      allocator_->Suppress(FrameworkId(id), {role});
      framework.suppressed.insert(role);
      break;
    case 1:
      allocator_->DeactivateFramework(FrameworkId(id));
      framework.active = false;
      framework.filters.clear();
      break;
    case 2:
      allocator_->ActivateFramework(FrameworkId(id));
      framework.active = true;
      break;
    default:
      allocator_->Revive(FrameworkId(id), {});
      framework.suppressed.clear();
      framework.filters.clear();
  }
}

// Gives back all or a part of what is held, with or without a refusal.
void AllocatorModelTest::GiveBack() {
  if (model_.held.empty()) return;
  auto it = std::next(model_.held.begin(), static_cast<long>(Any(model_.held.size())));
  const auto [framework_id, role, agent] = it->first;
  Resources part = it->second;
  if (Any(3) == 0) {
    part = part.Filter([&](const Resource&) { return Any(2) == 0; });
    if (part.empty()) return;
  }
  std::optional<v1::Filters> filters;
  if (Any(4) != 0) filters = Refuse(static_cast<double>(Any(8)));
  allocator_->Release(FrameworkId(framework_id), AgentId(agent), Allocated(part, role), filters);
  it->second -= part;

  ModelFramework& framework = model_.frameworks.at(framework_id);
  if (!filters || filters->refuse_seconds() == 0 || !framework.active ||
      !framework.roles.contains(role))
    return;
  const Duration refusal =
      std::max<Duration>(std::chrono::seconds(1) + Duration(1),
                         std::chrono::seconds(static_cast<int>(filters->refuse_seconds())));
  framework.filters.push_back({agent, role, part, clock_.Now() + refusal});
}

void AllocatorModelTest::EndFilters() {
  for (auto& [id, framework] : model_.frameworks) {
    std::erase_if(framework.filters, [&](const ModelFilter& it) { return it.end <= clock_.Now(); });
  }
}

// Runs the allocator and checks the offers agent by agent, in the order in which they were made.
void AllocatorModelTest::CheckRun() {
  offers_.clear();
  allocator_->RunNow();
  EndFilters();
  const std::vector<Offer> offers = std::exchange(offers_, {});
  std::set<std::string> seen;
  for (size_t i = 0; i < offers.size();) {
    const std::string agent = offers[i].agent.value();
    ASSERT_TRUE(seen.insert(agent).second) << agent << " was looked at twice";
    const std::vector<Choice> choices = model_.Choose(agent);
    for (const Choice& choice : choices) {
      ASSERT_LT(i, offers.size());
      ASSERT_EQ(offers[i].agent.value(), agent);
      ASSERT_EQ(offers[i].framework.value() + " in " + offers[i].role,
                choice.framework + " in " + choice.role);
      ASSERT_EQ(offers[i].resources, Allocated(choice.resources, choice.role));
      ++i;
    }
    ASSERT_FALSE(choices.empty()) << agent << " is for nobody";
    for (const Choice& choice : choices)
      model_.Hold(choice.framework, choice.role, agent, choice.resources);
  }
  // No client is left that would take something.
  Quantities total, allocated;
  for (const auto& [id, agent] : model_.agents) {
    ASSERT_TRUE(model_.Choose(id).empty()) << model_.Free(id) << " of " << id << " was not offered";
    total += agent.total.ScalarQuantities();
  }
  for (const auto& [key, resources] : model_.held) allocated += resources.ScalarQuantities();
  ASSERT_EQ(allocator_->total(), total);
  ASSERT_EQ(allocator_->allocated(), allocated);
  Check();
}

void AllocatorModelTest::Step() {
  const uint64_t what = Any(100);
  if (what < 6) {
    AddSomeFramework();
  } else if (what < 10) {
    UpdateSomeFramework();
  } else if (what < 13) {
    RemoveSomeFramework();
  } else if (what < 20) {
    AddSomeAgent();
  } else if (what < 27) {
    ChangeSomeAgent();
  } else if (what < 37) {
    SuppressOrRevive();
  } else if (what < 39) {
    const std::string role = kRoles[Any(kRoles.size())];
    model_.weights[role] = static_cast<double>(1 + Any(3));
    allocator_->UpdateWeights({{role, model_.weights[role]}});
  } else {
    GiveBack();
  }
  model_.Forget();
}

TEST_P(AllocatorModelTest, OffersAreThoseOfTheModel) {
  dice_ = std::make_unique<SeededRandom>(static_cast<uint64_t>(GetParam()));
  Options options;
  if (GetParam() % 2 == 0) options.min_allocatable = {Q("cpus:2"), Q("mem:32")};
  model_.minimum = options.min_allocatable;
  Reset(options, static_cast<uint64_t>(GetParam()));
  for (int step = 0; step < kSteps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    for (uint64_t i = 1 + Any(4); i > 0; --i) Step();
    Check();
    CheckRun();
    if (HasFatalFailure()) return;
    // The time passes without a tick, so that every run is one of the checked ones.
    allocator_->Pause();
    clock_.Advance(std::chrono::milliseconds(Any(700)));
    allocator_->Resume();
  }
  EXPECT_GT(allocator_->counters().offers, 300u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AllocatorModelTest, ::testing::Range(1, 9));

}  // namespace
}  // namespace tepui::allocator
