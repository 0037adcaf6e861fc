// SPDX-License-Identifier: Apache-2.0
#include "election/standalone.h"

#include <utility>

namespace tepui::election {
namespace {

// State shared by the contender and the detector of one process.
struct Standing {
  std::optional<v1::MasterInfo> leader;
  std::function<void()> on_leader;
};

class StandaloneContender final : public Contender {
 public:
  StandaloneContender(Poster poster, std::shared_ptr<Standing> standing)
      : standing_(std::move(standing)), mailbox_(std::move(poster)) {}

  void Contend(Candidate candidate) override {
    mailbox_.Post([this, candidate = std::move(candidate)] {
      standing_->leader = candidate.info;
      candidate.elected("");
      if (standing_->on_leader) standing_->on_leader();
    });
  }

 private:
  const std::shared_ptr<Standing> standing_;
  Mailbox mailbox_;
};

class StandaloneDetector final : public Detector {
 public:
  StandaloneDetector(Poster poster, std::shared_ptr<Standing> standing)
      : standing_(std::move(standing)), mailbox_(std::move(poster)) {}
  ~StandaloneDetector() override { standing_->on_leader = nullptr; }

  void Watch(OnChange on_change) override {
    standing_->on_leader = [this, on_change = std::move(on_change)] {
      mailbox_.Post([this, on_change] { on_change(standing_->leader); });
    };
    standing_->on_leader();
  }

 private:
  const std::shared_ptr<Standing> standing_;
  Mailbox mailbox_;
};

}  // namespace

Election MakeStandaloneElection(Poster poster) {
  const auto standing = std::make_shared<Standing>();
  return {.contender = std::make_unique<StandaloneContender>(poster, standing),
          .detector = std::make_unique<StandaloneDetector>(poster, standing)};
}

void FixedDetector::Watch(OnChange on_change) {
  mailbox_.Post([this, on_change = std::move(on_change)] { on_change(leader_); });
}

}  // namespace tepui::election
