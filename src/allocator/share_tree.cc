// SPDX-License-Identifier: Apache-2.0
#include "allocator/share_tree.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "resources/resource.h"

namespace tepui::allocator {
namespace {

constexpr std::string_view kOwnName = ".";  // No role component can have this name (reference 2.1).
constexpr uint64_t kLabelGap = uint64_t{1} << 32;

}  // namespace

ShareTree::ShareTree(std::unordered_map<std::string, double> weights,
                     const std::vector<std::string>& excluded)
    : weights_(std::move(weights)), excluded_(excluded) {
  root_ = nodes_.Add(Node());
  nodes_[root_].kind = Kind::kRole;
  ranks_.resize(1);
}

size_t ShareTree::SlotOf(const ResourceName& name) {
  if (name.index() >= slot_by_name_.size()) slot_by_name_.resize(name.index() + size_t{1}, kNoSlot);
  uint16_t& slot = slot_by_name_[name.index()];
  if (slot != kNoSlot) return slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint16_t>(name_by_slot_.size());
    name_by_slot_.emplace_back();
    total_by_slot_.emplace_back();
    divisor_by_slot_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  name_by_slot_[slot] = name;
  return slot;
}

void ShareTree::ForgetUnused(size_t slot) {
  // The root holds at least what any other node holds.
  const std::vector<Amount>& held = nodes_[root_].held;
  if (total_by_slot_[slot] != Amount() || (slot < held.size() && held[slot] != Amount())) return;
  slot_by_name_[name_by_slot_[slot]->index()] = kNoSlot;
  name_by_slot_[slot].reset();
  divisor_by_slot_[slot] = Amount();
  free_slots_.push_back(static_cast<uint16_t>(slot));
}

void ShareTree::AddTotal(const Quantities& quantities) {
  total_ += quantities;
  for (const auto& [name, amount] : quantities) total_by_slot_[SlotOf(name)] += amount;
  stale_ = true;
}

void ShareTree::SubtractTotal(const Quantities& quantities) {
  total_ -= quantities;
  for (const auto& [name, amount] : quantities) {
    const size_t slot = SlotOf(name);
    total_by_slot_[slot] -= amount;
    assert(total_by_slot_[slot] >= Amount());
    ForgetUnused(slot);
  }
  stale_ = true;
}

void ShareTree::SetWeight(const std::string& role, double weight) {
  if (weight == 1.0) {
    weights_.erase(role);
  } else {
    weights_[role] = weight;
  }
  ++shape_;
  if (NodeHandle node = FindRole(role)) {
    nodes_[node].weight = weight;
    Rerank(node, 0);
  }
}

double ShareTree::Weight(const std::string& role) const {
  const auto it = weights_.find(role);
  return it == weights_.end() ? 1.0 : it->second;
}

NodeHandle ShareTree::FindRole(const std::string& path) const {
  const auto it = roles_.find(path);
  return it == roles_.end() ? NodeHandle() : it->second;
}

NodeHandle ShareTree::EnsureRole(std::string_view path) {
  NodeHandle node = root_;
  for (size_t begin = 0, end = 0; end != std::string_view::npos; begin = end + 1) {
    end = path.find('/', begin);
    const auto child = nodes_[node].children.find(path.substr(begin, end - begin));
    if (child != nodes_[node].children.end()) {
      node = child->second;
      continue;
    }
    node = AddChild(node, Kind::kRole, std::string(path.substr(begin, end - begin)));
    nodes_[node].path = path.substr(0, end);
    nodes_[node].weight = Weight(nodes_[node].path);
    roles_.emplace(nodes_[node].path, node);
  }
  return node;
}

NodeHandle ShareTree::AddChild(NodeHandle parent, Kind kind, std::string name) {
  Node node;
  node.kind = kind;
  node.parent = parent;
  node.name = name;
  const NodeHandle handle = nodes_.Add(std::move(node));
  if (handle.index() >= ranks_.size()) ranks_.resize(handle.index() + size_t{1});
  const uint64_t label = LabelFor(nodes_[parent], name);
  ranks_[handle.index()] = Rank{.share = 0, .count = 0, .label = label};
  nodes_[parent].children.emplace(std::move(name), handle);
  return handle;
}

// Returns a label between those of the neighbours by name. If there is no room between them, all
// siblings get new labels, which does not change their order.
uint64_t ShareTree::LabelFor(Node& parent, const std::string& name) {
  const auto label = [&](auto it) { return ranks_[it->second.index()].label; };
  const auto after = parent.children.lower_bound(name);
  assert(after == parent.children.end() || after->first != name);
  const uint64_t low = after == parent.children.begin() ? 0 : label(std::prev(after));
  if (after == parent.children.end()) return low + kLabelGap;
  const uint64_t high = label(after);
  if (high - low > 1) return low + (high - low) / 2;

  uint64_t next = kLabelGap;
  for (auto it = parent.children.begin(); it != parent.children.end(); ++it, next += kLabelGap) {
    if (it == after) next += kLabelGap;  // Leaves room for the new child.
    ranks_[it->second.index()].label = next;
  }
  return label(after) - kLabelGap;
}

NodeHandle ShareTree::AddClient(std::string_view role, const std::string& name) {
  const NodeHandle node = EnsureRole(role);
  const auto own = nodes_[node].children.find(kOwnName);
  const NodeHandle parent = own != nodes_[node].children.end()
                                ? own->second
                                : AddChild(node, Kind::kOwn, std::string(kOwnName));
  return AddChild(parent, Kind::kClient, name);
}

void ShareTree::RemoveClient(NodeHandle client) {
  assert(nodes_[client].kind == Kind::kClient && nodes_[client].active_clients == 0);
  assert(Held(client).empty());
  NodeHandle parent = nodes_[client].parent;
  Unlink(client);
  while (parent != root_ && nodes_[parent].children.empty()) {
    const NodeHandle next = nodes_[parent].parent;
    if (nodes_[parent].kind == Kind::kRole) roles_.erase(nodes_[parent].path);
    Unlink(parent);
    parent = next;
  }
}

void ShareTree::Unlink(NodeHandle node) {
  nodes_[nodes_[node].parent].children.erase(nodes_[node].name);
  nodes_.Remove(node);
}

std::vector<NodeHandle>::iterator ShareTree::PlaceOf(std::vector<NodeHandle>& ranked,
                                                     const Rank& rank) {
  return std::lower_bound(
      ranked.begin(), ranked.end(), rank,
      [this](NodeHandle node, const Rank& value) { return ranks_[node.index()] < value; });
}

void ShareTree::Activate(NodeHandle client) {
  if (nodes_[client].active_clients != 0) return;
  ++shape_;
  for (NodeHandle node = client; node; node = nodes_[node].parent) {
    if (nodes_[node].active_clients++ != 0 || node == root_) continue;
    std::vector<NodeHandle>& ranked = nodes_[nodes_[node].parent].ranked;
    ranked.insert(PlaceOf(ranked, ranks_[node.index()]), node);
  }
}

void ShareTree::Deactivate(NodeHandle client) {
  if (nodes_[client].active_clients == 0) return;
  ++shape_;
  for (NodeHandle node = client; node; node = nodes_[node].parent) {
    if (--nodes_[node].active_clients != 0 || node == root_) continue;
    std::vector<NodeHandle>& ranked = nodes_[nodes_[node].parent].ranked;
    const auto place = PlaceOf(ranked, ranks_[node.index()]);
    assert(place != ranked.end() && *place == node);
    ranked.erase(place);
  }
}

double ShareTree::ShareOf(const Node& node) const {
  double share = 0;
  const size_t slots = std::min(node.held.size(), divisor_by_slot_.size());
  for (size_t slot = 0; slot < slots; ++slot) {
    if (divisor_by_slot_[slot] <= Amount()) continue;
    // A division, because with a product with the inverse equal fractions might not give equal
    // shares, and ties would break wrongly.
    share = std::max(share, node.held[slot] / divisor_by_slot_[slot]);
  }
  return share / node.weight;
}

void ShareTree::SetRank(NodeHandle node, const Rank& rank) {
  const Rank old = ranks_[node.index()];
  if (node == root_ || nodes_[node].active_clients == 0) {
    ranks_[node.index()] = rank;
    return;
  }
  std::vector<NodeHandle>& ranked = nodes_[nodes_[node].parent].ranked;
  if (ranked.size() == 1) {
    ranks_[node.index()] = rank;
    return;
  }
  const auto from = PlaceOf(ranked, old);
  assert(from != ranked.end() && *from == node);
  const auto before = [this](NodeHandle sibling, const Rank& value) {
    return ranks_[sibling.index()] < value;
  };
  if (old < rank) {
    const auto to = std::lower_bound(std::next(from), ranked.end(), rank, before);
    std::move(std::next(from), to, from);
    *std::prev(to) = node;
  } else {
    const auto to = std::lower_bound(ranked.begin(), from, rank, before);
    std::move_backward(to, from, std::next(from));
    *to = node;
  }
  ranks_[node.index()] = rank;
}

void ShareTree::Rerank(NodeHandle node, uint64_t allocations) {
  Rank rank = ranks_[node.index()];
  rank.share = ShareOf(nodes_[node]);
  rank.count += allocations;
  if (rank != ranks_[node.index()]) SetRank(node, rank);
}

void ShareTree::Measure(const Resources& resources) {
  measure_.clear();
  for (const Resource& resource : resources) {
    if (resource.is_scalar()) measure_.push_back({SlotOf(resource.name()), resource.scalar()});
  }
}

void ShareTree::AddMeasure(NodeHandle node, uint64_t allocations) {
  std::vector<Amount>& held = nodes_[node].held;
  for (const auto& [slot, amount] : measure_) {
    if (slot >= held.size()) held.resize(slot + 1);
    held[slot] += amount;
  }
  Rerank(node, allocations);
}

void ShareTree::SubtractMeasure(NodeHandle node) {
  std::vector<Amount>& held = nodes_[node].held;
  for (const auto& [slot, amount] : measure_) {
    assert(slot < held.size() && held[slot] >= amount);
    held[slot] -= amount;
  }
  Rerank(node, 0);
  if (node != root_) return;
  for (const auto& [slot, amount] : measure_) {
    if (name_by_slot_[slot]) ForgetUnused(slot);
  }
}

void ShareTree::Add(NodeHandle node, const Resources& resources, uint64_t allocations) {
  Measure(resources);
  AddMeasure(node, allocations);
}

void ShareTree::Subtract(NodeHandle node, const Resources& resources) {
  Measure(resources);
  SubtractMeasure(node);
}

void ShareTree::AddUp(NodeHandle client, const Resources& resources, uint64_t allocations) {
  Measure(resources);
  for (NodeHandle node = client; node; node = nodes_[node].parent) AddMeasure(node, allocations);
}

void ShareTree::SubtractUp(NodeHandle client, const Resources& resources) {
  Measure(resources);
  for (NodeHandle node = client; node; node = nodes_[node].parent) SubtractMeasure(node);
}

Quantities ShareTree::Held(NodeHandle node) const {
  Quantities result;
  const std::vector<Amount>& held = nodes_[node].held;
  for (size_t slot = 0; slot < held.size(); ++slot) {
    if (name_by_slot_[slot]) result.Set(*name_by_slot_[slot], held[slot]);
  }
  return result;
}

void ShareTree::Refresh() {
  if (!stale_) return;
  stale_ = false;
  for (size_t slot = 0; slot < name_by_slot_.size(); ++slot) {
    if (!name_by_slot_[slot]) continue;
    const bool excluded =
        std::ranges::find(excluded_, name_by_slot_[slot]->text()) != excluded_.end();
    divisor_by_slot_[slot] = excluded ? Amount() : total_by_slot_[slot];
  }
  for (uint32_t i = 0; i < nodes_.slots(); ++i) {
    const Node& node = nodes_[NodeHandle(i)];
    if (node.kind != Kind::kFree) ranks_[i].share = ShareOf(node);
  }
  for (uint32_t i = 0; i < nodes_.slots(); ++i) {
    std::vector<NodeHandle>& ranked = nodes_[NodeHandle(i)].ranked;
    std::ranges::sort(ranked, [this](NodeHandle a, NodeHandle b) {
      return ranks_[a.index()] < ranks_[b.index()];
    });
  }
}

bool ShareTree::Before(NodeHandle a, NodeHandle b) const {
  if (a == b) return false;
  const auto depth = [this](NodeHandle node) {
    int result = 0;
    for (; node != root_; node = nodes_[node].parent) ++result;
    return result;
  };
  // Both are leaves, so neither is an ancestor of the other, and their paths meet as two children
  // of one node.
  int a_depth = depth(a);
  int b_depth = depth(b);
  for (; a_depth > b_depth; --a_depth) a = nodes_[a].parent;
  for (; b_depth > a_depth; --b_depth) b = nodes_[b].parent;
  while (nodes_[a].parent != nodes_[b].parent) {
    a = nodes_[a].parent;
    b = nodes_[b].parent;
  }
  return ranks_[a.index()] < ranks_[b.index()];
}

void ShareTree::ForEachRole(const RoleVisitor& visit) const {
  for (const auto& [path, node] : roles_) {
    const auto own = nodes_[node].children.find(kOwnName);
    if (own == nodes_[node].children.end()) continue;
    visit(path, own->second, nodes_[own->second].children);
  }
}

}  // namespace tepui::allocator
