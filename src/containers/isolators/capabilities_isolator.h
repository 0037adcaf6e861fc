// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "container/isolator.h"

namespace tepui::containers {

// The values of the flags effective_capabilities and bounding_capabilities.
struct CapabilityOptions {
  std::optional<v1::CapabilityInfo> effective = {};
  std::optional<v1::CapabilityInfo> bounding = {};
};

// linux/capabilities: sets what the task's processes may do of what root may. As in Mesos, the
// task's own sets override the operator's, within the operator's bounding set; an effective set
// without a bounding one is also the bounding set. A task without any set keeps the agent's.
class CapabilitiesIsolator final : public Isolator {
 public:
  explicit CapabilitiesIsolator(CapabilityOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "linux/capabilities"; }
  Features handles() const override { return {Feature::kCapabilities}; }
  Status Check(const ContainerContext& context) override;
  Status Isolate(const ContainerContext& context, shim::Launch* launch) override;

 private:
  // Bit n is the kernel's capability n; absent: not changed.
  struct Sets {
    std::optional<uint64_t> effective;
    std::optional<uint64_t> bounding;
  };
  Result<Sets> SetsOf(const v1::LinuxInfo& info) const;

  const CapabilityOptions options_;
};

}  // namespace tepui::containers
