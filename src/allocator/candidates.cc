// SPDX-License-Identifier: Apache-2.0
#include "allocator/candidates.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace tepui::allocator {
namespace {

// The number of draws that may hit an already drawn candidate before all that are left are ordered
// at once.
constexpr int kMaxMisses = 16;

}  // namespace

Candidates::Candidates(const ShareTree& tree, SorterPolicy roles, SorterPolicy frameworks)
    : tree_(tree), role_policy_(roles), framework_policy_(frameworks) {}

void Candidates::Start(Random& random) {
  random_ = &random;
  clients_ = nullptr;
  next_client_ = 0;
  if (role_policy_ == SorterPolicy::kDrf) {
    path_.assign(1, {tree_.root(), 0});
    return;
  }
  if (shape_ != tree_.shape()) FindChances();
  drawn_.assign(roles_.size(), false);
  drawn_count_ = 0;
  resting_ = false;
}

NodeHandle Candidates::NextRole() {
  const NodeHandle role = role_policy_ == SorterPolicy::kDrf ? NextRankedRole() : NextDrawnRole();
  next_client_ = 0;
  clients_ = role ? &tree_.Ranked(role) : nullptr;
  if (role && framework_policy_ == SorterPolicy::kRandom) {
    shuffled_ = *clients_;
    clients_ = &shuffled_;
  }
  return role;
}

NodeHandle Candidates::NextClient() {
  if (clients_ == nullptr || next_client_ == clients_->size()) return NodeHandle();
  if (framework_policy_ == SorterPolicy::kRandom) {
    const size_t drawn = next_client_ + random_->Below(shuffled_.size() - next_client_);
    std::swap(shuffled_[next_client_], shuffled_[drawn]);
  }
  return (*clients_)[next_client_++];
}

NodeHandle Candidates::NextRankedRole() {
  while (!path_.empty()) {
    auto& [node, next] = path_.back();
    const std::vector<NodeHandle>& ranked = tree_.Ranked(node);
    if (next == ranked.size()) {
      path_.pop_back();
      continue;
    }
    const NodeHandle child = ranked[next++];
    if (tree_.kind(child) == ShareTree::Kind::kOwn) return child;
    path_.emplace_back(child, 0);
  }
  return NodeHandle();
}

void Candidates::FindChances() {
  shape_ = tree_.shape();
  roles_.clear();
  chances_.clear();
  sums_.clear();
  std::vector<std::pair<NodeHandle, double>> open = {{tree_.root(), 1.0}};
  while (!open.empty()) {
    const auto [node, chance] = open.back();
    open.pop_back();
    if (tree_.kind(node) == ShareTree::Kind::kOwn) {
      roles_.push_back(node);
      chances_.push_back(chance);
      sums_.push_back((sums_.empty() ? 0 : sums_.back()) + chance);
      continue;
    }
    double weights = 0;
    for (NodeHandle child : tree_.Ranked(node)) weights += tree_.NodeWeight(child);
    for (NodeHandle child : tree_.Ranked(node)) {
      open.emplace_back(child, chance * tree_.NodeWeight(child) / weights);
    }
  }
}

NodeHandle Candidates::NextDrawnRole() {
  if (resting_) {
    if (rest_.empty()) return NodeHandle();
    const NodeHandle role = rest_.back();
    rest_.pop_back();
    return role;
  }
  if (drawn_count_ == roles_.size()) return NodeHandle();
  for (int miss = 0; miss < kMaxMisses; ++miss) {
    const double point = random_->Fraction() * sums_.back();
    const size_t i = std::min<size_t>(
        static_cast<size_t>(std::upper_bound(sums_.begin(), sums_.end(), point) - sums_.begin()),
        roles_.size() - 1);
    if (drawn_[i]) continue;
    drawn_[i] = true;
    ++drawn_count_;
    return roles_[i];
  }
  DrawTheRest();
  return NextDrawnRole();
}

// Successive draws without replacement have the same order as exponential variables whose rates are
// the chances.
void Candidates::DrawTheRest() {
  resting_ = true;
  std::vector<std::pair<double, NodeHandle>> order;
  for (size_t i = 0; i < roles_.size(); ++i) {
    if (!drawn_[i])
      order.emplace_back(-std::log(1.0 - random_->Fraction()) / chances_[i], roles_[i]);
  }
  std::ranges::sort(order, std::ranges::greater());
  rest_.clear();
  for (const auto& [key, role] : order) rest_.push_back(role);
}

}  // namespace tepui::allocator
