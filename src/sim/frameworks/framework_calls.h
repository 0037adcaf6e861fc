// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/frameworks/framework.h"
#include "sim/frameworks/offer_pool.h"

namespace tepui::sim {

// The messages that simulated frameworks send.

using Operation = v1::Offer::Operation;

// Longer than every fault of a run.
inline constexpr Duration kFailoverTimeout = std::chrono::hours(2);

v1::FrameworkInfo MakeInfo(const std::string& name, bool checkpoint,
                           std::span<const v1::FrameworkInfo::Capability::Type> capabilities);

Framework::Call MakeCall(Framework::Call::Type type);
Framework::Call MakeAccept(const std::vector<v1::Offer>& offers, double refuse_seconds);
Framework::Call MakeDecline(const std::vector<v1::Offer>& offers, double refuse_seconds);
// Sends no grace period if `grace` is negative.
Framework::Call MakeKill(const std::string& task, Duration grace);

// A task without its command or executor.
v1::TaskInfo MakeTask(const std::string& id, const v1::Offer& offer, OfferPool::List resources);
v1::CommandInfo MakeCommand(const ContainerScript& script);
// Adds a check of any type, a health check, both, or neither.
void AddChecks(Random& random, v1::TaskInfo* task);

// A random duration of [min, max], in whole milliseconds.
Duration Between(Random& random, Duration min, Duration max);
// True once in `times` calls on average.
bool Rarely(Random& random, uint64_t times);

}  // namespace tepui::sim
