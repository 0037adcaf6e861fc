// SPDX-License-Identifier: Apache-2.0
#include "master/core/leadership.h"

#include <utility>

#include "base/log.h"
#include "base/units.h"

namespace tepui::master {

Leadership::Leadership(Options options, RegistryTimeouts timeouts, Clock& clock, Random& random,
                       Links& links, storage::Store& store, ReadModelSink& sink,
                       std::function<void()> leads,
                       std::move_only_function<void(const Error&)> ended)
    : options_(std::move(options)),
      timeouts_(timeouts),
      clock_(clock),
      random_(random),
      links_(links),
      store_(store),
      sink_(sink),
      leads_(std::move(leads)),
      ended_(std::move(ended)),
      fetch_timer_(clock) {
  fetch_timer_.Set(timeouts_.fetch, [this] {
    End(Error{Code::kUnavailable,
              fmt::format("The registry could not be read within {} (--registry_fetch_timeout): "
                          "find out whether its store answers",
                          FormatDuration(timeouts_.fetch))});
  });
  store_.TakeOver([this, alive = std::weak_ptr(alive_)](Result<uint64_t> epoch) {
    if (alive.expired() || !ended_) return;
    if (!epoch) return End(epoch.error());
    spdlog::info("Leading in epoch {}", *epoch);
    Recover();
  });
}

void Leadership::Recover() {
  StoreRegistrar::Recover(
      store_, [this, alive = std::weak_ptr(alive_)](Result<RecoveredRegistry> registry) {
        if (!alive.expired() && ended_) OnRecovered(std::move(registry));
      });
}

void Leadership::OnRecovered(Result<RecoveredRegistry> registry) {
  fetch_timer_.Cancel();
  if (!registry) return End(registry.error());
  spdlog::info("Recovered the registry: {} agents, {} unreachable, {} gone",
               registry->agents.size(), registry->unreachable.size(), registry->gone.size());
  options_.exit = [this](const Error& why) { End(why); };
  registrar_.emplace(store_, clock_, timeouts_.store, [this](const Error& why) { End(why); });
  master_ = std::make_unique<Master>(std::move(options_), std::move(*registry), clock_, random_,
                                     links_, *registrar_, sink_);
  leads_();
}

void Leadership::End(const Error& why) {
  if (ended_) std::exchange(ended_, nullptr)(why);
}

}  // namespace tepui::master
