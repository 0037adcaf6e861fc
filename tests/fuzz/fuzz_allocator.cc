// SPDX-License-Identifier: Apache-2.0
// The allocator under random histories with amounts near the limits. It trusts its caller for what
// its header demands, which is kept here; everything else may come in any order and of any size.
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "allocator/allocator.h"
#include "base/random.h"
#include "base/virtual_clock.h"
#include "fuzzed_data.h"

namespace tepui::allocator {
namespace {

constexpr size_t kMostSteps = 300;

class History {
 public:
  explicit History(fuzz::FuzzedData data) : data_(data) {}

  void Run() {
    for (size_t step = 0; step < kMostSteps && !data_.empty(); ++step) {
      Step();
      fuzz::Expect(allocator_.CheckInvariants());
    }
  }

 private:
  void Step() {
    switch (data_.Below(10)) {
      case 0:
        return AddAgent();
      case 1:
        return allocator_.RemoveAgent(AnyAgent());
      case 2:
        return AddFramework();
      case 3:
        return RemoveFramework();
      case 4:
        return Pass();
      case 5:
      case 6:
        return Release();
      case 7:
        return allocator_.Allocate(AnyFramework(), AnyAgent(), AnyHeld());
      case 8:
        return Update();
      default:
        return Wish();
    }
  }

  AgentSpec AnySpec(const AgentId& id) {
    AgentSpec spec;
    spec.info.mutable_id()->set_value(id.value());
    spec.capabilities = {v1::AgentInfo::Capability::MULTI_ROLE,
                         v1::AgentInfo::Capability::HIERARCHICAL_ROLE};
    spec.total = AnyResources();
    spec.total.Unallocate();
    return spec;
  }

  void AddAgent() {
    const AgentId id = AnyAgent();
    allocator_.RemoveAgent(id);
    std::unordered_map<FrameworkId, Resources> used;
    if (data_.Below(4) == 0) used[AnyFramework()] = AnyHeld();
    allocator_.AddAgent(AnySpec(id), used);
  }

  v1::FrameworkInfo AnyInfo() {
    v1::FrameworkInfo info;
    info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
    info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::SHARED_RESOURCES);
    for (size_t left = data_.Below(3); left != 0; --left) {
      const std::string role = fuzz::AnyRole(data_);
      if (std::ranges::find(info.roles(), role) == info.roles().end()) info.add_roles(role);
    }
    return info;
  }

  void AddFramework() {
    const FrameworkId id = AnyFramework();
    std::unordered_map<AgentId, Resources> used;
    if (data_.Below(4) == 0) used[AnyAgent()] = AnyHeld();
    if (added_[id]) allocator_.RemoveFramework(id);
    added_[id] = true;
    allocator_.AddFramework(id, AnyInfo(), {}, data_.Flag(), used);
  }

  void RemoveFramework() {
    const FrameworkId id = AnyFramework();
    allocator_.RemoveFramework(id);
    added_[id] = false;
  }

  void Pass() {
    constexpr std::array kSeconds = {0, 1, 5, 3600};
    clock_.Advance(std::chrono::seconds(data_.Pick(kSeconds)));
  }

  // An offer ends, or some of what is held is free again.
  void Release() {
    v1::Filters filters;
    filters.set_refuse_seconds(fuzz::AnyNumber(data_));
    if (!offers_.empty() && data_.Flag()) {
      const Offer offer = std::move(offers_.back());
      offers_.pop_back();
      return allocator_.Release(offer.framework, offer.agent, offer.resources, filters);
    }
    allocator_.Release(AnyFramework(), AnyAgent(), AnyHeld(), filters);
  }

  void Update() {
    switch (data_.Below(4)) {
      case 0:
        return allocator_.UpdateAgent(AnySpec(AnyAgent()));
      case 1:
        return allocator_.UpdateFramework(AnyFramework(), AnyInfo(), {});
      case 2:
        return allocator_.UpdateWeights(
            {{fuzz::AnyRole(data_), data_.Pick<double>(std::array{1.0, 1e-9, 1e9})}});
      default:
        return data_.Flag() ? allocator_.DeactivateAgent(AnyAgent())
                            : allocator_.ActivateAgent(AnyAgent());
    }
  }

  void Wish() {
    switch (data_.Below(4)) {
      case 0:
        return allocator_.Suppress(AnyFramework(), {});
      case 1:
        return allocator_.Revive(AnyFramework(), {});
      case 2:
        return allocator_.ActivateFramework(AnyFramework());
      default:
        return allocator_.DeactivateFramework(AnyFramework());
    }
  }

  // The amounts of one list are checked before they reach the allocator, and so is what an agent
  // uses.
  Resources AnyResources() {
    fuzz::ResourceList list;
    fuzz::AddResources(data_, &list);
    return Resources::FromProto(list).value_or(Resources());
  }
  // All that is ever held keeps to the bounds of one agent, which is simpler than each agent for
  // itself.
  Resources AnyHeld() {
    Resources held = AnyResources();
    if (!(held_ + held).CheckBounds()) return {};
    held_ += held;
    held.Allocate(fuzz::AnyRole(data_));
    return held;
  }

  AgentId AnyAgent() { return AgentId("s" + std::to_string(data_.Below(5))); }
  FrameworkId AnyFramework() { return FrameworkId("f" + std::to_string(data_.Below(4))); }

  fuzz::FuzzedData data_;
  VirtualClock clock_;
  SeededRandom random_{1};
  std::vector<Offer> offers_;
  std::map<FrameworkId, bool> added_;
  Resources held_;  // All that AnyHeld returned.
  Allocator allocator_{{}, clock_, random_, [this](std::vector<Offer> offers) {
                         for (Offer& offer : offers) offers_.push_back(std::move(offer));
                       }};
};

}  // namespace
}  // namespace tepui::allocator

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tepui::allocator::History(tepui::fuzz::FuzzedData(data, size)).Run();
  return 0;
}
