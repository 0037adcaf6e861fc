// SPDX-License-Identifier: Apache-2.0
#include "capacity/fairness.h"

#include <cstdint>

namespace tepui::capacity {

FairShares::FairShares(const std::vector<std::string>& roles,
                       const std::unordered_map<std::string, double>& weights) {
  nodes_.push_back({});
  for (const std::string& role : roles) {
    const size_t node = NodeOf(role, weights);
    leaves_.push_back(nodes_.size());
    nodes_.push_back({.parent = node, .weight = 1});
  }
}

size_t FairShares::NodeOf(const std::string& path,
                          const std::unordered_map<std::string, double>& weights) {
  if (const auto known = node_by_path_.find(path); known != node_by_path_.end())
    return known->second;
  const size_t slash = path.rfind('/');
  const size_t parent = slash == std::string::npos ? 0 : NodeOf(path.substr(0, slash), weights);
  const auto weight = weights.find(path);
  nodes_.push_back({.parent = parent, .weight = weight == weights.end() ? 1 : weight->second});
  return node_by_path_[path] = nodes_.size() - 1;
}

std::vector<double> FairShares::Divide(const std::vector<bool>& present) const {
  std::vector<bool> node_present(nodes_.size());
  for (size_t role = 0; role < leaves_.size(); ++role) {
    if (!present[role]) continue;
    for (size_t node = leaves_[role]; !node_present[node]; node = nodes_[node].parent)
      node_present[node] = true;
  }
  std::vector<double> siblings(nodes_.size());  // Weights of the children that are present.
  for (size_t node = 1; node < nodes_.size(); ++node) {
    if (node_present[node]) siblings[nodes_[node].parent] += nodes_[node].weight;
  }
  std::vector<double> parts(nodes_.size());
  parts[0] = 1;
  for (size_t node = 1; node < nodes_.size(); ++node) {
    const size_t parent = nodes_[node].parent;
    if (node_present[node]) parts[node] = parts[parent] * nodes_[node].weight / siblings[parent];
  }
  std::vector<double> result;
  for (const size_t leaf : leaves_) result.push_back(parts[leaf]);
  return result;
}

double JainIndex(std::span<const double> values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares == 0 ? 1 : sum * sum / (static_cast<double>(values.size()) * squares);
}

}  // namespace tepui::capacity
