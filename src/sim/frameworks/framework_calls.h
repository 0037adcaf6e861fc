#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/frameworks/framework.h"
#include "sim/frameworks/offer_pool.h"

namespace tepui::sim {

// The messages that simulated frameworks are made of.

using Operation = v1::Offer::Operation;

// Outlasts every fault of a run.
inline constexpr Duration kFailoverTimeout = std::chrono::hours(2);

v1::FrameworkInfo MakeInfo(const std::string& name, bool checkpoint,
                           std::span<const v1::FrameworkInfo::Capability::Type> capabilities);

Framework::Call MakeCall(Framework::Call::Type type);
Framework::Call MakeAccept(const std::vector<v1::Offer>& offers, double refuse_seconds);
Framework::Call MakeDecline(const std::vector<v1::Offer>& offers, double refuse_seconds);
// No grace period if it is negative.
Framework::Call MakeKill(const std::string& task, Duration grace);

// A task without what it runs.
v1::TaskInfo MakeTask(const std::string& id, const v1::Offer& offer, OfferPool::List resources);
v1::CommandInfo MakeCommand(const ContainerScript& script);
// A check or a health check of any type, or both, or neither.
void AddChecks(Random& random, v1::TaskInfo* task);

// Of [min, max], to the millisecond.
Duration Between(Random& random, Duration min, Duration max);
// True once in `times`.
bool Rarely(Random& random, uint64_t times);

}  // namespace tepui::sim
