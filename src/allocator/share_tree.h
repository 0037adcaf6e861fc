#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "allocator/slab.h"
#include "resources/resources.h"

namespace tepui::allocator {

// Who holds how much, and who comes next (reference 3, "sorters"): dominant resource fairness over
// the tree of roles.
//
// clang-format off
//   root ── eng ─┬─ .   ─┬─ framework 1
//           │    │       └─ framework 2
//           │    └─ web ── . ── framework 1
//           └─ ops ── . ── framework 3
// clang-format on
//
// A client is a framework in a role. The clients of a role stand under its node ".", so that a role
// with frameworks of its own and subroles competes against its subroles like one of them.
//
// Each node knows the sum of what is held below it. Its share is the largest part of the cluster's
// total of any one scalar, divided by its weight; siblings rank by share, then by how often they
// were allocated to, then by name. Ranking is kept up with each change of what is held: the
// children of a node that have an active client below them are a sorted array, in which a child
// moves by binary search and one block move (four bytes a sibling, so that even thousands of
// siblings move in the time of a few cache misses). A change of the cluster's total changes every
// share; it is put off until Refresh.
class ShareTree {
 public:
  enum class Kind : uint8_t { kFree, kRole, kOwn, kClient };  // kOwn: the node "." of a role.

  explicit ShareTree(std::unordered_map<std::string, double> weights = {},
                     const std::vector<std::string>& excluded = {});

  // --- The cluster that shares are shares of.
  void AddTotal(const Quantities& quantities);
  void SubtractTotal(const Quantities& quantities);
  const Quantities& total() const { return total_; }

  // 1.0 for roles never named here. Roles may be named before they exist.
  void SetWeight(const std::string& role, double weight);
  double Weight(const std::string& role) const;
  const std::unordered_map<std::string, double>& weights() const { return weights_; }

  // --- Clients. A new one is inactive and holds nothing.
  NodeHandle AddClient(std::string_view role, const std::string& name);
  // The client is inactive and holds nothing. Roles that lead to nobody any more go with it.
  void RemoveClient(NodeHandle client);
  void Activate(NodeHandle client);
  void Deactivate(NodeHandle client);
  bool IsActiveClient(NodeHandle node) const {
    return nodes_[node].kind == Kind::kClient && nodes_[node].active_clients != 0;
  }
  size_t active_clients() const { return nodes_[root_].active_clients; }
  size_t slots() const { return nodes_.slots(); }

  // --- What is held. Add and Subtract count for one node only, for what its parents count
  // otherwise (shared resources); AddUp and SubtractUp for the client and all above it.
  // `allocations` more times the client was chosen: what breaks ties of share.
  void AddUp(NodeHandle client, const Resources& resources, uint64_t allocations);
  void SubtractUp(NodeHandle client, const Resources& resources);
  void Add(NodeHandle node, const Resources& resources, uint64_t allocations);
  void Subtract(NodeHandle node, const Resources& resources);
  Quantities Held(NodeHandle node) const;

  // --- Order. Brings ranks up to date with the cluster's total; call before the following.
  void Refresh();
  NodeHandle root() const { return root_; }
  Kind kind(NodeHandle node) const { return nodes_[node].kind; }
  NodeHandle parent(NodeHandle node) const { return nodes_[node].parent; }
  // Children with active clients, first in line first. Valid until the tree changes.
  const std::vector<NodeHandle>& Ranked(NodeHandle node) const { return nodes_[node].ranked; }
  // True if `a` comes before `b`, both active clients, in the order in which the whole tree is
  // walked.
  bool Before(NodeHandle a, NodeHandle b) const;
  double Share(NodeHandle node) const { return ranks_[node.index()].share; }
  double NodeWeight(NodeHandle node) const { return nodes_[node].weight; }
  // Changes with every change of which nodes are active and of weights.
  uint64_t shape() const { return shape_; }

  // Every role with clients: its path, its own node "." and its clients.
  using RoleVisitor =
      std::function<void(const std::string& path, NodeHandle own,
                         const std::map<std::string, NodeHandle, std::less<>>& clients)>;
  void ForEachRole(const RoleVisitor& visit) const;
  // Null if the role does not exist.
  NodeHandle FindRole(const std::string& path) const;

 private:
  struct Node {
    Kind kind = Kind::kFree;
    NodeHandle parent;
    uint32_t active_clients = 0;  // At or below this node.
    double weight = 1.0;
    std::vector<int64_t> held;  // Thousandths, by slot.
    std::vector<NodeHandle> ranked;
    std::map<std::string, NodeHandle, std::less<>> children;  // By name.
    std::string name;
    std::string path;  // Roles only.
  };
  // What siblings are sorted by. `label` has the order of the names.
  struct Rank {
    double share = 0;
    uint64_t count = 0;
    uint64_t label = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };

  size_t SlotOf(ResourceName name);
  NodeHandle EnsureRole(std::string_view path);
  NodeHandle AddChild(NodeHandle parent, Kind kind, std::string name);
  void Unlink(NodeHandle node);
  uint64_t LabelFor(Node& parent, const std::string& name);
  double ShareOf(const Node& node) const;
  // The scalars of `resources` by slot, into measure_; a shared resource counts once, whatever its
  // copies.
  void Measure(const Resources& resources);
  void AddMeasure(NodeHandle node, int64_t sign, uint64_t allocations);
  // Gives the node a new rank and moves it among its siblings.
  void SetRank(NodeHandle node, const Rank& rank);
  void Rerank(NodeHandle node, uint64_t allocations);
  std::vector<NodeHandle>::iterator PlaceOf(std::vector<NodeHandle>& ranked, const Rank& rank);

  std::unordered_map<std::string, double> weights_;  // Other than 1.0.
  std::vector<std::string> excluded_;

  // Scalar names of the cluster as small numbers, in order of appearance.
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  std::vector<uint16_t> slot_by_name_;
  std::vector<ResourceName> name_by_slot_;
  std::vector<int64_t> total_by_slot_;
  std::vector<int64_t> divisor_by_slot_;  // 0 for what shares do not look at.
  Quantities total_;
  struct SlotAmount {
    size_t slot;
    int64_t milli;
  };
  std::vector<SlotAmount> measure_;  // Scratch of Measure.

  Slab<NodeHandle, Node> nodes_;
  std::vector<Rank> ranks_;  // By node index; apart from the nodes, for the sake of the cache.
  std::unordered_map<std::string, NodeHandle> roles_;
  NodeHandle root_;
  bool stale_ = false;
  uint64_t shape_ = 0;
};

}  // namespace tepui::allocator
