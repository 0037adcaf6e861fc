// SPDX-License-Identifier: Apache-2.0
// Recovery after an agent was killed, with real processes and real SIGKILL.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "containers/host/detect.h"
#include "containers/isolators/cgroup_fixture.h"
#include "containers/mesos/containerizer_fixture.h"
#include "shim/start_ticks.h"

namespace tepui::containers {
namespace {

namespace fs = std::filesystem;

struct Flavor {
  std::string name;
  bool cgroups = false;
};

// Here each agent is a process of its own, forked while this one has a single thread: no
// containerizer may exist when RunAgent is called.
class RecoveryTest : public ContainerizerTest, public testing::WithParamInterface<Flavor> {
 protected:
  void SetUp() override {
    if (GetParam().cgroups && !HasV1()) GTEST_SKIP() << "needs writable cgroup v1 hierarchies";
  }

  // Leaves no process of the test behind, even if it failed.
  void TearDown() override {
    ContainerizerTest::TearDown();
    Start(Isolation());
    EXPECT_TRUE(Recover({}));
    Stop();
    EXPECT_TRUE(Eventually([&] { return Processes().empty(); }));
  }

  IsolationOptions Isolation() const {
    IsolationOptions options;
    if (GetParam().cgroups) {
      options.isolation = "cgroups/cpu,cgroups/mem,cgroups/pids";
      options.cgroups_root = root_.name();
    }
    return options;
  }

  // Starts an agent's process that runs `life` and then stays until it is killed.
  int ForkAgent(const std::function<void()>& life) {
    int pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Start(Isolation());
    life();
    while (true) pause();
  }

  static void KillAgent(int pid) {
    kill(pid, SIGKILL);
    ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  }

  // Returns what the agent would have recorded about the containers that it launched before it was
  // killed.
  std::vector<RecoverSpec> RunAgent(const std::vector<LaunchSpec>& specs) {
    int channel[2];
    EXPECT_EQ(pipe2(channel, O_CLOEXEC), 0);
    int agent = ForkAgent([&] {
      for (const LaunchSpec& spec : specs) {
        Result<Launched> launched = Launch(spec);
        if (!launched) std::fprintf(stderr, "%s\n", launched.error().message.c_str());
        Launched started = launched.value_or(Launched());
        std::string line =
            fmt::format("{} {} {} {} {}\n", started.pid, started.start_ticks, started.shim_pid,
                        started.shim_start_ticks, started.boot_id.empty() ? "-" : started.boot_id);
        std::ignore = write(channel[1], line.data(), line.size());
      }
      close(channel[1]);
    });
    close(channel[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = read(channel[0], buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    close(channel[0]);
    KillAgent(agent);
    std::istringstream lines(text);
    std::vector<RecoverSpec> recorded;
    for (const LaunchSpec& spec : specs) {
      RecoverSpec one{spec, {}};
      Launched& started = one.launched;
      lines >> started.pid >> started.start_ticks >> started.shim_pid >> started.shim_start_ticks >>
          started.boot_id;
      EXPECT_GT(started.pid, 0);
      EXPECT_EQ(started.start_ticks, shim::StartTicks(started.pid));
      EXPECT_EQ(started.shim_start_ticks, shim::StartTicks(started.shim_pid));
      recorded.push_back(std::move(one));
    }
    return recorded;
  }

  Result<Recovered> Recover(std::vector<RecoverSpec> specs) {
    std::promise<Result<Recovered>> promise;
    loop_->Post([&] {
      containerizer_->Recover(std::move(specs), [&](Result<Recovered> result) {
        for (const ContainerId& id : result ? result->running : std::vector<ContainerId>()) {
          auto ended = std::make_shared<std::promise<Termination>>();
          launched_.push_back(id);
          ended_.emplace_back(id, ended->get_future().share());
          containerizer_->Wait(id, [ended](Termination t) { ended->set_value(std::move(t)); });
        }
        promise.set_value(std::move(result));
      });
    });
    auto future = promise.get_future();
    if (future.wait_for(kPatience) == std::future_status::ready) return future.get();
    std::abort();  // The callback would use destroyed objects if this returned.
  }

  // Starts a new agent, which recovers.
  Recovered StartAndRecover(std::vector<RecoverSpec> specs) {
    Start(Isolation());
    Result<Recovered> recovered = Recover(std::move(specs));
    EXPECT_TRUE(recovered) << recovered.error().message;
    return recovered.value_or(Recovered());
  }

  // Returns all processes that work in a sandbox of the test.
  std::set<int> Processes() const {
    std::set<int> pids;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      std::error_code gone;
      const std::string cwd = fs::read_symlink(entry.path() / "cwd", gone).string();
      if (pid > 0 && cwd.starts_with(directory_.path()) && IsAlive(pid)) pids.insert(pid);
    }
    return pids;
  }

  std::vector<std::string> RuntimeEntries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(RuntimeDir() + "/containers")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  static std::string Out(const LaunchSpec& spec) { return Contents(spec.sandbox + "/stdout"); }

  bool Prints(const LaunchSpec& spec, const std::string& text) {
    return Eventually([&] { return Out(spec).find(text) != std::string::npos; });
  }

  std::string CgroupFile(const char* controller, const ContainerId& id, const char* file) const {
    return Contents(fmt::format("{}/{}/{}/{}/{}", kHierarchy, controller, root_.name(), id, file));
  }

  TestRoot root_;
};

INSTANTIATE_TEST_SUITE_P(, RecoveryTest, testing::Values(Flavor{"posix"}, Flavor{"cgroups", true}),
                         [](const auto& info) { return info.param.name; });

TEST_P(RecoveryTest, WhatRunsIsTakenBackWhole) {
  LaunchSpec spec = Spec(
      "trap 'echo got it; exit 3' USR1; i=0; "
      "while :; do i=$((i+1)); echo line $i; echo err $i >&2; sleep 0.02; done");
  spec.environment.emplace_back("WHERE", "task");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  // No agent runs, and the output continues.
  const uintmax_t size = fs::file_size(spec.sandbox + "/stdout");
  EXPECT_TRUE(Eventually([&] { return fs::file_size(spec.sandbox + "/stdout") > size; }));

  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running, std::vector{spec.id});
  EXPECT_TRUE(recovered.ended.empty() && recovered.refused.empty() && recovered.orphans.empty());

  v1::CommandInfo check;
  check.set_value("pwd; echo $WHERE; exit 4");
  Result<ExecResult> checked = Exec(spec.id, check, std::chrono::seconds(20));
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(WEXITSTATUS(checked->status), 4);
  EXPECT_NE(Contents(spec.sandbox + "/stderr").find(spec.sandbox + "\ntask\n"), std::string::npos);
  Result<v1::ResourceStatistics> usage = Usage(spec.id);
  ASSERT_TRUE(usage) << usage.error().message;
  EXPECT_GE(usage->threads(), 1u);
  EXPECT_EQ(usage->mem_limit_bytes(), 32u << 20);

  EXPECT_TRUE(Signal(spec.id, SIGUSR1));
  EXPECT_EQ(ExitCode(Await(spec.id)), 3);
  EXPECT_TRUE(Prints(spec, "got it"));
  const std::string last = fmt::format("line {}\n", std::ranges::count(Out(spec), '\n') - 1);
  EXPECT_NE(Out(spec).find(last), std::string::npos) << "a line is missing";
}

TEST_P(RecoveryTest, ManyLivesOfTheAgentAndOneOfTheTask) {
  LaunchSpec spec = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 9");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  for (int life = 0; life < 3; ++life) {
    int agent = ForkAgent([&] {
      if (StartAndRecover(recorded).running.size() == 1) WriteText(spec.sandbox + "/taken", "");
    });
    EXPECT_TRUE(Eventually([&] { return fs::exists(spec.sandbox + "/taken"); }));
    KillAgent(agent);
    fs::remove(spec.sandbox + "/taken");
  }
  EXPECT_EQ(StartAndRecover(recorded).running, std::vector{spec.id});
  WriteText(spec.sandbox + "/go", "");
  EXPECT_EQ(ExitCode(Await(spec.id)), 9);
}

TEST_P(RecoveryTest, WhatEndedMeanwhileIsToldAsItEnded) {
  LaunchSpec exits = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 7");
  LaunchSpec killed = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({exits, killed});
  WriteText(exits.sandbox + "/go", "");
  kill(recorded[1].launched.pid, SIGTERM);
  for (const RecoverSpec& spec : recorded) {
    ASSERT_TRUE(Eventually([&] { return !IsAlive(spec.launched.shim_pid); }));
  }
  // Each recovery reports the end, until the agent has recorded it.
  for (int life = 0; life < 2; ++life) {
    Recovered recovered = StartAndRecover(recorded);
    ASSERT_EQ(recovered.ended.size(), 2u);
    for (const Recovered::Ended& ended : recovered.ended) {
      if (ended.id == exits.id) {
        EXPECT_EQ(ExitCode(ended.termination), 7);
      } else {
        EXPECT_EQ(EndSignal(ended.termination), SIGTERM);
      }
      EXPECT_FALSE(ended.termination.reason);
    }
    EXPECT_EQ(RuntimeEntries().size(), 2u);
    EXPECT_EQ(CgroupFile("memory", exits.id, "tasks"), "");
  }
  loop_->Run([&] { containerizer_->Forget(exits.id); });
  EXPECT_TRUE(Eventually([&] { return RuntimeEntries() == std::vector{killed.id.value()}; }));
  // What is left is not claimed, but it has no process, so no orphan is reported.
  EXPECT_TRUE(StartAndRecover({}).orphans.empty());
  EXPECT_TRUE(RuntimeEntries().empty());
}

TEST_P(RecoveryTest, WhatEndedUnderTheAgentIsKeptUntilForgotten) {
  LaunchSpec spec = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 6");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  StartAndRecover(recorded);
  WriteText(spec.sandbox + "/go", "");
  EXPECT_EQ(ExitCode(Await(spec.id)), 6);
  // The agent dies before it has recorded the end.
  Recovered recovered = StartAndRecover(recorded);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_EQ(ExitCode(recovered.ended[0].termination), 6);
}

TEST_P(RecoveryTest, AShimThatWasKilledLeavesNothingRunning) {
  LaunchSpec spec = Spec("sleep 1000 & sleep 1000");  // Both are in one process group.
  LaunchSpec watched = Spec("sleep 1000 & sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec, watched});
  kill(recorded[0].launched.shim_pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(recorded[0].launched.pid); }))
      << "without an agent, too";
  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running, std::vector{watched.id});
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_EQ(recovered.ended[0].id, spec.id);
  EXPECT_FALSE(recovered.ended[0].termination.status);
  EXPECT_EQ(recovered.ended[0].termination.message,
            "The task's shim ended before the task; how the task ended is unknown");
  // The same happens to a recovered container.
  kill(recorded[1].launched.shim_pid, SIGKILL);
  EXPECT_FALSE(Await(watched.id).status);
  EXPECT_TRUE(Eventually([&] { return Processes().empty(); }));
}

TEST_P(RecoveryTest, AShimThatDoesNotAnswerIsKilled) {
  shim_timeout_ = std::chrono::milliseconds(200);
  LaunchSpec spec = Spec("exec sleep 1000");
  LaunchSpec orphan = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec, orphan});
  for (const RecoverSpec& stopped : recorded) kill(stopped.launched.shim_pid, SIGSTOP);
  recorded.pop_back();
  Recovered recovered = StartAndRecover(recorded);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_FALSE(recovered.ended[0].termination.status);
  EXPECT_NE(recovered.ended[0].termination.message.find("did not answer"), std::string::npos);
  EXPECT_EQ(recovered.orphans, std::vector{orphan.id});
  EXPECT_TRUE(Eventually([&] { return Processes().empty(); }));
}

TEST_P(RecoveryTest, WhatNobodyClaimsIsDestroyed) {
  LaunchSpec claimed = Spec("exec sleep 1000");
  LaunchSpec orphan =
      Spec("setsid sh -c 'trap \"\" TERM HUP; echo ready; sleep 1000' & exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({claimed, orphan});
  ASSERT_TRUE(Prints(orphan, "ready"));
  recorded.pop_back();
  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running, std::vector{claimed.id});
  EXPECT_EQ(recovered.orphans, std::vector{orphan.id});
  EXPECT_EQ(Processes(), std::set{recorded[0].launched.pid});
  EXPECT_EQ(RuntimeEntries(), std::vector{claimed.id.value()});
  EXPECT_EQ(CgroupFile("memory", orphan.id, "tasks"), "");
}

TEST_P(RecoveryTest, AnOrphanThatOutlivesSigkillIsWaitedFor) {
  if (!HasFreezer()) GTEST_SKIP() << "needs the freezer of cgroups v1";
  destroy_timeout_ = std::chrono::milliseconds(100);
  LaunchSpec orphan = Spec("exec sleep 1000");
  const std::vector<RecoverSpec> recorded = RunAgent({orphan});
  FrozenProcess stuck(recorded[0].launched.pid);
  ASSERT_TRUE(Eventually([&] { return stuck.frozen(); }));
  const Recovered recovered = StartAndRecover({});
  EXPECT_EQ(recovered.survivors, std::vector{orphan.id});
  EXPECT_TRUE(recovered.orphans.empty());
  EXPECT_TRUE(IsAlive(recorded[0].launched.pid));
  std::promise<Termination> promise;
  loop_->Run([&] {
    containerizer_->Wait(orphan.id, [&](Termination end) { promise.set_value(std::move(end)); });
  });
  auto ended = promise.get_future();
  EXPECT_EQ(ended.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  stuck.Thaw();
  EXPECT_EQ(ended.get().status, SIGKILL);
  EXPECT_EQ(Processes(), std::set<int>());
  EXPECT_TRUE(Eventually([&] { return RuntimeEntries().empty(); }));
}

TEST_P(RecoveryTest, WhatOutlivesSigkillHasNotEnded) {
  if (!HasFreezer()) GTEST_SKIP() << "needs the freezer of cgroups v1";
  destroy_timeout_ = std::chrono::milliseconds(100);
  Start(Isolation());
  LaunchSpec spec = Spec("exec sleep 1000");
  const Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched) << launched.error().message;
  FrozenProcess stuck(launched->pid);
  ASSERT_TRUE(Eventually([&] { return stuck.frozen(); }));
  const auto& ended = ended_.back().second;
  Destroy(spec.id);
  EXPECT_EQ(ended.wait_for(std::chrono::milliseconds(2500)), std::future_status::timeout)
      << "it runs";
  EXPECT_TRUE(IsAlive(launched->pid));
  stuck.Thaw();
  EXPECT_EQ(Await(spec.id).status, SIGKILL);
  EXPECT_FALSE(IsAlive(launched->pid));
}

TEST_P(RecoveryTest, AShimThatHangsIsKilledWhenItIsAlone) {
  destroy_timeout_ = std::chrono::milliseconds(100);
  Start(Isolation());
  LaunchSpec spec = Spec("sleep 1000 & exec sleep 1000");
  const Result<Launched> launched = Launch(spec);
  ASSERT_TRUE(launched) << launched.error().message;
  kill(launched->shim_pid, SIGSTOP);
  Destroy(spec.id);
  EXPECT_FALSE(Await(spec.id).status);
  EXPECT_TRUE(Eventually([&] { return Processes().empty(); }));
}

// The agent is killed at any step of a launch.
TEST_P(RecoveryTest, LaunchesInFlightAreDestroyed) {
  std::uniform_int_distribution<int> microseconds(0, 30'000);
  std::mt19937 random(7);
  for (int round = 0; round < 15; ++round) {
    int agent = ForkAgent([&] {
      // On a busy machine there would be thousands before the agent is killed.
      for (int i = 0; i < 300; ++i) {
        LaunchSpec spec = Spec("exec sleep 1000");
        loop_->Run([&] {
          const ContainerId id = spec.id;
          containerizer_->Launch(std::move(spec), [](Result<Launched>) {});
          containerizer_->Go(id);
        });
      }
    });
    ASSERT_TRUE(Eventually([&] { return !Processes().empty(); }));
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    KillAgent(agent);
    Recovered recovered = StartAndRecover({});
    EXPECT_FALSE(recovered.orphans.empty());
    EXPECT_EQ(Processes(), std::set<int>()) << "after round " << round;
    EXPECT_TRUE(RuntimeEntries().empty());
    Stop();
  }
}

// The agent is killed after it has recorded that it launches a container, at any step before Go.
TEST_P(RecoveryTest, AProgramThatWaitedNeverRuns) {
  const LaunchSpec spec = Spec("touch ran; exec sleep 1000");
  const int agent = ForkAgent(
      [&] { loop_->Run([&] { containerizer_->Launch(spec, [](Result<Launched>) {}); }); });
  ASSERT_TRUE(
      Eventually([&] { return fs::exists(RuntimeDir() + "/containers/" + spec.id.value()); }));
  KillAgent(agent);
  const Recovered recovered = StartAndRecover({{spec, {.boot_id = BootId()}}});
  EXPECT_EQ(recovered.not_started, std::vector{spec.id});
  EXPECT_TRUE(recovered.running.empty() && recovered.ended.empty() && recovered.orphans.empty());
  EXPECT_TRUE(RuntimeEntries().empty());
  EXPECT_FALSE(fs::exists(spec.sandbox + "/ran"));
}

// The agent is killed after a program has started and before it has recorded that.
TEST_P(RecoveryTest, AStartThatWasNotRecordedIsFound) {
  const LaunchSpec runs = Spec("exec sleep 1000");
  const LaunchSpec ends = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 7");
  const LaunchSpec killed = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({runs, ends, killed});
  WriteText(ends.sandbox + "/go", "");
  kill(recorded[2].launched.shim_pid, SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    return !IsAlive(recorded[1].launched.shim_pid) && !IsAlive(recorded[2].launched.shim_pid);
  }));
  const Launched process = recorded[0].launched;
  for (RecoverSpec& spec : recorded) spec.launched = {.boot_id = process.boot_id};
  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running, std::vector{runs.id});
  EXPECT_EQ(recovered.processes[runs.id].pid, process.pid);
  EXPECT_EQ(recovered.processes[runs.id].start_ticks, process.start_ticks);
  EXPECT_TRUE(recovered.not_started.empty());
  ASSERT_EQ(recovered.ended.size(), 2u);
  for (const Recovered::Ended& ended : recovered.ended) {
    EXPECT_EQ(ExitCode(ended.termination), ended.id == ends.id ? 7 : -1);
  }
  Destroy(runs.id);
  EXPECT_EQ(EndSignal(Await(runs.id)), SIGKILL);
}

// Finds a directory whose shim never started, a directory without a socket, and garbage.
TEST_P(RecoveryTest, HalfMadeContainersAreCleanedUp) {
  LaunchSpec spec = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  const std::string containers = RuntimeDir() + "/containers/";
  fs::create_directory(containers + "made");
  fs::create_directory(containers + "torn");
  WriteText(containers + "torn/status", "1 12");
  WriteText(containers + "torn/status.new", "1 ");
  WriteText(containers + "no-directory", "");
  {
    auto runtime = RuntimeDirectory::Open(RuntimeDir());
    ASSERT_TRUE(runtime);
    ASSERT_TRUE((*runtime)->Create(ContainerId("bound")));
  }
  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running, std::vector{spec.id});
  EXPECT_EQ(recovered.orphans, (std::vector{ContainerId("bound"), ContainerId("made"),
                                            ContainerId("no-directory"), ContainerId("torn")}));
  EXPECT_EQ(RuntimeEntries(), std::vector{spec.id.value()});
}

TEST_P(RecoveryTest, ATornStatusIsNone) {
  LaunchSpec spec = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  kill(recorded[0].launched.shim_pid, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return !IsAlive(recorded[0].launched.pid); }));
  const Launched& process = recorded[0].launched;
  const std::string file = fmt::format("{}/containers/{}/status", RuntimeDir(), spec.id);
  const std::string line = fmt::format("1 {} {} 256\n", process.pid, process.start_ticks);
  std::vector<std::string> torn = {"",
                                   line.substr(0, line.size() - 1),
                                   line.substr(0, 3),
                                   std::string(line.size(), '\0'),
                                   "what\n",
                                   line + "more\n",
                                   fmt::format("1 {} {} 256\n", process.pid, 12345)};
  for (const std::string& text : torn) {
    WriteText(file, text);
    Recovered recovered = StartAndRecover(recorded);
    ASSERT_EQ(recovered.ended.size(), 1u) << text;
    EXPECT_FALSE(recovered.ended[0].termination.status) << text;
  }
  WriteText(file, line);
  EXPECT_EQ(ExitCode(StartAndRecover(recorded).ended.at(0).termination), 1);
}

TEST_P(RecoveryTest, AnotherProcessOfThePidIsLeftAlone) {
  LaunchSpec spec = Spec("exec sleep 1000");
  int innocent = fork();
  if (innocent == 0) {
    setpgid(0, 0);
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(127);
  }
  ASSERT_TRUE(Eventually([&] { return getpgid(innocent) == innocent; }));
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  kill(recorded[0].launched.shim_pid, SIGKILL);
  Launched& process = recorded[0].launched;
  ASSERT_TRUE(Eventually([&] { return !IsAlive(process.pid); }));
  process.pid = innocent;
  process.start_ticks = shim::StartTicks(innocent) - 1;
  EXPECT_EQ(StartAndRecover(recorded).ended.size(), 1u);
  process.start_ticks = shim::StartTicks(innocent);
  process.boot_id = "of another boot";
  Recovered recovered = StartAndRecover(recorded);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_EQ(recovered.ended[0].termination.message,
            "The machine was started anew since the task was; how the task ended is unknown");
  EXPECT_TRUE(IsAlive(innocent));
  kill(innocent, SIGKILL);
  EXPECT_EQ(waitpid(innocent, nullptr, 0), innocent);
}

TEST_P(RecoveryTest, AShimOfAnotherTaskIsNotTaken) {
  LaunchSpec spec = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  recorded[0].launched.start_ticks += 1;
  Recovered recovered = StartAndRecover(recorded);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_FALSE(recovered.ended[0].termination.status);
  EXPECT_EQ(Processes(), std::set<int>());
}

// The status cannot be written, so the shim waits and keeps it.
TEST_P(RecoveryTest, AnEndThatCannotBeWrittenIsToldToTheNextAgent) {
  LaunchSpec spec = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 8");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  const std::string mark = fmt::format("{}/containers/{}/status.new", RuntimeDir(), spec.id);
  fs::remove(mark);
  fs::create_directory(mark);
  WriteText(spec.sandbox + "/go", "");
  ASSERT_TRUE(Eventually([&] { return !IsAlive(recorded[0].launched.pid); }));
  EXPECT_EQ(StartAndRecover(recorded).running, std::vector{spec.id});
  EXPECT_EQ(ExitCode(Await(spec.id)), 8);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(recorded[0].launched.shim_pid); }));
}

TEST_P(RecoveryTest, ChecksEndWithTheirAgent) {
  LaunchSpec spec = Spec("exec sleep 1000");
  RecoverSpec recorded{spec, {}};
  int agent = ForkAgent([&] {
    std::ignore = Launch(spec);
    v1::CommandInfo check;
    check.set_value("echo $$ > check.new; mv check.new check; sleep 1000");
    std::ignore = Exec(spec.id, check, std::chrono::hours(1));
  });
  ASSERT_TRUE(Eventually([&] { return fs::exists(spec.sandbox + "/check"); }));
  const int check = std::stoi(Contents(spec.sandbox + "/check"));
  EXPECT_TRUE(IsAlive(check));
  KillAgent(agent);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(check); }));
  EXPECT_FALSE(Processes().empty());  // The task.
}

TEST_P(RecoveryTest, NestedContainersFollowTheirParent) {
  LaunchSpec parent = Spec("exec sleep 1000");
  LaunchSpec child = Spec("exec sleep 1000");
  child.id = ContainerId(parent.id.value() + "." + random_.Uuid());
  // Nested in an id that is not a container, like the tasks of a group.
  LaunchSpec of_group = Spec("exec sleep 1000");
  of_group.id = ContainerId(random_.Uuid() + "." + random_.Uuid());
  LaunchSpec orphan = Spec("exec sleep 1000");
  orphan.id = ContainerId(parent.id.value() + "." + random_.Uuid());
  std::vector<RecoverSpec> recorded = RunAgent({parent, child, of_group, orphan});
  recorded.pop_back();
  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running.size(), 3u);
  EXPECT_EQ(recovered.orphans, std::vector{orphan.id});
  Destroy(parent.id);
  EXPECT_EQ(EndSignal(Await(parent.id)), SIGKILL);
  EXPECT_EQ(EndSignal(Await(child.id)), SIGKILL);
  EXPECT_EQ(Processes(), std::set{recorded[2].launched.pid});
}

TEST_P(RecoveryTest, OnceAndBeforeAnythingElse) {
  LaunchSpec spec = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  Start(Isolation());
  std::promise<Result<Launched>> launched;
  loop_->Run([&] {
    containerizer_->Recover({}, [](const Result<Recovered>&) {});
    containerizer_->Launch(Spec("true"),
                           [&](Result<Launched> result) { launched.set_value(result); });
  });
  Result<Launched> early = launched.get_future().get();
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::kUnavailable);
  EXPECT_EQ(Recover(recorded).error().code, Code::kInvalid);

  Start(Isolation());
  RecoverSpec twice{Spec("true"), {}};
  EXPECT_EQ(Recover({twice, twice}).error().message,
            fmt::format("Container '{}' is claimed twice", twice.launch.id));
  Start(Isolation());
  EXPECT_EQ(ExitCode(Run(Spec("exit 5"))), 5);
  EXPECT_EQ(Recover({}).error().code, Code::kInvalid);
}

TEST_P(RecoveryTest, AgentsDoNotShareTheirContainers) {
  Start(Isolation());
  MesosContainerizer::Options options;
  options.isolation = Isolation();
  options.runtime_dir = RuntimeDir();
  auto second = MesosContainerizer::Create(options, [](auto) {}, fetcher_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find("Another agent has its containers"), std::string::npos);
}

// --- What cgroups add.

class CgroupRecoveryTest : public RecoveryTest {};

INSTANTIATE_TEST_SUITE_P(, CgroupRecoveryTest, testing::Values(Flavor{"cgroups", true}),
                         [](const auto& info) { return info.param.name; });

TEST_P(CgroupRecoveryTest, LimitsAreThoseOfTheRecord) {
  LaunchSpec spec = Spec("exec sleep 1000");
  spec.resources = *Resources::Parse("cpus:1;mem:64");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  // The update was recorded, but the agent died before it was applied.
  recorded[0].launch.resources = *Resources::Parse("cpus:2;mem:128");
  StartAndRecover(recorded);
  EXPECT_EQ(CgroupFile("cpu", spec.id, "cpu.shares"), "2048\n");
  EXPECT_EQ(CgroupFile("memory", spec.id, "memory.limit_in_bytes"), "134217728\n");
  loop_->Run([&] { containerizer_->Update(spec.id, *Resources::Parse("cpus:0.5;mem:256"), {}); });
  EXPECT_TRUE(Eventually([&] { return CgroupFile("cpu", spec.id, "cpu.shares") == "512\n"; }));
  EXPECT_TRUE(Eventually(
      [&] { return CgroupFile("memory", spec.id, "memory.limit_in_bytes") == "268435456\n"; }));
  // A check is in the task's cgroup.
  v1::CommandInfo check;
  check.set_value("cat /proc/self/cgroup");
  ASSERT_TRUE(Exec(spec.id, check, std::chrono::seconds(20)));
  EXPECT_NE(Contents(spec.sandbox + "/stderr")
                .find(fmt::format(":memory:/{}/{}\n", root_.name(), spec.id)),
            std::string::npos);
}

TEST_P(CgroupRecoveryTest, TheOomAlarmIsArmedAgain) {
  const char* hog =
      "while [ ! -e go ]; do sleep 0.01; done; head -c 200m /dev/zero | tail; echo over; sleep "
      "1000";
  LaunchSpec later = Spec(hog);
  LaunchSpec meanwhile = Spec(hog);
  LaunchSpec ended = Spec(std::string(hog) + " & wait; ");
  ended.command.set_value(
      "while [ ! -e go ]; do sleep 0.01; done; head -c 200m /dev/zero | tail; exit 3");
  std::vector<RecoverSpec> recorded = RunAgent({later, meanwhile, ended});
  WriteText(meanwhile.sandbox + "/go", "");
  WriteText(ended.sandbox + "/go", "");
  ASSERT_TRUE(Prints(meanwhile, "over"));
  ASSERT_TRUE(Eventually([&] { return !IsAlive(recorded[2].launched.shim_pid); }));

  Recovered recovered = StartAndRecover(recorded);
  EXPECT_EQ(recovered.running.size(), 2u);
  ASSERT_EQ(recovered.ended.size(), 1u);
  EXPECT_EQ(recovered.ended[0].termination.reason,
            v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(Await(meanwhile.id).reason, v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  WriteText(later.sandbox + "/go", "");
  Termination termination = Await(later.id);
  EXPECT_EQ(termination.reason, v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_NE(termination.message.find("of the 32MB allowed"), std::string::npos);
}

// The agent has lost its runtime directory. A cgroup that is not a container's stays.
TEST_P(CgroupRecoveryTest, CgroupsThatNobodyClaimsAreEmptied) {
  LaunchSpec spec = Spec("exec sleep 1000");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  fs::remove_all(RuntimeDir() + "/containers/" + spec.id.value());
  const std::string other = fmt::format("{}/memory/{}/somebodys", kHierarchy, root_.name());
  ASSERT_TRUE(fs::create_directory(other));
  EXPECT_EQ(StartAndRecover({}).orphans, std::vector{spec.id});
  EXPECT_EQ(Processes(), std::set<int>());
  EXPECT_EQ(CgroupFile("memory", spec.id, "tasks"), "");
  EXPECT_EQ(rmdir(other.c_str()), 0);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(recorded[0].launched.shim_pid); }));
}

TEST_P(CgroupRecoveryTest, ATaskOfTimesWithoutCgroupsGoesOnWithoutOne) {
  LaunchSpec spec = Spec("while [ ! -e go ]; do sleep 0.01; done; exit 2");
  std::vector<RecoverSpec> recorded = RunAgent({spec});
  // Moves the task as if it had been started with --isolation=posix/cpu.
  for (const char* controller : {"cpu", "cpuacct", "memory", "pids", "freezer"}) {
    const std::string root = fmt::format("{}/{}/{}", kHierarchy, controller, root_.name());
    WriteText(root + "/cgroup.procs", fmt::format("{}", recorded[0].launched.pid));
    ASSERT_TRUE(Eventually([&] { return rmdir((root + "/" + spec.id.value()).c_str()) == 0; }));
  }
  EXPECT_EQ(StartAndRecover(recorded).running, std::vector{spec.id});
  v1::CommandInfo check;
  check.set_value("exit 4");
  Result<ExecResult> checked = Exec(spec.id, check, std::chrono::seconds(20));
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(WEXITSTATUS(checked->status), 4);
  WriteText(spec.sandbox + "/go", "");
  EXPECT_EQ(ExitCode(Await(spec.id)), 2);
}

}  // namespace
}  // namespace tepui::containers
