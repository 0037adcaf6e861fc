// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "allocator/allocator.h"
#include "base/random.h"
#include "base/virtual_clock.h"

namespace tepui::allocator {

using FrameworkCapability = v1::FrameworkInfo::Capability;
using AgentCapability = v1::AgentInfo::Capability;

inline Resources R(const std::string& text) {
  auto resources = Resources::Parse(text);
  EXPECT_TRUE(resources) << text << ": " << (resources ? "" : resources.error().message);
  return resources ? *resources : Resources();
}

inline Resources Allocated(Resources resources, const std::string& role) {
  resources.Allocate(role);
  return resources;
}

inline Quantities Q(const std::string& text) { return *Quantities::Parse(text); }

inline v1::Filters Refuse(double seconds) {
  v1::Filters filters;
  filters.set_refuse_seconds(seconds);
  return filters;
}

// A shared persistent volume on a disk reserved to `role`.
inline Resources SharedVolume(const std::string& role, double mb, const std::string& id) {
  v1::Resource resource;
  resource.set_name("disk");
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(mb);
  auto* reservation = resource.add_reservations();
  reservation->set_type(v1::Resource::ReservationInfo::STATIC);
  reservation->set_role(role);
  resource.mutable_disk()->mutable_persistence()->set_id(id);
  resource.mutable_disk()->mutable_volume()->set_container_path("data");
  resource.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  resource.mutable_shared();
  return *Resources::FromProto(resource);
}

inline Resources RevocableCpus(double cpus) {
  v1::Resource resource;
  resource.set_name("cpus");
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(cpus);
  resource.mutable_revocable();
  return *Resources::FromProto(resource);
}

// Cpus with a stack of reservations to `roles`, the first of which is static.
inline Resources StackedCpus(double cpus, const std::vector<std::string>& roles) {
  v1::Resource resource;
  resource.set_name("cpus");
  resource.set_type(v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(cpus);
  for (const std::string& role : roles) {
    auto* reservation = resource.add_reservations();
    reservation->set_type(resource.reservations_size() == 1
                              ? v1::Resource::ReservationInfo::STATIC
                              : v1::Resource::ReservationInfo::DYNAMIC);
    reservation->set_role(role);
  }
  return *Resources::FromProto(resource);
}

// An allocator in virtual time, with the offers that it made.
class AllocatorFixture : public ::testing::Test {
 protected:
  AllocatorFixture() { Reset({}); }
  ~AllocatorFixture() override { Check(); }

  void Check() const {
    const Status held = allocator_->CheckInvariants();
    EXPECT_TRUE(held) << held.error().message;
  }

  // Makes a new allocator.
  void Reset(Options options, uint64_t seed = 1) {
    if (allocator_) Check();
    random_ = std::make_unique<SeededRandom>(seed);
    offers_.clear();
    allocator_ =
        std::make_unique<Allocator>(std::move(options), clock_, *random_, [this](auto offers) {
          for (Offer& offer : offers) offers_.push_back(std::move(offer));
        });
  }

  static v1::FrameworkInfo Info(const std::vector<std::string>& roles,
                                const std::vector<FrameworkCapability::Type>& capabilities = {}) {
    v1::FrameworkInfo info;
    info.set_user("user");
    info.set_name("name");
    info.add_capabilities()->set_type(FrameworkCapability::MULTI_ROLE);
    info.add_capabilities()->set_type(FrameworkCapability::RESERVATION_REFINEMENT);
    for (auto type : capabilities) info.add_capabilities()->set_type(type);
    for (const std::string& role : roles) info.add_roles(role);
    return info;
  }

  void AddFramework(const std::string& id, const std::vector<std::string>& roles,
                    const std::vector<FrameworkCapability::Type>& capabilities = {}) {
    allocator_->AddFramework(FrameworkId(id), Info(roles, capabilities), {}, true, {});
  }

  static AgentSpec Spec(const std::string& id, const Resources& total) {
    AgentSpec spec;
    spec.info.mutable_id()->set_value(id);
    spec.info.set_hostname("host-" + id);
    spec.capabilities = {AgentCapability::MULTI_ROLE, AgentCapability::HIERARCHICAL_ROLE,
                         AgentCapability::RESERVATION_REFINEMENT};
    spec.total = total;
    return spec;
  }

  void AddAgent(const std::string& id, const std::string& total,
                const std::unordered_map<FrameworkId, Resources>& used = {}) {
    allocator_->AddAgent(Spec(id, R(total)), used);
  }

  // Runs what is due now, and returns the offers since the last call, sorted by agent, framework
  // and role.
  std::vector<Offer> Take() {
    clock_.Settle();
    std::ranges::sort(offers_, [](const Offer& a, const Offer& b) {
      return std::tie(a.agent, a.framework, a.role) < std::tie(b.agent, b.framework, b.role);
    });
    return std::exchange(offers_, {});
  }

  // Returns the only offer since the last call, as "agent framework role".
  std::string TakeOne() {
    const std::vector<Offer> offers = Take();
    if (offers.size() != 1) return std::to_string(offers.size()) + " offers";
    last_ = offers[0];
    return last_.agent.value() + " " + last_.framework.value() + " " + last_.role;
  }

  void Decline(const Offer& offer, std::optional<v1::Filters> filters = std::nullopt) {
    allocator_->Release(offer.framework, offer.agent, offer.resources, filters);
  }

  void Tick() { clock_.Advance(std::chrono::seconds(1)); }

  VirtualClock clock_;
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<Allocator> allocator_;
  std::vector<Offer> offers_;
  Offer last_;  // The offer that the last TakeOne returned.
};

}  // namespace tepui::allocator
