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

// Tells who leads (reference 4). All calls and callbacks on the owner's thread; nothing runs after
// destruction, nor from inside a call.
class Detector {
 public:
  virtual ~Detector() = default;

  // `on_change` runs once it is known who leads, or that nobody does, and whenever that changes. To
  // be called once.
  using OnChange = std::function<void(const std::optional<v1::MasterInfo>& leader)>;
  virtual void Watch(OnChange on_change) = 0;
};

// Stands for election. Threads as Detector's.
class Contender {
 public:
  virtual ~Contender() = default;

  struct Candidate {
    v1::MasterInfo info;  // Announced to all detectors.
    // The candidacy is what proves it to a store that is kept beside the election: the path of the
    // node that is there as long as this candidate stands; empty: nobody else can stand.
    std::function<void(const std::string& candidacy)> elected;
    // Runs once when the candidate lost its lead or can never win one: its process must end, so
    // that no two masters believe to lead (reference 4). Before it is elected it stands on by
    // itself.
    std::move_only_function<void(const Error&)> lost;
  };
  // To be called once.
  virtual void Contend(Candidate candidate) = 0;
};

// A way to elect, as flags choose it.
struct Election {
  std::unique_ptr<Contender> contender;
  std::unique_ptr<Detector> detector;
};

}  // namespace tepui::election
