// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/capabilities_isolator.h"

namespace tepui::containers {
namespace {

// The kernel's number n is 1000 + n in the message.
std::optional<uint64_t> Bits(const std::optional<v1::CapabilityInfo>& info) {
  if (!info) return std::nullopt;
  uint64_t bits = 0;
  for (const int capability : info->capabilities()) {
    if (capability >= 1000 && capability < 1064) bits |= uint64_t{1} << (capability - 1000);
  }
  return bits;
}

}  // namespace

Result<CapabilitiesIsolator::Sets> CapabilitiesIsolator::SetsOf(const v1::LinuxInfo& info) const {
  if (info.has_capability_info() && info.has_effective_capabilities()) {
    return Fail(Code::kInvalid,
                "Only one of 'capability_info' and 'effective_capabilities' may be set");
  }
  const std::optional<uint64_t> allowed = Bits(options_.bounding);
  Sets sets = {Bits(options_.effective), allowed};
  if (info.has_capability_info()) sets.effective = Bits(info.capability_info());
  if (info.has_effective_capabilities()) sets.effective = Bits(info.effective_capabilities());
  if (info.has_bounding_capabilities()) sets.bounding = Bits(info.bounding_capabilities());
  if (allowed && (*sets.bounding & ~*allowed) != 0) {
    return Fail(Code::kInvalid,
                "The bounding capabilities asked for exceed the agent's --bounding_capabilities");
  }
  if (sets.effective && !sets.bounding) sets.bounding = sets.effective;
  if (sets.effective && (*sets.effective & ~*sets.bounding) != 0) {
    return Fail(Code::kInvalid,
                "The effective capabilities asked for exceed the bounding capabilities");
  }
  return sets;
}

Status CapabilitiesIsolator::Check(const ContainerContext& context) {
  const Result<Sets> sets = SetsOf(context.container().linux_info());
  return sets ? Status() : Fail(sets.error());
}

Status CapabilitiesIsolator::Isolate(const ContainerContext& context, shim::Launch* launch) {
  const Result<Sets> sets = SetsOf(context.container().linux_info());
  if (!sets) return Fail(sets.error());
  launch->effective_capabilities = sets->effective;
  launch->bounding_capabilities = sets->bounding;
  return {};
}

}  // namespace tepui::containers
