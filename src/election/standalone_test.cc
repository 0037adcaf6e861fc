// SPDX-License-Identifier: Apache-2.0
#include "election/standalone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/virtual_clock.h"

namespace tepui::election {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::MasterInfo Info(const std::string& id) {
  v1::MasterInfo info;
  info.set_id(id);
  return info;
}

class StandaloneTest : public ::testing::Test {
 protected:
  Poster MakePoster() {
    return [this](std::move_only_function<void()> work) {
      clock.After(Duration::zero(), std::move(work));
    };
  }
  Detector::OnChange Write() {
    return [this](const std::optional<v1::MasterInfo>& leader) {
      seen.push_back(leader ? leader->id() : "nobody");
    };
  }
  VirtualClock clock;
  std::vector<std::string> seen;
};

TEST_F(StandaloneTest, TheOneMasterLeadsAndItsDetectorSaysSo) {
  Election election = MakeStandaloneElection(MakePoster());
  bool elected = false;
  election.detector->Watch(Write());
  clock.Settle();
  EXPECT_THAT(seen, ElementsAre("nobody"));
  election.contender->Contend(
      {.info = Info("m"), .elected = [&](const std::string&) { elected = true; }, .lost = {}});
  EXPECT_FALSE(elected);
  clock.Settle();
  EXPECT_TRUE(elected);
  EXPECT_THAT(seen, ElementsAre("nobody", "m"));
}

TEST_F(StandaloneTest, NothingRunsAfterItsEnd) {
  Election election = MakeStandaloneElection(MakePoster());
  election.contender->Contend(
      {.info = Info("m"), .elected = [](const std::string&) { ADD_FAILURE(); }, .lost = {}});
  election.detector->Watch(Write());
  election = {};
  clock.Settle();
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(StandaloneTest, AFixedMasterIsTheLeader) {
  FixedDetector detector(MakePoster(), Info("m"));
  detector.Watch(Write());
  EXPECT_THAT(seen, IsEmpty());
  clock.Settle();
  EXPECT_THAT(seen, ElementsAre("m"));
}

}  // namespace
}  // namespace tepui::election
