// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/cgroups.h"

#include <sys/stat.h>

#include "containers/isolators/cgroup_fixture.h"
#include "containers/isolators/cgroup_isolators.h"
#include "containers/mesos/containerizer_fixture.h"

namespace tepui::containers {
namespace {

Demand Of(const std::string& requests, Limits limits = {}) {
  return {*Resources::Parse(requests), std::move(limits)};
}

// --- Version 1, for real.

class CgroupV1Test : public ContainerizerTest {
 protected:
  void SetUp() override {
    if (!HasV1()) GTEST_SKIP() << "needs writable cgroup v1 hierarchies";
    Start({.isolation = "cgroups/cpu,cgroups/mem,cgroups/pids",
           .cgroups_root = root_.name(),
           .pids_max = 50});
  }

  std::string File(const char* controller, const ContainerId& id, const char* file) {
    return Contents(fmt::format("{}/{}/{}/{}/{}", kHierarchy, controller, root_.name(), id, file));
  }

  TestRoot root_;
};

// Reference 5.4: 1024 shares per cpu, a quota per 100 ms, soft and hard memory limits.
TEST_F(CgroupV1Test, LimitsAreWrittenAndTheTaskIsInside) {
  LaunchSpec spec = Spec("cat /proc/self/cgroup; while :; do :; done");
  spec.resources = *Resources::Parse("cpus:0.5;mem:64");
  spec.limits = {{"cpus", 0.7}, {"mem", 128}};
  Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched) << launched.error().message;
  EXPECT_EQ(File("cpu", spec.id, "cpu.shares"), "512\n");
  EXPECT_EQ(File("cpu", spec.id, "cpu.cfs_quota_us"), "70000\n");
  EXPECT_EQ(File("memory", spec.id, "memory.soft_limit_in_bytes"), "67108864\n");
  EXPECT_EQ(File("memory", spec.id, "memory.limit_in_bytes"), "134217728\n");
  EXPECT_EQ(File("pids", spec.id, "pids.max"), "50\n");
  std::string cgroup = fmt::format("/{}/{}\n", root_.name(), spec.id);
  std::string out = spec.sandbox + "/stdout";
  ASSERT_TRUE(Eventually([&] { return Contents(out).ends_with("0::/\n"); }));
  for (const char* controller : {"cpu", "cpuacct", "memory", "pids", "freezer"}) {
    EXPECT_NE(Contents(out).find(fmt::format(":{}:{}", controller, cgroup)), std::string::npos);
  }
  // The shim is not inside: its task's limits do not apply to it.
  std::string shim = Contents(fmt::format("/proc/{}/cgroup", ShimOf(launched->pid)));
  EXPECT_NE(shim.find(fmt::format(":memory:/{}\n", root_.name())), std::string::npos);
  // The task may use more than it requested, so the kernel must kill it first.
  EXPECT_GT(std::stoi(Contents(fmt::format("/proc/{}/oom_score_adj", launched->pid))), 900);

  Result<v1::ResourceStatistics> usage = Usage(spec.id);
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->mem_total_bytes(), 0u);
  // The kernel counts in ticks.
  EXPECT_TRUE(Eventually([&] { return Usage(spec.id)->cpus_user_time_secs() > 0; }));
  EXPECT_GE(usage->threads(), 1u);

  Destroy(spec.id);
  EXPECT_EQ(EndSignal(Await(spec.id)), SIGKILL);
  EXPECT_EQ(File("cpu", spec.id, "cpu.shares"), "");  // Removed.
}

TEST_F(CgroupV1Test, AnUpdateRaisesTheHardLimitAndNeverLowersIt) {
  LaunchSpec spec = Spec("sleep 1000");
  spec.resources = *Resources::Parse("cpus:1;mem:64");
  ASSERT_TRUE(Launch(spec));
  auto update = [&](const char* resources) {
    loop_->Run([&] { containerizer_->Update(spec.id, *Resources::Parse(resources), {}); });
  };
  update("cpus:2;mem:128");
  EXPECT_TRUE(Eventually([&] { return File("cpu", spec.id, "cpu.shares") == "2048\n"; }));
  EXPECT_TRUE(Eventually(
      [&] { return File("memory", spec.id, "memory.limit_in_bytes") == "134217728\n"; }));
  update("cpus:0.001;mem:48");
  EXPECT_TRUE(Eventually([&] { return File("cpu", spec.id, "cpu.shares") == "2\n"; }));
  EXPECT_TRUE(Eventually(
      [&] { return File("memory", spec.id, "memory.soft_limit_in_bytes") == "50331648\n"; }));
  EXPECT_EQ(File("memory", spec.id, "memory.limit_in_bytes"), "134217728\n");
}

// The task's memory grows in a child, so that the OOM killer does not choose the task itself.
TEST_F(CgroupV1Test, RunningOutOfMemoryIsReportedWithTheAmounts) {
  LaunchSpec spec = Spec("head -c 200m /dev/zero | tail; sleep 1000");
  spec.resources = *Resources::Parse("cpus:1;mem:32");
  Termination termination = Run(spec);
  ASSERT_TRUE(termination.reason);
  EXPECT_EQ(*termination.reason, v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_NE(termination.message.find("of the 32MB allowed"), std::string::npos)
      << termination.message;
  EXPECT_EQ(termination.limited.Scalar(ResourceNames::Mem()).ToDouble(), 32);
}

TEST_F(CgroupV1Test, TheNumberOfProcessesIsBounded) {
  LaunchSpec spec =
      Spec("i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done 2>/dev/null; echo never");
  Termination termination = Run(spec);
  EXPECT_NE(ExitCode(termination), 0);
  EXPECT_NE(Contents(spec.sandbox + "/stdout"), "never\n");
}

TEST_F(CgroupV1Test, AForkBombIsDestroyed) {
  // A shell that cannot fork ends. The first one must not, or the bomb would end by itself.
  LaunchSpec spec =
      Spec("bomb() { setsid sh -c 'sleep 1000' & bomb | bomb; }; bomb & exec sleep 1000");
  ASSERT_TRUE(Launch(spec));
  ASSERT_TRUE(Eventually([&] {
    std::string refused = File("pids", spec.id, "pids.events");
    return !refused.empty() && refused != "max 0\n";
  }));
  Destroy(spec.id);
  Await(spec.id);
  EXPECT_EQ(File("pids", spec.id, "pids.current"), "");
}

TEST_F(CgroupV1Test, NestedContainersAreBelowTheirParents) {
  LaunchSpec spec = Spec("sleep 1000");
  spec.id = ContainerId("parent-of-none.child");
  ASSERT_TRUE(Launch(spec));
  std::string parent = fmt::format("{}/memory/{}/parent-of-none", kHierarchy, root_.name());
  EXPECT_EQ(access((parent + "/child/tasks").c_str(), F_OK), 0);
  Destroy(spec.id);
  Await(spec.id);
  EXPECT_NE(access(parent.c_str(), F_OK), 0);  // It existed only for the child.
}

TEST_F(CgroupV1Test, AMissingControllerIsAnError) {
  Result<std::unique_ptr<Cgroups>> opened =
      Cgroups::Open({kHierarchy, root_.name(), {"no_such_controller"}});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("'no_such_controller'"), std::string::npos);
}

// --- Version 2: what is written, in a tree of plain files.

class CgroupV2Test : public testing::Test {
 protected:
  void SetUp() override {
    WriteText(directory_.path() + "/cgroup.controllers", "cpuset cpu io memory pids\n");
    auto opened = Cgroups::Open({directory_.path(), "mesos", {"cpu", "memory", "pids"}});
    ASSERT_TRUE(opened) << opened.error().message;
    cgroups_ = std::move(*opened);
    ASSERT_TRUE(cgroups_->Create(id_));
  }

  std::string File(const std::string& path) { return Contents(directory_.path() + "/" + path); }

  ContainerContext Context(Demand demand) {
    spec_.id = id_;
    return {.spec = spec_, .demand = std::move(demand)};
  }

  TemporaryDirectory directory_;
  std::shared_ptr<Cgroups> cgroups_;
  const ContainerId id_{"c1"};
  LaunchSpec spec_;
};

TEST_F(CgroupV2Test, ControllersAreHandedDownAndTheTaskIsInALeaf) {
  EXPECT_EQ(cgroups_->version(), Cgroups::Version::kV2);
  EXPECT_EQ(File("cgroup.subtree_control"), "+cpu +memory +pids");
  EXPECT_EQ(File("mesos/cgroup.subtree_control"), "+cpu +memory +pids");
  EXPECT_EQ(File("mesos/c1/cgroup.subtree_control"), "");  // Nothing is nested in it yet.
  shim::Launch launch;
  cgroups_->Join(id_, &launch);
  EXPECT_EQ(launch.cgroup2, directory_.path() + "/mesos/c1/leaf");
  EXPECT_EQ(launch.shim_cgroups,
            std::vector<std::string>{directory_.path() + "/mesos/shims/cgroup.procs"});
  ASSERT_TRUE(cgroups_->Create(ContainerId("c1.n")));
  EXPECT_EQ(File("mesos/c1/cgroup.subtree_control"), "+cpu +memory +pids");
  EXPECT_EQ(access((directory_.path() + "/mesos/c1/n/leaf").c_str(), F_OK), 0);
}

TEST_F(CgroupV2Test, CpuWeightAndQuota) {
  CgroupCpuIsolator cpu(cgroups_, /*enable_cfs=*/false);
  ASSERT_TRUE(cpu.Prepare(Context(Of("cpus:1.5"))));
  EXPECT_EQ(File("mesos/c1/cpu.weight"), "150");
  EXPECT_EQ(File("mesos/c1/cpu.max"), "");
  ASSERT_TRUE(cpu.Update(id_, Of("cpus:0.001", {{"cpus", 0.005}})));
  EXPECT_EQ(File("mesos/c1/cpu.weight"), "1");
  EXPECT_EQ(File("mesos/c1/cpu.max"), "1000 100000");  // Not below 1 ms.
  ASSERT_TRUE(cpu.Update(id_, Of("cpus:1", {{"cpus", INFINITY}})));
  EXPECT_EQ(File("mesos/c1/cpu.max"), "max 100000");
  CgroupCpuIsolator strict(cgroups_, /*enable_cfs=*/true);
  ASSERT_TRUE(strict.Update(id_, Of("cpus:2")));
  EXPECT_EQ(File("mesos/c1/cpu.max"), "200000 100000");
}

TEST_F(CgroupV2Test, MemoryLimitsAndOomKills) {
  CgroupMemoryIsolator memory(cgroups_, /*limit_swap=*/false);
  ASSERT_TRUE(memory.Prepare(Context(Of("mem:16", {{"mem", 64}}))));
  EXPECT_EQ(File("mesos/c1/memory.low"), "33554432");  // Not below 32 MB.
  EXPECT_EQ(File("mesos/c1/memory.max"), "67108864");
  ASSERT_TRUE(memory.Update(id_, Of("mem:40")));
  EXPECT_EQ(File("mesos/c1/memory.low"), "41943040");
  EXPECT_EQ(File("mesos/c1/memory.max"), "67108864");  // Never lowered.
  ASSERT_TRUE(memory.Update(id_, Of("mem:40", {{"mem", INFINITY}})));
  EXPECT_EQ(File("mesos/c1/memory.max"), "max");
  ASSERT_TRUE(memory.Update(id_, Of("mem:100")));
  EXPECT_EQ(File("mesos/c1/memory.max"), "max");

  std::string events = directory_.path() + "/mesos/c1/memory.events";
  WriteText(events, "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n");
  std::optional<Alarm> alarm = memory.Watch(id_);
  ASSERT_TRUE(alarm);
  EXPECT_FALSE(alarm->rang(alarm->fd.get()));  // Reclaiming memory at the limit is not a kill.
  EXPECT_FALSE(memory.Limited(id_, false));
  WriteText(events, "low 0\nhigh 0\nmax 40\noom 1\noom_kill 1\n");
  WriteText(directory_.path() + "/mesos/c1/memory.peak", "67108864\n");
  WriteText(directory_.path() + "/mesos/c1/memory.max", "67108864\n");
  EXPECT_TRUE(alarm->rang(alarm->fd.get()));
  std::optional<Limitation> limitation = memory.Limited(id_, true);
  ASSERT_TRUE(limitation);
  EXPECT_EQ(limitation->reason, v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_TRUE(limitation->message.starts_with(
      "Memory limit exceeded: used up to 64MB of the 64MB allowed"));
}

TEST_F(CgroupV2Test, PidsAndUsage) {
  CgroupPidsIsolator pids(cgroups_, 100);
  ASSERT_TRUE(pids.Prepare(Context({})));
  EXPECT_EQ(File("mesos/c1/pids.max"), "100");
  WriteText(directory_.path() + "/mesos/c1/cpu.stat",
            "usage_usec 30\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 9\n"
            "nr_throttled 3\nthrottled_usec 1500000\n");
  v1::ResourceStatistics statistics;
  CgroupCpuIsolator(cgroups_, false).Usage(id_, 0, &statistics);
  EXPECT_EQ(statistics.cpus_user_time_secs(), 2.0);
  EXPECT_EQ(statistics.cpus_system_time_secs(), 0.5);
  EXPECT_EQ(statistics.cpus_nr_throttled(), 3u);
  EXPECT_EQ(statistics.cpus_throttled_time_secs(), 1.5);
}

TEST_F(CgroupV2Test, AControllerThatIsNotOfferedIsAnError) {
  auto opened = Cgroups::Open({directory_.path(), "mesos", {"cpu", "hugetlb"}});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("does not offer controller 'hugetlb'"), std::string::npos);
}

// Version 2 for real, without controllers: the task starts in its cgroup, which is then killed and
// removed.
TEST_F(ContainerizerTest, ATaskIsBornInItsCgroupV2) {
  constexpr char kUnified[] = "/sys/fs/cgroup/unified";
  if (access(fmt::format("{}/cgroup.procs", kUnified).c_str(), W_OK) != 0) {
    GTEST_SKIP() << "needs a writable cgroup v2 hierarchy";
  }
  TestRoot root;
  auto opened = Cgroups::Open({kUnified, root.name(), {}});
  ASSERT_TRUE(opened) << opened.error().message;
  Cgroups& cgroups = **opened;
  const ContainerId id("c");
  ASSERT_TRUE(cgroups.Create(id));

  shim::Launch launch;
  cgroups.Join(id, &launch);
  launch.directory = directory_.path();
  launch.stdout_path = "stdout";
  launch.stderr_path = "stderr";
  launch.program = "/bin/sh";
  launch.arguments = {"sh", "-c", "cat /proc/self/cgroup; sleep 1000"};
  auto starter = ShimStarter::Create(1);
  ASSERT_TRUE(starter);
  auto shim = ShimProcess::Start(**starter, "test", launch, FileDescriptor());
  ASSERT_TRUE(shim) << shim.error().message;
  std::string line = fmt::format("0::/{}/c/leaf\n", root.name());
  ASSERT_TRUE(Eventually(
      [&] { return Contents(directory_.path() + "/stdout").find(line) != std::string::npos; }));
  Status destroyed = cgroups.Destroy(id, std::chrono::seconds(10));
  EXPECT_TRUE(destroyed) << destroyed.error().message;
  EXPECT_TRUE(Eventually([&] { return !IsAlive((*shim)->pid()); }));
}

}  // namespace
}  // namespace tepui::containers
