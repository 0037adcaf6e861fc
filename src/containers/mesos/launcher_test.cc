// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/launcher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/processes.h"
#include "base/testing/temporary_directory.h"

namespace tepui::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What the isolator has seen and done, and at which step it refuses.
struct Script {
  std::string refuses = {};
  std::vector<std::string> steps = {};
  std::optional<ContainerUser> user = {};
  std::optional<ParentContainer> parent = {};
  Demand demand = {};
};

class ScriptedIsolator final : public Isolator {
 public:
  explicit ScriptedIsolator(Script* script) : script_(script) {}
  std::string_view name() const override { return "scripted"; }
  Status Check(const ContainerContext& context) override {
    script_->user = context.user;
    return Step("check");
  }
  Status Prepare(const ContainerContext& context) override {
    script_->parent = context.parent;
    script_->demand = context.demand;
    return Step("prepare");
  }
  Status Recover(const ContainerContext&) override { return Step("recover"); }
  Status Isolate(const ContainerContext&, shim::Launch* launch) override {
    launch->environment.push_back("ADDED=here");
    return Step("isolate");
  }
  Status Cleanup(const ContainerId&) override { return Step("cleanup"); }

 private:
  Status Step(const std::string& step) {
    script_->steps.push_back(step);
    return step == script_->refuses ? Fail(Code::kInvalid, "Not today") : Status();
  }

  Script* const script_;
};

class LauncherTest : public testing::Test {
 protected:
  LauncherTest() {
    std::vector<std::unique_ptr<Isolator>> isolators;
    isolators.push_back(std::make_unique<ScriptedIsolator>(&script_));
    parts_ = {std::make_shared<Isolation>(std::move(isolators)), *ShimStarter::Create(1),
              *RuntimeDirectory::Open(directory_.path() + "/run"), Resolving(), "boot"};
    launcher_ = std::make_unique<Launcher>(parts_, poller_, [](const ContainerId&) {});
    plan_.spec.id = ContainerId("parent.c");
    plan_.spec.command.set_value("echo $ADDED");
    plan_.spec.environment = {{"PATH", "/usr/bin:/bin"}};
    plan_.spec.sandbox = directory_.path() + "/sandbox";
    plan_.spec.user = "me";
    plan_.demand.limits = {{"mem", 64}};
    plan_.parent = ParentContainer{.id = ContainerId("parent"), .pid = 7};
  }
  ~LauncherTest() override { poller_.Stop(); }

  // Knows one user, who has the ids of this process.
  static std::shared_ptr<Users> Resolving() {
    return std::make_shared<Users>(
        [](const std::string& name) -> Result<shim::Launch::User> {
          if (name != "me") return Fail(Code::kNotFound, "There is no user '{}'", name);
          return shim::Launch::User{geteuid(), getegid(), {}};
        },
        [] { return MonotonicTime(); });
  }

  Script script_;
  TemporaryDirectory directory_;
  Poller poller_{"test"};
  Launcher::Parts parts_;
  std::unique_ptr<Launcher> launcher_;
  LaunchPlan plan_;
};

TEST_F(LauncherTest, IsolatorsSeeTheContainerAndAddToItsLaunch) {
  ASSERT_TRUE(launcher_->Plan(plan_));
  EXPECT_EQ(script_.user->name, "me");
  EXPECT_EQ(script_.user->ids.uid, geteuid());
  const auto shim = launcher_->Start(plan_);
  ASSERT_TRUE(shim) << shim.error().message;
  (*shim)->Go();
  EXPECT_EQ(script_.parent->id.value(), "parent");
  EXPECT_EQ(script_.parent->pid, 7);
  EXPECT_EQ(script_.demand.Limit("mem"), 64);
  EXPECT_TRUE((*shim)->AwaitGone(std::chrono::seconds(30)));
  EXPECT_EQ(Contents(plan_.spec.sandbox + "/stdout"), "here\n");
  const ContainerEnd end = launcher_->CleanUp(plan_.id(), {}, 0);
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(script_.steps, ElementsAre("check", "prepare", "isolate", "cleanup"));
}

TEST_F(LauncherTest, ARefusedRequestLeavesNothing) {
  script_.refuses = "check";
  const Status planned = launcher_->Plan(plan_);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().message, "Not today");
  EXPECT_NE(access(plan_.spec.sandbox.c_str(), F_OK), 0) << "a sandbox has been made";
  EXPECT_THAT(script_.steps, ElementsAre("check"));
}

TEST_F(LauncherTest, AFailedPreparationLeavesNoDirectory) {
  for (const char* step : {"prepare", "isolate"}) {
    script_.refuses = step;
    ASSERT_TRUE(launcher_->Plan(plan_));
    const auto shim = launcher_->Start(plan_);
    ASSERT_FALSE(shim);
    EXPECT_EQ(shim.error().message, "scripted: Not today");
    EXPECT_THAT(*parts_.runtime->List(), IsEmpty());
  }
  EXPECT_THAT(script_.steps,
              ElementsAre("check", "prepare", "check", "prepare", "isolate", "cleanup"));
}

// After a restart, what checks need is described again, and nothing is prepared.
TEST_F(LauncherTest, ARecoveredContainerIsDescribedAgain) {
  launcher_->Readopt(plan_);
  EXPECT_TRUE(plan_.planned);
  EXPECT_EQ(plan_.user->name, "me");
  EXPECT_THAT(plan_.launch.environment, ElementsAre("PATH=/usr/bin:/bin", "ADDED=here"));
  EXPECT_THAT(script_.steps, ElementsAre("check", "recover", "isolate"));
}

TEST_F(LauncherTest, ARecoveredContainerOfAnUnknownUserIsIsolatedAnyway) {
  plan_.spec.user = "gone";
  launcher_->Readopt(plan_);
  EXPECT_FALSE(plan_.planned);
  EXPECT_THAT(script_.steps, ElementsAre("recover"));
}

}  // namespace
}  // namespace tepui::containers
