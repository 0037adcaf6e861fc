// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/simulated_store.h"

#include <memory>
#include <utility>

namespace tepui::sim {

SimulatedStore::SimulatedStore(Process& process, Host host, Durable& durable,
                               const StoreBehaviour& behaviour, SeededRandom random,
                               storage::Limits limits)
    : process_(process),
      host_(std::move(host)),
      durable_(durable),
      behaviour_(behaviour),
      random_(std::move(random)),
      effect_(process.world().clock()),
      answer_(process),
      inner_(
          [this](std::move_only_function<void()> answer) { answers_.push_back(std::move(answer)); },
          durable.data(), limits) {}

template <class Callback, class Apply>
void SimulatedStore::Add(Callback done, Apply apply) {
  // Exactly one of the two functions calls it.
  const auto shared = std::make_shared<Callback>(std::move(done));
  waiting_.push_back({[shared, apply = std::move(apply)]() mutable {
                        apply([shared](auto result) { (*shared)(std::move(result)); });
                      },
                      [shared](const Error& error) { (*shared)(Fail(error)); }});
  if (!busy_) Begin();
}

void SimulatedStore::Fence(Fenced done) {
  Add(std::move(done), [this](Fenced answer) {
    const uint64_t before = durable_.epoch();
    inner_.Fence(std::move(answer));
    if (durable_.epoch() == before) return;
    epoch_ = durable_.epoch();
    durable_.OnFenced(host_);
  });
}

void SimulatedStore::Load(std::string prefix, Loaded done) {
  Add(std::move(done), [this, prefix = std::move(prefix)](Loaded answer) {
    inner_.Load(prefix, std::move(answer));
  });
}

void SimulatedStore::Commit(storage::Batch batch, Done done) {
  Add(std::move(done), [this, batch = std::move(batch)](Done answer) mutable {
    durable_.BeforeCommit(batch);
    inner_.Commit(std::move(batch), std::move(answer));
    durable_.AfterCommit(epoch_);
  });
}

Duration SimulatedStore::NextDelay() {
  const Duration spread = behaviour_.max_delay - behaviour_.min_delay;
  return behaviour_.min_delay + std::chrono::duration_cast<Duration>(random_.Fraction() * spread);
}

void SimulatedStore::Begin() {
  busy_ = true;
  effect_.Set(NextDelay(), [this] { TakeEffect(); });
}

void SimulatedStore::TakeEffect() {
  if (!process_.alive()) return;
  std::vector<Call> group = std::exchange(waiting_, {});
  if (!lost_ && !behaviour_.fails) {
    for (Call& call : group) call.apply();
  } else {
    const size_t done = lost_ ? 0 : random_.Below(group.size() + 1);
    lost_ = true;
    for (size_t i = 0; i < done; ++i) group[i].apply();
    answers_.clear();
    for (Call& call : group) {
      answers_.push_back(
          [fail = std::move(call.fail)]() mutable { fail({Code::kInternal, "The store failed"}); });
    }
  }
  answer_.Set(NextDelay(), [this] { Answer(); });
}

void SimulatedStore::Answer() {
  busy_ = false;
  if (!waiting_.empty()) Begin();
  // An answer may end the process or destroy this.
  const std::weak_ptr<const bool> alive = lifetime_.Alive();
  for (auto& answer : std::exchange(answers_, {})) {
    if (alive.expired() || !process_.alive()) return;
    answer();
  }
}

}  // namespace tepui::sim
