// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/mesos_containerizer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "containers/mesos/containerizer_fixture.h"

namespace tepui::containers {
namespace {

bool IsRoot() { return geteuid() == 0; }

std::string Out(const LaunchSpec& spec) { return Contents(spec.sandbox + "/stdout"); }

TEST_F(ContainerizerTest, RunsACommandInItsSandbox) {
  LaunchSpec spec = Spec("pwd; echo to stderr >&2; exit 7");
  EXPECT_EQ(ExitCode(Run(spec)), 7);
  EXPECT_EQ(Out(spec), spec.sandbox + "\n");
  EXPECT_EQ(Contents(spec.sandbox + "/stderr"), "to stderr\n");
}

TEST_F(ContainerizerTest, TheEnvironmentIsExactlyTheOneGiven) {
  LaunchSpec spec = Spec("");
  spec.command.set_shell(false);
  spec.command.set_value("env");
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"A", "b=c d"}};
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "PATH=/usr/bin:/bin\nA=b=c d\n");
}

TEST_F(ContainerizerTest, ArgumentsAreNotTouchedByAShell) {
  LaunchSpec spec = Spec("printf");
  spec.command.set_shell(false);
  for (const char* argument : {"printf", "%s|", "$HOME", "a b", ""}) {
    spec.command.add_arguments(argument);
  }
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "$HOME|a b||");
}

TEST_F(ContainerizerTest, ATaskSeesThreeDescriptorsAndNoOther) {
  int leaked = open("/dev/null", O_RDONLY);  // Without O_CLOEXEC, like descriptors of a library.
  LaunchSpec spec = Spec("ls /proc/self/fd | wc -l; readlink /proc/self/fd/0");
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "4\n/dev/null\n");  // ls has the directory open itself.
  close(leaked);
}

TEST_F(ContainerizerTest, OutputIsAppended) {
  LaunchSpec spec = Spec("echo new");
  ASSERT_TRUE(MakeDirectory(spec.sandbox));
  WriteText(spec.sandbox + "/stdout", "old\n");
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "old\nnew\n");
}

TEST_F(ContainerizerTest, OutputIsNotWrittenThroughALink) {
  LaunchSpec spec = Spec("echo through");
  ASSERT_TRUE(MakeDirectory(spec.sandbox));
  std::string victim = directory_.path() + "/victim";
  WriteText(victim, "");
  ASSERT_EQ(symlink(victim.c_str(), (spec.sandbox + "/stdout").c_str()), 0);
  EXPECT_NE(Refusal(spec).find("it is a symbolic link"), std::string::npos);
  EXPECT_EQ(Contents(victim), "");

  LaunchSpec fifo = Spec("echo into");
  ASSERT_TRUE(MakeDirectory(fifo.sandbox));
  ASSERT_EQ(mkfifo((fifo.sandbox + "/stdout").c_str(), 0600), 0);
  EXPECT_NE(Refusal(fifo).find("Cannot open 'stdout'"), std::string::npos);
}

TEST_F(ContainerizerTest, EachFailureToStartHasItsSentence) {
  LaunchSpec missing = Spec("./no-such-program");
  missing.command.set_shell(false);
  EXPECT_EQ(Refusal(missing), "Cannot run './no-such-program': there is no such file");

  LaunchSpec in_path = Spec("no-such-program");
  in_path.command.set_shell(false);
  EXPECT_EQ(Refusal(in_path), "Cannot run 'no-such-program': no such program in PATH");

  LaunchSpec plain = Spec("/etc/passwd");
  plain.command.set_shell(false);
  EXPECT_EQ(Refusal(plain),
            "Cannot run '/etc/passwd': it is not a file that the agent's user may execute");

  LaunchSpec nobody = Spec("true");
  nobody.user = "no-such-user";
  EXPECT_EQ(Refusal(nobody), "User 'no-such-user' does not exist on this agent");

  LaunchSpec nowhere = Spec("true");
  nowhere.sandbox = "/proc/no-sandbox";
  EXPECT_NE(Refusal(nowhere).find("The sandbox cannot be made"), std::string::npos);

  LaunchSpec empty = Spec("");
  EXPECT_EQ(Refusal(empty), "The command has no value: nothing to run");

  LaunchSpec nul = Spec(std::string("a\0b", 3));
  EXPECT_NE(Refusal(nul).find("contain a NUL byte"), std::string::npos);

  LaunchSpec twice = Spec("sleep 1000");
  ASSERT_TRUE(Launch(twice));
  EXPECT_NE(Refusal(twice).find("is in use"), std::string::npos);

  LaunchSpec outside = Spec("true");
  outside.id = ContainerId("../etc");
  EXPECT_NE(Refusal(outside).find("is not made of letters"), std::string::npos);
}

TEST_F(ContainerizerTest, AScriptWithoutItsInterpreterIsToldFromAMissingOne) {
  LaunchSpec spec = Spec("./script");
  spec.command.set_shell(false);
  ASSERT_TRUE(MakeDirectory(spec.sandbox));
  WriteText(spec.sandbox + "/script", "#!/no/such/interpreter\n");
  chmod((spec.sandbox + "/script").c_str(), 0755);
  EXPECT_NE(Refusal(spec).find("the interpreter in its first line"), std::string::npos);

  LaunchSpec bare = Spec("./script");
  bare.command.set_shell(false);
  ASSERT_TRUE(MakeDirectory(bare.sandbox));
  WriteText(bare.sandbox + "/script", "echo run by sh\n");
  chmod((bare.sandbox + "/script").c_str(), 0755);
  EXPECT_EQ(ExitCode(Run(bare)), 0);
  EXPECT_EQ(Out(bare), "run by sh\n");
}

TEST_F(ContainerizerTest, WhatNoIsolatorGivesIsRefused) {
  LaunchSpec docker = Spec("true");
  docker.container.emplace().set_type(v1::ContainerInfo::DOCKER);
  docker.container->mutable_docker()->set_image("busybox");
  EXPECT_EQ(Refusal(docker),
            "A container of type DOCKER is not supported by the isolators configured on this "
            "agent");
  LaunchSpec image = Spec("true");
  image.container.emplace().set_type(v1::ContainerInfo::MESOS);
  image.container->mutable_mesos()->mutable_image()->set_type(v1::Image::DOCKER);
  EXPECT_NE(Refusal(image).find("image is not supported"), std::string::npos);
  LaunchSpec network = Spec("true");
  network.container.emplace().set_type(v1::ContainerInfo::MESOS);
  network.container->add_network_infos()->set_name("overlay");
  EXPECT_NE(Refusal(network).find("'overlay' is not supported"), std::string::npos);
  LaunchSpec rlimit = Spec("true");
  rlimit.container.emplace().set_type(v1::ContainerInfo::MESOS);
  rlimit.container->mutable_rlimit_info()->add_rlimits()->set_type(v1::RLimitInfo::RLimit::UNKNOWN);
  // What is refused is refused before anything is fetched.
  rlimit.command.add_uris()->set_value("http://example.com/never");
  EXPECT_EQ(Refusal(rlimit), "An rlimit of the container has no known type");
}

TEST_F(ContainerizerTest, SignalsReachTheTask) {
  LaunchSpec spec =
      Spec("trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.05; done");
  ASSERT_TRUE(Launch(spec));
  ASSERT_TRUE(Eventually([&] { return Out(spec) == "ready\n"; }));
  EXPECT_TRUE(Signal(spec.id, SIGUSR1));
  // The signal may kill the group's sleep first, which does not matter to the shell.
  EXPECT_EQ(ExitCode(Await(spec.id)), 3);
  EXPECT_FALSE(Signal(spec.id, SIGUSR1));
  EXPECT_FALSE(Signal(ContainerId("unknown"), SIGTERM));
}

TEST_F(ContainerizerTest, ATaskThatIgnoresSigtermIsDestroyed) {
  LaunchSpec spec = Spec("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  ASSERT_TRUE(Launch(spec));
  ASSERT_TRUE(Eventually([&] { return Out(spec) == "ready\n"; }));
  EXPECT_TRUE(Signal(spec.id, SIGTERM));
  Destroy(spec.id);
  EXPECT_EQ(EndSignal(Await(spec.id)), SIGKILL);
}

TEST_F(ContainerizerTest, AProgramWaitsForGo) {
  const LaunchSpec spec = Spec("touch ran");
  std::promise<Result<Launched>> held;
  LaunchHeld(spec, held);
  EXPECT_EQ(ExitCode(Run(Spec("true"))), 0) << "a later one is not held up";
  EXPECT_FALSE(std::filesystem::exists(spec.sandbox + "/ran"));
  loop_->Run([&] { containerizer_->Go(spec.id); });
  EXPECT_TRUE(held.get_future().get());
  EXPECT_TRUE(Eventually([&] { return std::filesystem::exists(spec.sandbox + "/ran"); }));
}

TEST_F(ContainerizerTest, WhatEndsWithTheAgentWaitsForNothing) {
  LaunchSpec spec = Spec("exit 0");
  spec.outlives_agent = false;
  std::promise<Result<Launched>> launched;
  LaunchHeld(spec, launched);
  EXPECT_TRUE(launched.get_future().get());
}

TEST_F(ContainerizerTest, AProgramThatWaitsCanBeDestroyed) {
  const LaunchSpec spec = Spec("touch ran");
  std::promise<Result<Launched>> held;
  LaunchHeld(spec, held);
  EXPECT_EQ(ExitCode(Run(Spec("true"))), 0);
  loop_->Run([&] {
    containerizer_->Destroy(spec.id);
    containerizer_->Go(spec.id);
  });
  EXPECT_FALSE(held.get_future().get());
  EXPECT_FALSE(std::filesystem::exists(spec.sandbox + "/ran"));
}

// Each child has a session of its own, and the second one no parent. All get SIGTERM and the time
// until Destroy, also when the first process has ended.
TEST_F(ContainerizerTest, SigtermGivesEveryProcessItsTime) {
  const LaunchSpec spec = Spec(
      "echo 'trap \"sleep 0.3; echo $1 >> ended; exit\" TERM; echo $1 >> ready; while :; do sleep "
      "0.01; done' > work; setsid sh work child & (setsid sh work daemon &); "
      "trap 'exit 5' TERM; echo first >> ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(Launch(spec));
  ASSERT_TRUE(Eventually([&] { return Contents(spec.sandbox + "/ready").size() == 19; }));
  EXPECT_TRUE(Signal(spec.id, SIGTERM));
  EXPECT_EQ(ExitCode(Await(spec.id)), 5);
  EXPECT_EQ(Contents(spec.sandbox + "/ended").size(), 13u) << Contents(spec.sandbox + "/ended");
}

TEST_F(ContainerizerTest, WhoIgnoresSigtermEndsAtDestroy) {
  const LaunchSpec spec = Spec(
      "setsid sh -c 'trap \"\" TERM; echo $$ > pid; exec sleep 1000' & while [ ! -s pid ]; do "
      "sleep 0.01; done; trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done");
  const Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched);
  ASSERT_TRUE(Eventually([&] { return Out(spec) == "ready\n"; }));
  EXPECT_TRUE(Signal(spec.id, SIGTERM));
  ASSERT_TRUE(Eventually([&] { return !IsAlive(launched->pid); }));
  const int child = std::stoi(Contents(spec.sandbox + "/pid"));
  EXPECT_TRUE(IsAlive(child)) << "its time is not over";
  Destroy(spec.id);
  EXPECT_EQ(ExitCode(Await(spec.id)), 5);
  EXPECT_FALSE(IsAlive(child));
}

TEST_F(ContainerizerTest, DaemonsOfATaskEndWithIt) {
  // Each daemon has its own session and no parent, and ignores signals.
  LaunchSpec spec = Spec(
      "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP INT; echo $$ >> pids; exec sleep 1000' "
      "& done; while [ \"$(cat pids 2>/dev/null | wc -l)\" != 3 ]; do sleep 0.01; done; exit 0");
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  std::ifstream pids(spec.sandbox + "/pids");
  int count = 0;
  for (int pid; pids >> pid; ++count) EXPECT_FALSE(IsAlive(pid)) << pid;
  EXPECT_EQ(count, 3);
}

TEST_F(ContainerizerTest, DestroyBeforeTheTaskRuns) {
  LaunchSpec spec = Spec("true");
  spec.command.add_uris()->set_value("http://example.com/never");
  std::promise<Result<Launched>> promise;
  LaunchHeld(spec, promise);
  fetcher_.AwaitFetch();
  Destroy(spec.id);
  Result<Launched> result = promise.get_future().get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "The fetch was cancelled");
}

TEST_F(ContainerizerTest, DestroyTakesNestedContainersAlong) {
  LaunchSpec parent = Spec("sleep 1000");
  LaunchSpec child = Spec("sleep 1000");
  child.id = ContainerId(parent.id.value() + ".child");
  LaunchSpec other = Spec("sleep 1000");
  ASSERT_TRUE(Launch(parent));
  ASSERT_TRUE(Launch(child));
  Result<Launched> lives = Launch(other);
  ASSERT_TRUE(lives);
  Destroy(parent.id);
  EXPECT_EQ(EndSignal(Await(parent.id)), SIGKILL);
  EXPECT_EQ(EndSignal(Await(child.id)), SIGKILL);
  EXPECT_TRUE(IsAlive(lives->pid));
}

TEST_F(ContainerizerTest, TheTaskOutlivesTheAgentAndLeavesItsStatus) {
  LaunchSpec spec = Spec("echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 5");
  Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched);
  Stop();
  auto runtime = RuntimeDirectory::Open(directory_.path() + "/run");
  ASSERT_TRUE(runtime) << runtime.error().message;
  EXPECT_TRUE(IsAlive(launched->pid));
  EXPECT_EQ((*runtime)->ReadStatus(spec.id).error().code, Code::kNotFound);
  WriteText(spec.sandbox + "/go", "");
  ASSERT_TRUE(Eventually([&] { return (*runtime)->ReadStatus(spec.id).has_value(); }));
  Result<ExitRecord> record = (*runtime)->ReadStatus(spec.id);
  EXPECT_EQ(record->pid, launched->pid);
  EXPECT_EQ(record->start_ticks, launched->start_ticks);
  EXPECT_EQ(WEXITSTATUS(record->status), 5);
}

TEST_F(ContainerizerTest, AShimThatIsKilledEndsItsContainer) {
  LaunchSpec spec = Spec("sleep 1000");
  Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched);
  kill(ShimOf(launched->pid), SIGKILL);
  Termination termination = Await(spec.id);
  EXPECT_FALSE(termination.status);
  EXPECT_NE(termination.message.find("shim ended before the task"), std::string::npos);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(launched->pid); }));
}

TEST_F(ContainerizerTest, AShimIsSmall) {
  LaunchSpec spec = Spec("sleep 1000");
  Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched);
  std::istringstream rollup(Contents(fmt::format("/proc/{}/smaps_rollup", ShimOf(launched->pid))));
  int64_t anonymous_kb = -1;  // Its private memory; the rest is the image, which all shims share.
  int64_t pss_kb = -1;
  for (std::string line; std::getline(rollup, line);) {
    int64_t value = std::atoll(line.substr(line.find(':') + 1).c_str());
    if (line.starts_with("Pss:")) pss_kb = value;
    if (line.starts_with("Anonymous:")) anonymous_kb = value;
  }
  RecordProperty("pss_kb", std::to_string(pss_kb));
  RecordProperty("anonymous_kb", std::to_string(anonymous_kb));
  EXPECT_GE(pss_kb, 0);
  EXPECT_LT(pss_kb, 1024);
  EXPECT_GE(anonymous_kb, 0);
  EXPECT_LT(anonymous_kb, 200);
}

TEST_F(ContainerizerTest, TheShimCannotBeOverwrittenThroughProc) {
  if (!IsRoot()) GTEST_SKIP() << "needs root, as the attack does";
  LaunchSpec spec = Spec(
      "exe=/proc/$PPID/exe; head -c 4 $exe > before; "
      "(printf 'EVIL' > $exe) 2>/dev/null && echo opened; "
      "dd if=/dev/zero of=$exe bs=4 count=1 conv=notrunc 2>/dev/null && echo written; "
      "head -c 4 $exe > after; cmp before after && echo same");
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "same\n");
  // The image itself serves the next task.
  EXPECT_EQ(ExitCode(Run(Spec("exit 9"))), 9);
}

TEST_F(ContainerizerTest, RunsAsTheUserWithHisGroups) {
  if (!IsRoot()) GTEST_SKIP() << "needs root";
  LaunchSpec spec = Spec("id -u; id -g; touch mine; stat -c %U mine stdout .");
  spec.user = "nobody";
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "65534\n65534\nnobody\nnobody\nnobody\n");
  struct stat about;
  ASSERT_EQ(stat(spec.sandbox.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0750u);
}

TEST_F(ContainerizerTest, ASandboxThatIsThereBecomesTheUsers) {
  if (!IsRoot()) GTEST_SKIP() << "needs root";
  LaunchSpec spec = Spec("stat -c %U . && touch mine");
  ASSERT_TRUE(MakeDirectory(spec.sandbox));  // Owned by root, 0750.
  spec.user = "nobody";
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "nobody\n");
}

TEST_F(ContainerizerTest, AUserWhoMayNotEnterTheSandboxIsTold) {
  if (!IsRoot()) GTEST_SKIP() << "needs root";
  LaunchSpec spec = Spec("true");
  spec.sandbox = directory_.path() + "/closed/sandbox";
  ASSERT_TRUE(MakeDirectory(directory_.path() + "/closed"));  // Owned by root, 0750.
  spec.user = "nobody";
  EXPECT_NE(Refusal(spec).find("cannot be entered by user 'nobody'"), std::string::npos);
}

TEST_F(ContainerizerTest, Rlimits) {
  LaunchSpec spec = Spec("ulimit -Sn; ulimit -Hn; ulimit -c");
  auto* rlimits = spec.container.emplace().mutable_rlimit_info();
  spec.container->set_type(v1::ContainerInfo::MESOS);
  auto* files = rlimits->add_rlimits();
  files->set_type(v1::RLimitInfo::RLimit::RLMT_NOFILE);
  files->set_soft(100);
  files->set_hard(200);
  auto* core = rlimits->add_rlimits();
  core->set_type(v1::RLimitInfo::RLimit::RLMT_CORE);
  core->set_soft(0);
  core->set_hard(0);
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "100\n200\n0\n");

  LaunchSpec half = Spec("true");
  half.container = spec.container;
  half.container->mutable_rlimit_info()->mutable_rlimits(0)->clear_hard();
  EXPECT_NE(Refusal(half).find("RLMT_NOFILE must have both"), std::string::npos);
}

TEST_F(ContainerizerTest, Capabilities) {
  if (!IsRoot()) GTEST_SKIP() << "needs root";
  LaunchSpec spec = Spec("grep -E 'Cap(Eff|Bnd|Amb)' /proc/self/status");
  spec.user = "nobody";
  spec.container.emplace().set_type(v1::ContainerInfo::MESOS);
  auto* effective = spec.container->mutable_linux_info()->mutable_effective_capabilities();
  effective->add_capabilities(v1::CapabilityInfo::NET_BIND_SERVICE);
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec),
            "CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nCapAmb:\t0000000000000400\n");

  auto* bounding = spec.container->mutable_linux_info()->mutable_bounding_capabilities();
  bounding->add_capabilities(v1::CapabilityInfo::CHOWN);
  LaunchSpec beyond = Spec("true");
  beyond.container = spec.container;
  EXPECT_NE(Refusal(beyond).find("exceed the bounding"), std::string::npos);
}

TEST_F(ContainerizerTest, NoNewPrivilegesIfConfigured) {
  Start({.isolation = "posix/cpu,posix/mem,linux/nnp"});
  LaunchSpec spec = Spec("grep NoNewPrivs /proc/self/status");
  EXPECT_EQ(ExitCode(Run(spec)), 0);
  EXPECT_EQ(Out(spec), "NoNewPrivs:\t1\n");
}

TEST_F(ContainerizerTest, ChecksRunBesideTheTask) {
  LaunchSpec spec = Spec("sleep 1000");
  spec.environment.emplace_back("WHERE", "task");
  if (IsRoot()) spec.user = "nobody";
  ASSERT_TRUE(Launch(spec));
  v1::CommandInfo command;
  command.set_value("pwd; id -un; echo $WHERE $MORE; exit 4");
  auto* variable = command.mutable_environment()->add_variables();
  variable->set_name("MORE");
  variable->set_value("check");
  Result<ExecResult> result = Exec(spec.id, command, std::chrono::seconds(20));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(WEXITSTATUS(result->status), 4);
  EXPECT_FALSE(result->timed_out);
  std::string user = IsRoot() ? "nobody" : Contents("/proc/self/loginuid");
  EXPECT_EQ(Contents(spec.sandbox + "/stderr"), spec.sandbox + "\n" + user + "\ntask check\n");
  EXPECT_EQ(Out(spec), "");
}

TEST_F(ContainerizerTest, ACheckThatHangsIsKilledWithItsChildren) {
  LaunchSpec spec = Spec("sleep 1000");
  ASSERT_TRUE(Launch(spec));
  v1::CommandInfo command;
  command.set_value("setsid sleep 1000 & echo $! > child; sleep 1000");
  Result<ExecResult> result = Exec(spec.id, command, std::chrono::milliseconds(300));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->timed_out);
  std::string child = Contents(spec.sandbox + "/child");
  ASSERT_FALSE(child.empty());
  EXPECT_FALSE(IsAlive(std::stoi(child)));
  // The task is not touched, and its container can be checked again.
  command.set_value("true");
  EXPECT_EQ(Exec(spec.id, command, std::chrono::seconds(20))->status, 0);
}

TEST_F(ContainerizerTest, ACheckOfNothingFails) {
  v1::CommandInfo command;
  command.set_value("true");
  Result<ExecResult> result = Exec(ContainerId("none"), command, std::chrono::seconds(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
}

TEST_F(ContainerizerTest, UsageOfPlainProcesses) {
  LaunchSpec spec = Spec("sleep 1000 & sleep 1000 & wait");
  spec.resources = *Resources::Parse("cpus:0.5;mem:64");
  spec.limits = {{"mem", 128}};
  ASSERT_TRUE(Launch(spec));
  ASSERT_TRUE(Eventually([&] { return Usage(spec.id)->processes() == 3; }));
  Result<v1::ResourceStatistics> usage = Usage(spec.id);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->threads(), 3u);
  EXPECT_GT(usage->mem_rss_bytes(), 0u);
  EXPECT_EQ(usage->cpus_limit(), 0.5);
  EXPECT_EQ(usage->mem_soft_limit_bytes(), 64u << 20);
  EXPECT_EQ(usage->mem_limit_bytes(), 128u << 20);
  EXPECT_GT(usage->timestamp(), 1e9);
  EXPECT_FALSE(Usage(ContainerId("none")));
}

TEST_F(ContainerizerTest, ThousandsOfLaunchesLeakNothing) {
  constexpr int kLaunches = 2000;
  constexpr int kAtOnce = 50;
  ASSERT_EQ(ExitCode(Run(Spec("exit 0"))), 0);
  while (waitpid(-1, nullptr, WNOHANG) > 0)
    continue;  // Shims that outlived their agent in other tests.
  size_t before = OpenDescriptors();
  std::atomic<int> left = kLaunches;
  std::atomic<int> good = 0;
  std::promise<void> all;
  LaunchSpec pattern = Spec("true");
  pattern.command.set_shell(false);
  std::function<void()> next = [&] {
    LaunchSpec spec = pattern;
    spec.id = ContainerId(random_.Uuid());
    ContainerId id = spec.id;
    containerizer_->Launch(std::move(spec), [&, id](Result<Launched> launched) {
      ASSERT_TRUE(launched) << launched.error().message;
      containerizer_->Wait(id, [&](Termination termination) {
        if (ExitCode(termination) == 0) ++good;
        int remaining = --left;
        if (remaining == 0) all.set_value();
        if (remaining >= kAtOnce) next();
      });
    });
    containerizer_->Go(id);
  };
  auto begin = std::chrono::steady_clock::now();
  loop_->Run([&] {
    for (int i = 0; i < kAtOnce; ++i) next();
  });
  ASSERT_EQ(all.get_future().wait_for(std::chrono::minutes(2)), std::future_status::ready);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("launches_per_second", std::to_string(kLaunches / took.count()));
  EXPECT_EQ(good, kLaunches);
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= before; }))
      << OpenDescriptors() << " of " << before;
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // No child, dead or alive.
}

}  // namespace
}  // namespace tepui::containers
