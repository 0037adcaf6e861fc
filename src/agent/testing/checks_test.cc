// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;

// The defaults are a delay of 15 s, an interval of 10 s and a timeout of 20 s; for health checks
// also a grace period of 10 s and 3 failures (reference 2.5).
class ChecksTest : public AgentTest {
 protected:
  v1::TaskInfo Checked() const {
    v1::TaskInfo task = Task("t1");
    task.mutable_check()->set_type(v1::CheckInfo::COMMAND);
    task.mutable_check()->mutable_command()->mutable_command()->set_value("test -f ready");
    return task;
  }
  v1::TaskInfo HealthChecked() const {
    v1::TaskInfo task = Task("t1");
    task.mutable_health_check()->set_type(v1::HealthCheck::COMMAND);
    task.mutable_health_check()->mutable_command()->set_value("curl x");
    return task;
  }
  void Launch(const v1::TaskInfo& task) {
    Register();
    Run(task);
    containerizer.Start();
    launch_ = Drain();
  }
  // Answers the check that is in progress.
  void Answer(Result<containers::ExecResult> result) {
    ASSERT_EQ(containerizer.checks.size(), 1u);
    auto callback = std::move(containerizer.checks.front().callback);
    containerizer.checks.pop_front();
    callback(std::move(result));
  }
  void AnswerExit(int code) { Answer(containers::ExecResult{.status = Exited(code)}); }

  std::vector<v1::TaskStatus> launch_;
};

TEST_F(ChecksTest, FirstStatusesCarryAnEmptyCheckStatus) {
  Launch(Checked());
  ASSERT_EQ(launch_.size(), 2u);
  for (const v1::TaskStatus& status : launch_) {
    EXPECT_EQ(status.check_status().type(), v1::CheckInfo::COMMAND);
    EXPECT_TRUE(status.check_status().has_command());
    EXPECT_FALSE(status.check_status().command().has_exit_code());
  }
}

TEST_F(ChecksTest, WaitForTheDelayThenTheInterval) {
  Launch(Checked());
  clock.Advance(seconds(15) - Duration(1));
  EXPECT_TRUE(containerizer.checks.empty());
  clock.Advance(Duration(1));
  ASSERT_EQ(containerizer.checks.size(), 1u);
  EXPECT_EQ(containerizer.checks[0].command.value(), "test -f ready");
  EXPECT_EQ(containerizer.checks[0].timeout, seconds(20));
  clock.Advance(seconds(11));
  EXPECT_EQ(containerizer.checks.size(), 1u) << "one at a time";
  AnswerExit(0);
  clock.Advance(seconds(10));
  EXPECT_EQ(containerizer.checks.size(), 1u);
}

TEST_F(ChecksTest, OnlyChangesAreReported) {
  Launch(Checked());
  clock.Advance(seconds(15));
  AnswerExit(1);
  auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_RUNNING));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED);
  EXPECT_EQ(statuses[0].check_status().command().exit_code(), 1);
  EXPECT_EQ(statuses[0].container_status().executor_pid(), 100u);
  EXPECT_NE(statuses[0].uuid(), launch_[1].uuid());
  clock.Advance(seconds(10));
  AnswerExit(1);
  EXPECT_TRUE(Drain().empty());
  clock.Advance(seconds(10));
  Answer(containers::ExecResult{.status = 0, .timed_out = true});
  statuses = Drain();
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_FALSE(statuses[0].check_status().command().has_exit_code());
}

TEST_F(ChecksTest, EndWithTheTask) {
  Launch(Checked());
  clock.Advance(seconds(15));
  Kill("t1");
  AnswerExit(0);
  EXPECT_TRUE(Drain().empty()) << "the task is being killed";
  containerizer.End(Killed(SIGTERM));
  clock.Advance(minutes(1));
  EXPECT_TRUE(containerizer.checks.empty());
}

TEST_F(ChecksTest, HttpAndTcpGoToTheLoopback) {
  v1::TaskInfo task = Task("t1");
  task.mutable_check()->set_type(v1::CheckInfo::HTTP);
  task.mutable_check()->mutable_http()->set_port(8080);
  task.mutable_check()->mutable_http()->set_path("/ready");
  task.mutable_health_check()->set_type(v1::HealthCheck::TCP);
  task.mutable_health_check()->mutable_tcp()->set_port(9090);
  task.mutable_health_check()->mutable_tcp()->set_protocol(v1::NetworkInfo::IPv6);
  Launch(task);
  clock.Advance(seconds(15));
  ASSERT_EQ(prober.http.size(), 1u);
  EXPECT_EQ(prober.http[0].scheme, "http");
  EXPECT_EQ(prober.http[0].host, "127.0.0.1");
  EXPECT_EQ(prober.http[0].port, 8080);
  EXPECT_EQ(prober.http[0].path, "/ready");
  prober.http[0].callback(503);
  ASSERT_EQ(prober.tcp.size(), 1u);
  EXPECT_EQ(prober.tcp[0].host, "::1");
  prober.tcp[0].callback(true);
  const auto statuses = Drain();
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_EQ(statuses[0].check_status().http().status_code(), 503u);
  EXPECT_TRUE(statuses[1].healthy());
  EXPECT_EQ(statuses[1].check_status().http().status_code(), 503u) << "still known";
}

TEST_F(ChecksTest, TheFirstHealthIsReported) {
  Launch(HealthChecked());
  EXPECT_FALSE(launch_[1].has_healthy());
  clock.Advance(seconds(15));
  AnswerExit(0);
  auto statuses = Drain();
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_TRUE(statuses[0].healthy());
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
  clock.Advance(seconds(10));
  AnswerExit(0);
  EXPECT_TRUE(Drain().empty());
}

TEST_F(ChecksTest, FailuresKillTheTask) {
  Launch(HealthChecked());
  clock.Advance(seconds(15));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(containerizer.Last().signals.empty());
    AnswerExit(1);
    const auto statuses = Drain();
    ASSERT_EQ(statuses.size(), 1u);
    EXPECT_TRUE(statuses[0].has_healthy());
    EXPECT_FALSE(statuses[0].healthy());
    clock.Advance(seconds(10));
  }
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
  containerizer.End(Killed(SIGTERM));
  const auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_TRUE(statuses[0].has_healthy());
  EXPECT_FALSE(statuses[0].healthy());
}

TEST_F(ChecksTest, ASuccessResetsTheCountOfFailures) {
  Launch(HealthChecked());
  clock.Advance(seconds(15));
  for (const int code : {1, 1, 0, 1, 1}) {
    AnswerExit(code);
    clock.Advance(seconds(10));
  }
  EXPECT_TRUE(containerizer.Last().signals.empty());
  AnswerExit(1);
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
}

TEST_F(ChecksTest, FailuresWithinTheGracePeriodDoNotCount) {
  v1::TaskInfo task = HealthChecked();
  task.mutable_health_check()->set_grace_period_seconds(40);
  task.mutable_health_check()->set_consecutive_failures(1);
  Launch(task);
  for (int i = 0; i < 3; ++i) {
    clock.Advance(i == 0 ? seconds(15) : seconds(10));
    AnswerExit(1);  // The checks run at 15, 25 and 35 s.
    EXPECT_TRUE(Drain().empty());
  }
  clock.Advance(seconds(10));
  AnswerExit(1);
  EXPECT_EQ(Drain().size(), 1u);
  EXPECT_THAT(containerizer.Last().signals, ElementsAre(SIGTERM));
}

TEST_F(ChecksTest, TheGracePeriodEndsWithTheFirstSuccess) {
  v1::TaskInfo task = HealthChecked();
  task.mutable_health_check()->set_grace_period_seconds(100);
  Launch(task);
  clock.Advance(seconds(15));
  AnswerExit(0);
  Drain();
  clock.Advance(seconds(10));
  AnswerExit(1);
  const auto statuses = Drain();
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_FALSE(statuses[0].healthy());
}

}  // namespace
}  // namespace tepui::agent
