#pragma once

#include <memory>

#include "election/election.h"

namespace tepui::election {

// Without coordination: the one master there is leads from the start.
Election MakeStandaloneElection(Poster poster);

// The master is where the operator says.
class FixedDetector final : public Detector {
 public:
  FixedDetector(Poster poster, v1::MasterInfo leader)
      : leader_(std::move(leader)), mailbox_(std::move(poster)) {}
  void Watch(OnChange on_change) override;

 private:
  const v1::MasterInfo leader_;
  Mailbox mailbox_;
};

}  // namespace tepui::election
