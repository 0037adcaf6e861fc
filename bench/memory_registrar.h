// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "base/clock.h"
#include "master/registry/registrar.h"

namespace tepui::bench {

// Keeps nothing and answers on the next turn, so that a measurement is of the master alone.
class MemoryRegistrar final : public master::Registrar {
 public:
  explicit MemoryRegistrar(Clock& clock) : clock_(clock) {}
  void Commit(master::RegistryChange, Done done) override {
    clock_.After(Duration::zero(), [done = std::move(done)]() mutable { done({}); });
  }

 private:
  Clock& clock_;
};

}  // namespace tepui::bench
