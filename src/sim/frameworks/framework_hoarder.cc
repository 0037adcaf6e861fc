// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "sim/frameworks/framework_calls.h"
#include "sim/frameworks/framework_kinds.h"

namespace tepui::sim {
namespace {

using Capability = v1::FrameworkInfo::Capability;

constexpr Capability::Type kCapabilities[] = {Capability::MULTI_ROLE, Capability::PARTITION_AWARE};

// Holds offers until the master rescinds them. It asks for offers only during every other minute,
// so that other frameworks get some too.
class Hoarder final : public Framework {
 public:
  Hoarder(std::string name, std::string role) : name_(std::move(name)), role_(std::move(role)) {}

  v1::FrameworkInfo Info() const override {
    v1::FrameworkInfo info = MakeInfo(name_, false, kCapabilities);
    info.add_roles(role_);
    return info;
  }
  std::vector<std::string> SuppressedRoles() const override {
    return sated_ ? std::vector<std::string>{role_} : std::vector<std::string>{};
  }

  void OnSubscribed(Tasks&) override {}
  void OnOffers(Tasks&, const std::vector<v1::Offer>&) override {}
  void OnStatus(Tasks&, const v1::TaskStatus&) override {}
  void OnTick(Tasks& tasks) override {
    constexpr int kTicks = 12;
    if (calm_ || ++ticks_ % kTicks != 0) return;
    sated_ = !sated_;
    tasks.Send(MakeCall(sated_ ? Call::SUPPRESS : Call::REVIVE));
  }
  void Calm(Tasks& tasks) override {
    calm_ = true;
    sated_ = true;
    tasks.Send(MakeCall(Call::SUPPRESS));
  }
  bool well_behaved() const override { return false; }

 private:
  const std::string name_;
  const std::string role_;
  bool calm_ = false;
  bool sated_ = false;
  int ticks_ = 0;
};

}  // namespace

std::unique_ptr<Framework> MakeHoarder(const std::string& name, const std::string& role) {
  return std::make_unique<Hoarder>(name, role);
}

}  // namespace tepui::sim
