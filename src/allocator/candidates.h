// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "allocator/allocator.h"
#include "allocator/share_tree.h"
#include "base/random.h"

namespace tepui::allocator {

// The active clients of a share tree in the order in which they are considered for an agent: roles
// by one policy, the frameworks of a role by another (reference 3, "sorters").
//
// kDrf walks the tree's ranking. kRandom draws without replacement, with chances proportional to
// weight: a node's weight divided by the weights of its active siblings, times the same for its
// parent. Frameworks have no weights. Draws are made one at a time as they are requested: most
// agents go to the first or second candidate, however many there are.
//
// One object serves any number of agents; the tree must not change between Start and the last Next
// call.
class Candidates {
 public:
  Candidates(const ShareTree& tree, SorterPolicy roles, SorterPolicy frameworks);

  // `random` must outlive the walk.
  void Start(Random& random);
  // Returns the node "." of the next role; an empty handle after the last.
  NodeHandle NextRole();
  // Returns the next client of the current role; an empty handle after the last.
  NodeHandle NextClient();

 private:
  NodeHandle NextRankedRole();
  NodeHandle NextDrawnRole();
  void FindChances();
  void DrawTheRest();

  const ShareTree& tree_;
  const SorterPolicy role_policy_;
  const SorterPolicy framework_policy_;
  Random* random_ = nullptr;

  std::vector<std::pair<NodeHandle, uint32_t>>
      path_;  // kDrf: the nodes from the root on, and the next child of each.

  // kRandom, roles: all roles with active clients; the cumulative sums of their chances; those
  // drawn in this walk.
  uint64_t shape_ = UINT64_MAX;
  std::vector<NodeHandle> roles_;
  std::vector<double> chances_;
  std::vector<double> sums_;
  std::vector<bool> drawn_;
  size_t drawn_count_ = 0;
  std::vector<NodeHandle> rest_;  // In drawn order, the last one first.
  bool resting_ = false;

  std::vector<NodeHandle> shuffled_;  // kRandom, frameworks: those before next_client_ are drawn.
  const std::vector<NodeHandle>* clients_ = nullptr;
  size_t next_client_ = 0;
};

}  // namespace tepui::allocator
