// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mailbox.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::election {

namespace v1 = ::mesos::v1;

// Reports who leads (reference 4). All calls and callbacks are made on the owner's thread; no
// callback runs after destruction or from inside a call.
class Detector {
 public:
  virtual ~Detector() = default;

  // `on_change` runs when it is first known who leads, or that there is no leader, and whenever
  // that changes. To be called once.
  using OnChange = std::function<void(const std::optional<v1::MasterInfo>& leader)>;
  virtual void Watch(OnChange on_change) = 0;
};

// Stands for election. The rules for threads are those of Detector.
class Contender {
 public:
  virtual ~Contender() = default;

  struct Candidate {
    v1::MasterInfo info;  // Announced to all detectors.
    // Runs when the candidate is elected. `candidacy` proves that to a store in the same ZooKeeper:
    // it is the path of the node that exists as long as this candidate stands. It is empty if there
    // can be no other candidate.
    std::function<void(const std::string& candidacy)> elected;
    // Runs once when the candidate has lost its lead or can never win one. Its process must end, so
    // that no two masters believe they lead (reference 4). A candidate that is not elected yet
    // stands again by itself.
    std::move_only_function<void(const Error&)> lost;
  };
  // To be called once.
  virtual void Contend(Candidate candidate) = 0;
};

// The way of electing that the flags choose.
struct Election {
  std::unique_ptr<Contender> contender;
  std::unique_ptr<Detector> detector;
};

}  // namespace tepui::election
