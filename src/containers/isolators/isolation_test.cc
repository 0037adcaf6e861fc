// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tepui::containers {
namespace {

using ::testing::ElementsAre;

// Records its calls. Refuses at the step that `refuses` names.
class Recorder final : public Isolator {
 public:
  Recorder(std::string name, std::vector<std::string>* calls, std::string refuses = {})
      : name_(std::move(name)), calls_(calls), refuses_(std::move(refuses)) {}
  std::string_view name() const override { return name_; }
  Status Check(const ContainerContext&) override { return Note("check"); }
  Status Prepare(const ContainerContext&) override { return Note("prepare"); }
  Status Recover(const ContainerContext&) override { return Note("recover"); }
  Status Isolate(const ContainerContext& context, shim::Launch* launch) override {
    launch->environment.push_back(name_ + "=" + context.id().value());
    return Note("isolate");
  }
  Status Cleanup(const ContainerId&) override { return Note("cleanup"); }

 private:
  Status Note(const std::string& step) {
    calls_->push_back(step + " " + name_);
    return step == refuses_ ? Fail(Code::kInternal, "no") : Status();
  }

  const std::string name_;
  std::vector<std::string>* const calls_;
  const std::string refuses_;
};

class Hostnames final : public Isolator {
 public:
  std::string_view name() const override { return "hostnames"; }
  Features handles() const override { return {Feature::kHostname}; }
};

class IsolationTest : public testing::Test {
 protected:
  IsolationTest() { spec_.id = ContainerId("c"); }

  // Three isolators, of which the second refuses at the step.
  Isolation Three(const std::string& refuses = {}) {
    std::vector<std::unique_ptr<Isolator>> isolators;
    isolators.push_back(std::make_unique<Recorder>("a", &calls_));
    isolators.push_back(std::make_unique<Recorder>("b", &calls_, refuses));
    isolators.push_back(std::make_unique<Recorder>("c", &calls_));
    return Isolation(std::move(isolators));
  }

  LaunchSpec spec_;
  ContainerContext context_{.spec = spec_};
  shim::Launch launch_;
  std::vector<std::string> calls_;
};

TEST_F(IsolationTest, InOrderThereAndInReverseBack) {
  Isolation isolation = Three();
  ASSERT_TRUE(isolation.Check(context_));
  ASSERT_TRUE(isolation.Prepare(context_, &launch_));
  ASSERT_TRUE(isolation.Cleanup(spec_.id));
  EXPECT_THAT(calls_, ElementsAre("check a", "check b", "check c", "prepare a", "prepare b",
                                  "prepare c", "isolate a", "isolate b", "isolate c", "cleanup c",
                                  "cleanup b", "cleanup a"));
  EXPECT_THAT(launch_.environment, ElementsAre("a=c", "b=c", "c=c"));
}

// Nothing is made for a container that an isolator refuses, and the user reads its words.
TEST_F(IsolationTest, ARefusedRequestMakesNothing) {
  const Status checked = Three("check").Check(context_);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "no");
  EXPECT_THAT(calls_, ElementsAre("check a", "check b"));
}

TEST_F(IsolationTest, AFailedPreparationIsUndone) {
  const Status prepared = Three("prepare").Prepare(context_, &launch_);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().message, "b: no");
  EXPECT_THAT(calls_, ElementsAre("prepare a", "prepare b", "cleanup a"));
}

TEST_F(IsolationTest, ALaunchThatCannotBeDescribedUndoesAllPreparations) {
  const Status prepared = Three("isolate").Prepare(context_, &launch_);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().message, "b: no");
  EXPECT_THAT(calls_, ElementsAre("prepare a", "prepare b", "prepare c", "isolate a", "isolate b",
                                  "cleanup c", "cleanup b", "cleanup a"));
}

// A container that runs already keeps what it has.
TEST_F(IsolationTest, AFailedRecoveryStopsNoOtherIsolator) {
  const Status recovered = Three("recover").Recover(context_);
  ASSERT_FALSE(recovered);
  EXPECT_THAT(calls_, ElementsAre("recover a", "recover b", "recover c"));
}

TEST_F(IsolationTest, AFeatureNeedsAnIsolatorThatHandlesIt) {
  spec_.container.emplace().set_type(v1::ContainerInfo::MESOS);
  spec_.container->set_hostname("h");
  const Status refused = Three().Check(context_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().message,
            "A hostname of its own is not supported by the isolators configured on this agent");
  EXPECT_THAT(calls_, ElementsAre());

  std::vector<std::unique_ptr<Isolator>> isolators;
  isolators.push_back(std::make_unique<Hostnames>());
  Isolation isolation(std::move(isolators));
  EXPECT_TRUE(isolation.Check(context_));
  // Each feature that is used must be handled, not only one.
  spec_.container->mutable_tty_info();
  EXPECT_EQ(isolation.Check(context_).error().message,
            "A terminal is not supported by the isolators configured on this agent");
}

TEST(IsolationCreateTest, AnUnknownNameIsRefused) {
  const auto unknown = Isolation::Create({.isolation = "posix/cpu,gpu/nvidia"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("'gpu/nvidia' is not supported yet"));
}

// Whatever --isolation says, tasks can ask for rlimits and capabilities.
TEST(IsolationCreateTest, WhatIsAlwaysOnWorksWithoutANameInTheFlag) {
  const auto isolation = Isolation::Create({.isolation = "posix/cpu"});
  ASSERT_TRUE(isolation);
  LaunchSpec spec;
  auto& container = spec.container.emplace();
  container.set_type(v1::ContainerInfo::MESOS);
  container.mutable_rlimit_info()->add_rlimits()->set_type(v1::RLimitInfo::RLimit::RLMT_CORE);
  container.mutable_linux_info()->mutable_effective_capabilities();
  const ContainerContext context{.spec = spec};
  shim::Launch launch;
  ASSERT_TRUE((*isolation)->Check(context));
  ASSERT_TRUE((*isolation)->Prepare(context, &launch));
  EXPECT_EQ(launch.rlimits.size(), 1u);
  EXPECT_EQ(launch.effective_capabilities, 0u);
}

}  // namespace
}  // namespace tepui::containers
