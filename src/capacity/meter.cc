// SPDX-License-Identifier: Apache-2.0
#include "capacity/meter.h"

#include <algorithm>
#include <utility>

namespace tepui::capacity {

Meter::Meter(const Quantities& total, const std::vector<std::string>& roles,
             const std::unordered_map<std::string, double>& weights,
             const std::vector<std::string>& excluded)
    : fair_shares_(roles, weights) {
  for (const auto& [name, amount] : total) {
    const bool counts = std::ranges::find(excluded, name.text()) == excluded.end();
    resources_.push_back({.name = name,
                          .total = amount,
                          .counts = counts,
                          .allocated = ShareCourse(amount.milli()),
                          .offered = ShareCourse(amount.milli())});
  }
  for (const std::string& role : roles) {
    OfRole of;
    of.name = role;
    const auto weight = weights.find(role);
    of.weight = weight == weights.end() ? 1 : weight->second;
    of.used.resize(resources_.size());
    roles_.push_back(std::move(of));
  }
  series_.allocated.resize(resources_.size());
  series_.offered.resize(resources_.size());
  series_.role_shares.resize(roles_.size());
}

Meter::OfResource* Meter::Find(const ResourceName& name) {
  for (OfResource& resource : resources_) {
    if (resource.name == name) return &resource;
  }
  return nullptr;
}

void Meter::Wait(std::span<const uint32_t> roles, int64_t by, MonotonicTime now) {
  waiting_.Change(static_cast<double>(by), now);
  for (const uint32_t index : roles) {
    OfRole& role = roles_[index];
    const bool waited = role.waiting > 0;
    role.waiting += by;
    const bool waits = role.waiting > 0;
    if (waits != waited) role.waits.Change(waits ? 1 : -1, now);
  }
}

void Meter::Run(uint32_t index, const Quantities& amounts, int sign, MonotonicTime now) {
  OfRole& role = roles_[index];
  running_.Change(sign, now);
  role.running += sign;
  if (role.running == (sign > 0 ? 1 : 0)) role.runs.Change(sign, now);
  for (const auto& [name, amount] : amounts) {
    OfResource* const resource = Find(name);
    const int64_t change = sign * amount.milli();
    resource->allocated.Change(change, now);
    role.used[static_cast<size_t>(resource - resources_.data())].Change(static_cast<double>(change),
                                                                        now);
  }
}

void Meter::Offer(const Resources& offered, int sign, MonotonicTime now) {
  for (const Resource& resource : offered) {
    if (!resource.is_scalar()) continue;
    if (OfResource* const of = Find(resource.name()))
      of->offered.Change(sign * resource.scalar().milli(), now);
  }
}

double Meter::TakeDominantShare(OfRole& role, MonotonicTime now) {
  double share = 0;
  for (size_t i = 0; i < resources_.size(); ++i) {
    const double used = role.used[i].TakeMean(now);
    if (!resources_[i].counts) continue;
    share = std::max(share, used / static_cast<double>(resources_[i].total.milli()));
  }
  return share;
}

void Meter::EndInterval(MonotonicTime now) {
  for (size_t i = 0; i < resources_.size(); ++i) {
    series_.allocated[i].push_back(resources_[i].allocated.TakeMean(now));
    series_.offered[i].push_back(resources_[i].offered.TakeMean(now));
  }
  series_.waiting.push_back(waiting_.TakeMean(now));
  series_.running.push_back(running_.TakeMean(now));

  std::vector<double> shares;
  std::vector<double> waits;
  std::vector<bool> present;
  for (OfRole& role : roles_) {
    shares.push_back(TakeDominantShare(role, now));
    waits.push_back(role.waits.TakeMean(now));
    const double runs = role.runs.TakeMean(now);
    present.push_back(waits.back() > 0 || runs > 0);
  }
  const std::vector<double> fair = fair_shares_.Divide(present);
  std::vector<double> contending;
  for (size_t i = 0; i < roles_.size(); ++i) {
    OfRole& role = roles_[i];
    role.share_sum += shares[i];
    role.share_max = std::max(role.share_max, shares[i]);
    role.waiting_sum += waits[i];
    role.waiting_share_sum += waits[i] * shares[i];
    role.waiting_fair_sum += waits[i] * fair[i];
    series_.role_shares[i].push_back(shares[i]);
    if (waits[i] > 0.5) contending.push_back(shares[i] / fair[i]);
  }
  if (contending.size() < 2) return;
  ++contended_intervals_;
  jain_sum_ += JainIndex(contending);
}

Quantities Meter::Held() const {
  Quantities held;
  for (const OfResource& resource : resources_) {
    held.Set(resource.name,
             Amount::FromMilli(resource.allocated.value() + resource.offered.value()));
  }
  return held;
}

std::vector<ResourceUse> Meter::ResourceUses(MonotonicTime now) {
  std::vector<ResourceUse> result;
  for (OfResource& resource : resources_) {
    result.push_back({.name = resource.name.text(),
                      .total = resource.total.ToDouble(),
                      .allocated = resource.allocated.Summary(now),
                      .offered = resource.offered.Summary(now)});
  }
  return result;
}

RoleResult Meter::Role(uint32_t index) const {
  const OfRole& role = roles_[index];
  const auto intervals = static_cast<double>(std::max<size_t>(series_.waiting.size(), 1));
  RoleResult result;
  result.name = role.name;
  result.weight = role.weight;
  result.mean_share = role.share_sum / intervals;
  result.max_share = role.share_max;
  result.waiting = role.waiting_sum / intervals;
  if (role.waiting_sum > 0) {
    result.share_while_waiting = role.waiting_share_sum / role.waiting_sum;
    result.fair_share_while_waiting = role.waiting_fair_sum / role.waiting_sum;
  }
  return result;
}

Fairness Meter::FairnessOfAll() const {
  const auto intervals = static_cast<double>(std::max<size_t>(series_.waiting.size(), 1));
  return {.contended = contended_intervals_ / intervals,
          .jain_index = contended_intervals_ == 0 ? 1 : jain_sum_ / contended_intervals_};
}

Series Meter::TakeSeries(Duration interval) {
  series_.interval = interval;
  return std::exchange(series_, {});
}

}  // namespace tepui::capacity
