// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tepui::capacity {

// Fair shares by weight: how the cluster is to be divided among roles that want some of it. A
// role's share is divided among its subroles by their weights; its own frameworks count like one
// subrole of weight 1 (the allocator's share tree does the same).
class FairShares {
 public:
  // `roles` are paths; `weights` are by path, 1 if absent.
  FairShares(const std::vector<std::string>& roles,
             const std::unordered_map<std::string, double>& weights);

  // The share of each role (in their order) if those that are `present` divide the whole cluster; 0
  // for the others.
  std::vector<double> Divide(const std::vector<bool>& present) const;

 private:
  struct Node {
    size_t parent = 0;
    double weight = 1;
  };

  size_t NodeOf(const std::string& path, const std::unordered_map<std::string, double>& weights);

  std::vector<Node> nodes_;  // Parents before their children; the root first.
  std::unordered_map<std::string, size_t> node_by_path_;
  std::vector<size_t> leaves_;  // By role.
};

// Jain's index of fairness: 1 if all values are equal, 1/n if one of them is everything. 1 for
// fewer than two values or if all are zero.
double JainIndex(std::span<const double> values);

}  // namespace tepui::capacity
