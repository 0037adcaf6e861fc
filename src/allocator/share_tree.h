// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "allocator/slab.h"
#include "base/result.h"
#include "resources/resources.h"

namespace tepui::allocator {

// Holds how much each client has, and which comes next (reference 3, "sorters"): dominant resource
// fairness over the tree of roles.
//
// clang-format off
//   root ── eng ─┬─ .   ─┬─ framework 1
//           │    │       └─ framework 2
//           │    └─ web ── . ── framework 1
//           └─ ops ── . ── framework 3
// clang-format on
//
// A client is a framework in a role. The clients of a role are children of its node ".", so that a
// role with frameworks of its own and subroles competes against its subroles like one of them.
//
// Each node has the sum of what is held below it. Its share is the largest fraction of the
// cluster's total of any one scalar, divided by the node's weight. Siblings rank by share, then by
// how often they were allocated to, then by name. Ranks are updated with each change of what is
// held: the children of a node that have an active client below them are a sorted array, in which a
// child moves by binary search and one block move (four bytes a sibling, so that even thousands of
// siblings move in the time of a few cache misses). A change of the cluster's total changes every
// share; that is deferred until Refresh.
class ShareTree {
 public:
  enum class Kind : uint8_t { kFree, kRole, kOwn, kClient };  // kOwn: the node "." of a role.

  explicit ShareTree(std::unordered_map<std::string, double> weights = {},
                     const std::vector<std::string>& excluded = {});

  // --- The cluster's total, of which shares are fractions.
  void AddTotal(const Quantities& quantities);
  void SubtractTotal(const Quantities& quantities);
  const Quantities& total() const { return total_; }

  // The weight is 1.0 for roles that were never set. A weight may be set before the role exists.
  void SetWeight(const std::string& role, double weight);
  double Weight(const std::string& role) const;
  const std::unordered_map<std::string, double>& weights() const { return weights_; }

  // --- Clients. A new one is inactive and holds nothing.
  NodeHandle AddClient(std::string_view role, const std::string& name);
  // The client must be inactive and hold nothing. Roles without any client left are removed with
  // it.
  void RemoveClient(NodeHandle client);
  void Activate(NodeHandle client);
  void Deactivate(NodeHandle client);
  bool IsActiveClient(NodeHandle node) const {
    return nodes_[node].kind == Kind::kClient && nodes_[node].active_clients != 0;
  }
  size_t active_clients() const { return nodes_[root_].active_clients; }
  size_t slots() const { return nodes_.slots(); }

  // --- What is held. Add and Subtract count for one node only, where its parents count differently
  // (shared resources); AddUp and SubtractUp count for the client and all nodes above it.
  // `allocations` is how many more times the client was chosen; it breaks ties of share.
  void AddUp(NodeHandle client, const Resources& resources, uint64_t allocations);
  void SubtractUp(NodeHandle client, const Resources& resources);
  void Add(NodeHandle node, const Resources& resources, uint64_t allocations);
  void Subtract(NodeHandle node, const Resources& resources);
  Quantities Held(NodeHandle node) const;

  // --- Order. Refresh brings ranks up to date with the cluster's total; call it before the
  // following.
  void Refresh();
  NodeHandle root() const { return root_; }
  Kind kind(NodeHandle node) const { return nodes_[node].kind; }
  NodeHandle parent(NodeHandle node) const { return nodes_[node].parent; }
  // Children with active clients, the next in line first. Valid until the tree changes.
  const std::vector<NodeHandle>& Ranked(NodeHandle node) const { return nodes_[node].ranked; }
  // Returns true if the active client `a` comes before the active client `b` when the whole tree is
  // walked.
  bool Before(NodeHandle a, NodeHandle b) const;
  double Share(NodeHandle node) const { return ranks_[node.index()].share; }
  double NodeWeight(NodeHandle node) const { return nodes_[node].weight; }
  // Changes whenever a weight changes or a node becomes active or inactive.
  uint64_t shape() const { return shape_; }

  // Visits every role with clients: its path, its own node "." and its clients.
  using RoleVisitor =
      std::function<void(const std::string& path, NodeHandle own,
                         const std::map<std::string, NodeHandle, std::less<>>& clients)>;
  void ForEachRole(const RoleVisitor& visit) const;
  // Returns an empty handle if the role does not exist.
  NodeHandle FindRole(const std::string& path) const;

  // Fails if the tree contradicts itself: shares are not those of what is held, children are not
  // in the order of their ranks, or active clients are counted wrongly.
  Status CheckInvariants() const;

 private:
  struct Node {
    Kind kind = Kind::kFree;
    NodeHandle parent;
    uint32_t active_clients = 0;  // The number at or below this node.
    double weight = 1.0;
    std::vector<Amount> held;  // By slot.
    std::vector<NodeHandle> ranked;
    std::map<std::string, NodeHandle, std::less<>> children;  // By name.
    std::string name;
    std::string path;  // Set for roles only.
  };
  // The key that siblings are sorted by. `label` has the order of the names.
  struct Rank {
    double share = 0;
    uint64_t count = 0;
    uint64_t label = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };

  // Returns the slot of the name, which gets one if it has none.
  size_t SlotOf(const ResourceName& name);
  void ForgetUnused(size_t slot);
  NodeHandle EnsureRole(std::string_view path);
  NodeHandle AddChild(NodeHandle parent, Kind kind, std::string name);
  void Unlink(NodeHandle node);
  uint64_t LabelFor(Node& parent, const std::string& name);
  double ShareOf(const Node& node) const;
  Status CheckSlots() const;
  Status CheckNode(NodeHandle node) const;
  Status CheckChildren(NodeHandle node) const;
  // Writes the scalars of `resources` by slot into measure_. A shared resource counts once, however
  // many copies there are.
  void Measure(const Resources& resources);
  void AddMeasure(NodeHandle node, uint64_t allocations);
  void SubtractMeasure(NodeHandle node);
  // Gives the node a new rank and moves it among its siblings.
  void SetRank(NodeHandle node, const Rank& rank);
  void Rerank(NodeHandle node, uint64_t allocations);
  std::vector<NodeHandle>::iterator PlaceOf(std::vector<NodeHandle>& ranked, const Rank& rank);

  std::unordered_map<std::string, double> weights_;  // Weights other than 1.0.
  std::vector<std::string> excluded_;

  // Scalar names of the cluster as small numbers. A name has a slot while the cluster's total or
  // what is held has some of it, so that names are forgotten with the last agent that brought them.
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  std::vector<uint16_t> slot_by_name_;
  std::vector<std::optional<ResourceName>> name_by_slot_;
  std::vector<uint16_t> free_slots_;
  std::vector<Amount> total_by_slot_;
  std::vector<Amount> divisor_by_slot_;  // 0 for scalars that do not count for shares.
  Quantities total_;
  struct SlotAmount {
    size_t slot;
    Amount amount;
  };
  std::vector<SlotAmount> measure_;  // Scratch of Measure.

  Slab<NodeHandle, Node> nodes_;
  std::vector<Rank>
      ranks_;  // By node index; kept apart from the nodes for better use of the cache.
  std::unordered_map<std::string, NodeHandle> roles_;
  NodeHandle root_;
  bool stale_ = false;
  uint64_t shape_ = 0;
};

}  // namespace tepui::allocator
