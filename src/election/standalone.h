// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "election/election.h"

namespace tepui::election {

// An election without coordination: the only master leads from the start.
Election MakeStandaloneElection(Poster poster);

// Reports the master that the operator named.
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
