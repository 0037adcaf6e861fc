// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/run_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "resources/resources.h"

namespace tepui::cli {
namespace {

using mesos::v1::FrameworkInfo;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class RunFlagsTest : public ::testing::Test {
 protected:
  frameworks::RunPlan Parse(std::vector<std::string> words) {
    FlagTable table(
        {.program = "run", .purpose = "", .arguments = "command", .environment_prefix = ""});
    DeclareRunFlags(&table, &flags_);
    FlagResult result = table.Parse(words, {});
    problems_ = result.problems;
    return ToRunPlan(flags_, result.arguments, "someone", &problems_);
  }

  RunFlags flags_;
  std::vector<std::string> problems_;
};

// Reference 8, "mesos-execute".
TEST_F(RunFlagsTest, AShellCommand) {
  const frameworks::RunPlan plan =
      Parse({"--master=h:1", "--name=n", "--command=echo a | wc",
             "--env={\"A\": \"1\", \"B\": \"\"}", "--resources=cpus:0.5;mem:64"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.master, "h:1");
  ASSERT_THAT(plan.tasks, SizeIs(1));
  const auto& task = plan.tasks[0];
  EXPECT_EQ(task.name(), "n");
  EXPECT_EQ(task.task_id().value(), "n");
  EXPECT_TRUE(task.command().shell());
  EXPECT_EQ(task.command().value(), "echo a | wc");
  EXPECT_EQ(task.command().environment().variables(0).name(), "A");
  EXPECT_EQ(task.command().environment().variables(1).value(), "");
  EXPECT_EQ(FormatResources(task.resources()), "cpus:0.5; mem:64");
  EXPECT_FALSE(task.has_container());
  EXPECT_FALSE(plan.group_executor);
  EXPECT_TRUE(task.IsInitialized());
}

TEST_F(RunFlagsTest, WordsAfterDashes) {
  const frameworks::RunPlan plan = Parse({"--", "/bin/echo", "a  b", "--name=x"});
  ASSERT_THAT(problems_, IsEmpty());
  const auto& command = plan.tasks[0].command();
  EXPECT_FALSE(command.shell());
  EXPECT_EQ(command.value(), "/bin/echo");
  EXPECT_THAT(command.arguments(), ElementsAre("/bin/echo", "a  b", "--name=x"));
  EXPECT_EQ(plan.tasks[0].name(), "echo");
}

TEST_F(RunFlagsTest, AProgramWithArguments) {
  const frameworks::RunPlan plan = Parse({"--no-shell", "--command=ls", "--", "-l"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_THAT(plan.tasks[0].command().arguments(), ElementsAre("ls", "-l"));
}

TEST_F(RunFlagsTest, TheFramework) {
  const frameworks::RunPlan plan =
      Parse({"--command=true", "--role=a/b", "--principal=p", "--secret=s", "--checkpoint",
             "--no-partition-aware", "--framework_capabilities=GPU_RESOURCES",
             "--content_type=json", "--kill_after=1mins"});
  ASSERT_THAT(problems_, IsEmpty());
  const FrameworkInfo& framework = plan.framework;
  EXPECT_EQ(framework.user(), "someone");
  EXPECT_THAT(framework.roles(), ElementsAre("a/b"));
  EXPECT_EQ(framework.principal(), "p");
  EXPECT_TRUE(framework.checkpoint());
  std::vector<std::string> capabilities;
  for (const auto& capability : framework.capabilities()) {
    capabilities.push_back(FrameworkInfo::Capability::Type_Name(capability.type()));
  }
  EXPECT_THAT(capabilities, ElementsAre("MULTI_ROLE", "RESERVATION_REFINEMENT",
                                        "TASK_KILLING_STATE", "GPU_RESOURCES"));
  EXPECT_EQ(plan.credential->secret(), "s");
  EXPECT_EQ(plan.content_type, ContentType::kJson);
  EXPECT_EQ(plan.kill_after, Duration(1min));
}

TEST_F(RunFlagsTest, ContainerFlags) {
  const frameworks::RunPlan plan =
      Parse({"--command=true", "--docker_image=alpine:3", "--networks=n1,n2",
             R"(--volumes=[{"container_path": "/c", "host_path": "/h", "mode": "RO"}])",
             R"(--rlimits={"rlimits": [{"type": "RLMT_CPU", "soft": 1, "hard": 2}]})",
             R"(--effective_capabilities={"capabilities": ["NET_RAW"]})", "--tty"});
  ASSERT_THAT(problems_, IsEmpty());
  const auto& container = plan.tasks[0].container();
  EXPECT_EQ(container.type(), mesos::v1::ContainerInfo::MESOS);
  EXPECT_EQ(container.mesos().image().docker().name(), "alpine:3");
  EXPECT_EQ(container.network_infos(1).name(), "n2");
  EXPECT_EQ(container.volumes(0).host_path(), "/h");
  EXPECT_EQ(container.rlimit_info().rlimits(0).hard(), 2u);
  EXPECT_EQ(container.linux_info().effective_capabilities().capabilities_size(), 1);
  EXPECT_TRUE(container.has_tty_info());
}

TEST_F(RunFlagsTest, TheDockerContainerizer) {
  const frameworks::RunPlan plan =
      Parse({"--command=true", "--containerizer=docker", "--docker_image=alpine", "--networks=n"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.tasks[0].container().docker().image(), "alpine");
  EXPECT_EQ(plan.tasks[0].container().docker().network(),
            mesos::v1::ContainerInfo::DockerInfo::USER);
}

TEST_F(RunFlagsTest, ATaskMayLeaveOutItsAgent) {
  const frameworks::RunPlan plan =
      Parse({R"(--task={"name": "n", "task_id": {"value": "t"}, "command": {"value": "true"},
      "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}]})"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.tasks[0].task_id().value(), "t");
  EXPECT_TRUE(plan.tasks[0].IsInitialized());
}

TEST_F(RunFlagsTest, ATaskGroup) {
  const frameworks::RunPlan plan =
      Parse({"--networks=net",
             R"(--task_group={"tasks": [{"name": "a", "task_id": {"value": "a"}},
                                                         {"name": "b", "task_id": {"value": "b"}, "agent_id": {"value": "x"}}]})"});
  ASSERT_THAT(problems_, IsEmpty());
  ASSERT_THAT(plan.tasks, SizeIs(2));
  ASSERT_TRUE(plan.group_executor);
  EXPECT_EQ(plan.group_executor->type(), mesos::v1::ExecutorInfo::DEFAULT);
  EXPECT_EQ(FormatResources(plan.group_executor->resources()), "cpus:0.1; mem:32; disk:32");
  EXPECT_EQ(plan.group_executor->container().network_infos(0).name(), "net");
}

TEST_F(RunFlagsTest, AllProblemsAtOnce) {
  Parse({"--master=zk://", "--name=a/b", "--command=true", "--resources=cpus:x", "--secret=s",
         "--role=/", "--framework_capabilities=FLYING", "--content_type=xml",
         "--containerizer=podman", "--docker_image=a", "--appc_image=b", "--package=p.tgz",
         "--volumes={}", "--rlimits=[]", "--", "more"});
  for (const char* part :
       {"--master cannot be used: ", "--name: 'a/b'", "not both",
        "--resources:", "--secret needs --principal",
        "--role:", "--framework_capabilities: 'FLYING'", "--content_type: 'xml'",
        "--containerizer: 'podman'", "exclude each other", "--package: not supported yet",
        "--volumes: expected a JSON array", "--rlimits: expected the JSON of a RLimitInfo"}) {
    EXPECT_THAT(problems_, Contains(HasSubstr(part)));
  }
}

TEST_F(RunFlagsTest, NothingToRun) {
  Parse({});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("There is nothing to run")));
}

TEST_F(RunFlagsTest, AWrittenTaskExcludesTheFlagsThatDescribeOne) {
  Parse({R"(--task={"name": "n", "task_id": {"value": "t"}})", "--command=x", "--networks=n", "--",
         "ls"});
  EXPECT_THAT(problems_,
              ElementsAre(HasSubstr("--command has no effect on"),
                          HasSubstr("--networks has no effect on"), HasSubstr("not both")));
}

}  // namespace
}  // namespace tepui::cli
