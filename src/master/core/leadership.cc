// SPDX-License-Identifier: Apache-2.0
#include "master/core/leadership.h"

#include <utility>

#include "base/log.h"
#include "base/units.h"

namespace tepui::master {

Leadership::Leadership(Options options, RegistryTimeouts timeouts, const Parts& parts,
                       std::function<void()> leads,
                       std::move_only_function<void(const Error&)> ended)
    : options_(std::move(options)),
      timeouts_(timeouts),
      parts_(parts),
      leads_(std::move(leads)),
      ended_(std::move(ended)),
      fetch_timer_(parts.clock) {
  fetch_timer_.Set(timeouts_.fetch, [this] {
    End(Error{Code::kUnavailable,
              fmt::format("The registry could not be read within {} (--registry_fetch_timeout): "
                          "check whether its store answers",
                          FormatDuration(timeouts_.fetch))});
  });
  parts_.store.Fence(lifetime_.Bind([this](const Result<uint64_t>& epoch) {
    if (!ended_) return;
    if (!epoch) return End(epoch.error());
    spdlog::info("Leading in epoch {}", *epoch);
    Recover();
  }));
}

void Leadership::Recover() {
  StoreRegistrar::Recover(parts_.store, lifetime_.Bind([this](Result<RecoveredRegistry> registry) {
    if (ended_) OnRecovered(std::move(registry));
  }));
}

void Leadership::OnRecovered(Result<RecoveredRegistry> registry) {
  fetch_timer_.Cancel();
  if (!registry) return End(registry.error());
  spdlog::info("Recovered the registry: {} agents, {} unreachable, {} gone",
               registry->agents.size(), registry->unreachable.size(), registry->gone.size());
  options_.exit = [this](const Error& why) { End(why); };
  registrar_.emplace(parts_.store, parts_.clock, timeouts_.store,
                     [this](const Error& why) { End(why); });
  master_ = std::make_unique<Master>(std::move(options_), std::move(*registry), parts_.clock,
                                     parts_.random, parts_.links, *registrar_, parts_.sink);
  leads_();
}

void Leadership::End(const Error& why) {
  if (ended_) std::exchange(ended_, nullptr)(why);
}

}  // namespace tepui::master
