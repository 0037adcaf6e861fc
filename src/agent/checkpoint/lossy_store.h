// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/timer.h"
#include "base/virtual_clock.h"
#include "storage/store.h"

namespace tepui::agent {

// A store whose writes take a while; a crash loses those that are not finished.
class LossyStore final : public storage::Store {
 public:
  LossyStore(VirtualClock& clock, Random& random, std::map<std::string, std::string>& disk)
      : clock_(clock), random_(random), disk_(disk) {}

  // Simulates that the agent is killed, although its code still runs: nothing more is written, and
  // no callback runs.
  void Stop() { stopped_ = true; }

  void Fence(Fenced done) override {
    Soon([done = std::move(done)]() mutable { done(1); });
  }
  void Load(std::string, Loaded done) override {
    Soon([this, done = std::move(done)]() mutable {
      std::vector<storage::Entry> entries;
      for (const auto& [key, value] : disk_) entries.push_back({key, value, 1});
      done(std::move(entries));
    });
  }
  void Commit(storage::Batch batch, Done done) override {
    Soon([this, batch = std::move(batch), done = std::move(done)]() mutable {
      for (storage::Write& write : batch) {
        if (write.value) {
          disk_[write.key] = std::move(*write.value);
        } else {
          disk_.erase(write.key);
        }
      }
      done({});
    });
  }

 private:
  void Soon(std::move_only_function<void()> work) {
    last_ = std::max(last_, clock_.Now() + std::chrono::microseconds(random_.Below(3'000)));
    clock_.After(last_ - clock_.Now(), lifetime_.Bind([this, work = std::move(work)]() mutable {
      if (!stopped_) work();
    }));
  }

  VirtualClock& clock_;
  Random& random_;
  std::map<std::string, std::string>& disk_;
  MonotonicTime last_{};
  bool stopped_ = false;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
