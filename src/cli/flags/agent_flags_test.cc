// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/agent_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "cli/flags/server_flags_fixture.h"

namespace tepui::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using namespace std::chrono_literals;

constexpr const char* kResources = "--resources=cpus:4;mem:1024;disk:2048;ports:[31000-31009]";

class AgentFlagsTest : public ServerFlagsTest<AgentFlags> {
 protected:
  AgentFlagsTest() : ServerFlagsTest("mesos-agent", DeclareAgentFlags) {}

  agent::Options Parse(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    Read(words, environment);
    CheckIsolation(flags_, &problems_);
    return ToAgentOptions(flags_, common_, ::testing::TempDir(), environment, &problems_);
  }
};

// Reference 7.3: the defaults.
TEST_F(AgentFlagsTest, Defaults) {
  const agent::Options options = Parse({});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(options.registration_backoff_factor, 1s);
  EXPECT_EQ(options.executor_registration_timeout, 1min);
  EXPECT_EQ(options.executor_shutdown_grace_period, 5s);
  EXPECT_EQ(options.gc_delay, 168h);
  EXPECT_EQ(options.gc_disk_headroom, 0.1);
  EXPECT_TRUE(options.switch_user);
  EXPECT_EQ(options.max_completed_executors_per_framework, 150);
  EXPECT_EQ(options.jwt_secret, "");
  // Resources that the flags do not name are detected.
  const auto resources = Resources::FromProto(options.info.resources());
  ASSERT_TRUE(resources);
  EXPECT_GT(resources->Scalar(ResourceNames::Cpus()), Amount());
  EXPECT_GT(resources->Scalar(ResourceNames::Mem()), Amount());
}

TEST_F(AgentFlagsTest, ValuesReachTheOptions) {
  const agent::Options options =
      Parse({kResources, "--attributes=rack:r1;level:10", "--default_role=prod", "--gc_delay=1days",
             "--gc_disk_headroom=0.25", "--isolation=cgroups/cpu,cgroups/mem,cgroups/pids",
             "--cgroups_pids_max=500", "--launcher=linux", "--no-switch_user",
             "--executor_shutdown_grace_period=7secs",
             R"(--executor_environment_variables={"PATH": "/bin", "LANG": "C"})",
             "--recover=cleanup", "--no-strict", "--reconfiguration_policy=additive"},
            {"MESOS_RECOVERY_TIMEOUT=1mins", "SHELL=/bin/sh"});
  EXPECT_THAT(problems_, IsEmpty());
  const auto resources = Resources::FromProto(options.info.resources());
  ASSERT_TRUE(resources);
  EXPECT_EQ(resources->ReservedTo("prod").Scalar(ResourceNames::Cpus()), Amount::FromMilli(4000));
  EXPECT_EQ(options.info.attributes(0).name(), "rack");
  EXPECT_EQ(options.gc_delay, 24h);
  EXPECT_EQ(options.gc_disk_headroom, 0.25);
  EXPECT_EQ(options.recovery_timeout, 1min);
  EXPECT_EQ(options.executor_shutdown_grace_period, 7s);
  EXPECT_EQ(flags_.containerizer.isolation.pids_max, 500u);
  EXPECT_FALSE(options.switch_user);
  EXPECT_EQ(options.recover, agent::Options::Recover::kCleanup);
  EXPECT_FALSE(options.strict);
  EXPECT_EQ(options.reconfiguration, agent::Options::Reconfiguration::kAdditive);
  EXPECT_THAT(table_.Values(), Contains(std::pair<std::string, std::string>(
                                   "executor_environment_variables", "(hidden)")));
  EXPECT_THAT(options.executor_environment, ElementsAre(Pair("PATH", "/bin"), Pair("LANG", "C")));
}

// Executors do not inherit variables that configure the agent.
TEST_F(AgentFlagsTest, ExecutorsInheritTheEnvironmentButForMesosVariables) {
  const agent::Options options = Parse({kResources}, {"PATH=/bin", "MESOS_GC_DELAY=1days",
                                                      "LIBPROCESS_IP=1.2.3.4", "EMPTY=", "A=b=c"});
  EXPECT_THAT(options.executor_environment,
              ElementsAre(Pair("PATH", "/bin"), Pair("EMPTY", ""), Pair("A", "b=c")));
}

TEST_F(AgentFlagsTest, AllSemanticProblemsAtOnce) {
  Parse({"--resources=cpus:many", "--attributes=;;:", "--gc_disk_headroom=1.5",
         "--executor_reregistration_timeout=16secs", "--isolation=cgroups/mem,filesystem/linux",
         "--launcher=posix", "--authenticate_http_executors", "--containerizers=docker,mesos",
         "--image_providers=docker", "--executor_environment_variables={\"A\": 1}",
         "--disk_watch_interval=0secs", "--recover=stop", "--reconfiguration_policy=any",
         "--cgroups_pids_max=9"});
  for (const char* part :
       {"--resources:", "--attributes:", "--gc_disk_headroom must be from 0 to 1",
        "--executor_reregistration_timeout must be at most 15secs",
        "--isolation: 'filesystem/linux' is not supported yet", "--launcher=posix cannot",
        "--cgroups_pids_max needs cgroups/pids",
        "--authenticate_http_executors needs --jwt_secret_key",
        "--containerizers: not supported yet", "--image_providers: not supported yet",
        "expected a text as value of 'A'", "--disk_watch_interval must be more than 0",
        "--recover: 'stop' is not reconnect or cleanup",
        "--reconfiguration_policy: 'any' is not equal or additive"}) {
    EXPECT_THAT(problems_, Contains(HasSubstr(part)));
  }
}

TEST_F(AgentFlagsTest, TheSecretOfTokens) {
  const std::string path = ::testing::TempDir() + "/agent_flags_test_secret";
  std::ofstream(path) << std::string(40, 's') << "\n";
  EXPECT_EQ(Parse({kResources, "--authenticate_http_executors", "--jwt_secret_key=file://" + path})
                .jwt_secret,
            std::string(40, 's'));
  EXPECT_THAT(problems_, IsEmpty());
  std::remove(path.c_str());
}

TEST_F(AgentFlagsTest, ASecretIsNotReadUnlessExecutorsNeedTokens) {
  EXPECT_EQ(Parse({kResources, "--jwt_secret_key=/does/not/exist"}).jwt_secret, "");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(AgentFlagsTest, ASecretThatIsTooShortIsRefused) {
  const std::string path = ::testing::TempDir() + "/agent_flags_test_short";
  std::ofstream(path) << "short";
  Parse({kResources, "--authenticate_http_executors", "--jwt_secret_key=" + path});
  EXPECT_THAT(problems_, Contains(HasSubstr("less than 32 bytes")));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace tepui::cli
