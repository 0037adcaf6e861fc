// SPDX-License-Identifier: Apache-2.0
// Shims whose agent is gone, and the agents that come after it.

#include "containers/mesos/shim_process.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <deque>

#include "containers/mesos/containerizer_fixture.h"
#include "shim/start_ticks.h"

namespace tepui::containers {
namespace {

using Answer = ShimProcess::Attached::Answer;

constexpr Duration kPatience = std::chrono::seconds(10);

class ShimProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    auto starter = ShimStarter::Create(1);
    ASSERT_TRUE(starter) << starter.error().message;
    starter_ = std::move(*starter);
    auto runtime = RuntimeDirectory::Open(directory_.path());
    ASSERT_TRUE(runtime) << runtime.error().message;
    runtime_ = std::move(*runtime);
  }

  void TearDown() override {
    poller_.Stop();
    if (shim_pid_ == 0) return;
    kill(shim_pid_, SIGKILL);
    while (waitpid(shim_pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }

  // Starts a shim with a task of this shell command, without an agent.
  void LeaveShim(const std::string& command) {
    Result<FileDescriptor> listener = runtime_->Create(id_);
    ASSERT_TRUE(listener) << listener.error().message;
    shim::Launch launch;
    launch.directory = directory_.path();
    launch.stdout_path = "stdout";
    launch.stderr_path = "stderr";
    launch.status_file = runtime_->StatusFile(id_);
    launch.program = "/bin/sh";
    launch.arguments = {"sh", "-c", command};
    auto shim = ShimProcess::Start(*starter_, "test", launch, *listener);
    ASSERT_TRUE(shim) << shim.error().message;
    shim_pid_ = (*shim)->pid();
  }

  // Returns the shim's answer to an agent of these versions; nothing if the shim hangs up.
  std::optional<shim::Welcome> SendHello(const FileDescriptor& connection, uint32_t oldest,
                                         uint32_t newest) {
    shim::Hello hello = {shim::kMagic, oldest, newest, 0};
    EXPECT_EQ(send(connection.get(), &hello, sizeof(hello), MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof(hello)));
    shim::Welcome welcome = {};
    ssize_t size = recv(connection.get(), &welcome, sizeof(welcome), MSG_WAITALL);
    return size == sizeof(welcome) ? std::optional(welcome) : std::nullopt;
  }

  FileDescriptor Connect() {
    Result<FileDescriptor> connection = runtime_->Connect(id_, kPatience);
    EXPECT_TRUE(connection) << connection.error().message;
    return connection ? std::move(*connection) : FileDescriptor();
  }

  static bool IsAtEnd(const FileDescriptor& connection) {
    char byte;
    return recv(connection.get(), &byte, 1, 0) == 0;
  }

  std::string Out() { return Contents(directory_.path() + "/stdout"); }

  TemporaryDirectory directory_;
  const ContainerId id_{"c"};
  std::unique_ptr<ShimStarter> starter_;
  std::unique_ptr<RuntimeDirectory> runtime_;
  Poller poller_{"test"};
  int shim_pid_ = 0;
};

TEST_F(ShimProcessTest, ALaterAgentIsInControl) {
  LeaveShim("trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done");
  auto attached = ShimProcess::Attach(*runtime_, id_, kPatience);
  ASSERT_TRUE(attached) << attached.error().message;
  EXPECT_EQ(attached->answer, Answer::kWelcome);
  EXPECT_EQ(attached->shim->pid(), shim_pid_);
  EXPECT_EQ(attached->shim->start_ticks(), shim::StartTicks(shim_pid_));
  EXPECT_EQ(attached->welcome.task_start_ticks, shim::StartTicks(attached->welcome.task_pid));
  std::promise<int> status;
  std::promise<void> gone;
  attached->shim->Observe(poller_, {[&](const shim::Event& event) {
                                      if (event.type == shim::Event::kExited) {
                                        status.set_value(event.status);
                                      }
                                    },
                                    [&] { gone.set_value(); }});
  ASSERT_TRUE(Eventually([&] { return Out() == "ready\n"; }));
  attached->shim->Signal(SIGUSR1);
  EXPECT_EQ(WEXITSTATUS(status.get_future().get()), 3);
  gone.get_future().wait();
  EXPECT_EQ(WEXITSTATUS(runtime_->ReadStatus(id_)->status), 3);
  EXPECT_EQ(ShimProcess::Attach(*runtime_, id_, kPatience).error().code, Code::kNotFound);
  shim_pid_ = 0;
}

TEST_F(ShimProcessTest, TheLastClientThatSentHelloIsInControl) {
  LeaveShim("trap 'echo got it' USR1; echo ready; while :; do sleep 0.01; done");
  auto first = ShimProcess::Attach(*runtime_, id_, kPatience);
  ASSERT_TRUE(first);
  std::promise<void> replaced;
  first->shim->Observe(poller_, {[&](const shim::Event& event) {
                                   if (event.type == shim::Event::kReplaced) replaced.set_value();
                                 },
                                 [] {}});
  // A peer that connects and sends nothing or nonsense does not affect the agent in control.
  FileDescriptor silent = Connect();
  FileDescriptor babbler = Connect();
  EXPECT_EQ(send(babbler.get(), "0123456789abcdef", 16, MSG_NOSIGNAL), 16);
  EXPECT_TRUE(IsAtEnd(babbler));
  ASSERT_TRUE(Eventually([&] { return Out() == "ready\n"; }));
  first->shim->Signal(SIGUSR1);
  ASSERT_TRUE(Eventually([&] { return Out() == "ready\ngot it\n"; }));

  auto second = ShimProcess::Attach(*runtime_, id_, kPatience);
  ASSERT_TRUE(second);
  replaced.get_future().wait();
  first->shim->Kill();  // Is ignored.
  second->shim->Signal(SIGUSR1);
  EXPECT_TRUE(Eventually([&] { return Out() == "ready\ngot it\ngot it\n"; }));
  EXPECT_TRUE(IsAlive(second->welcome.task_pid));
}

// After an upgrade the shim is older. It chooses the highest version that both know.
TEST_F(ShimProcessTest, ANewerAgentControlsAnOlderShim) {
  LeaveShim("exec sleep 1000");
  std::optional<shim::Welcome> welcome = SendHello(Connect(), shim::kOldestVersion, 1000);
  ASSERT_TRUE(welcome);
  EXPECT_EQ(welcome->version, shim::kVersion);
  EXPECT_EQ(welcome->oldest, shim::kOldestVersion);
  EXPECT_EQ(welcome->newest, shim::kVersion);
}

TEST_F(ShimProcessTest, WithoutACommonVersionNothingChanges) {
  LeaveShim("trap 'echo got it' USR1; echo ready; while :; do sleep 0.01; done");
  auto attached = ShimProcess::Attach(*runtime_, id_, kPatience);
  ASSERT_TRUE(attached);
  for (uint32_t version : {0u, shim::kVersion + 1}) {
    FileDescriptor connection = Connect();
    std::optional<shim::Welcome> welcome = SendHello(connection, version, version);
    ASSERT_TRUE(welcome);
    EXPECT_EQ(welcome->version, 0u);
    EXPECT_EQ(welcome->shim_pid, shim_pid_);
    EXPECT_TRUE(IsAtEnd(connection));
  }
  ASSERT_TRUE(Eventually([&] { return Out() == "ready\n"; }));
  attached->shim->Signal(SIGUSR1);
  EXPECT_TRUE(Eventually([&] { return Out() == "ready\ngot it\n"; }));
}

// An older agent finds a newer shim, which this process plays.
TEST_F(ShimProcessTest, AnOlderAgentRefusesANewerShim) {
  Result<FileDescriptor> listener = runtime_->Create(id_);
  ASSERT_TRUE(listener);
  std::thread newer_shim([&] {
    FileDescriptor connection(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    shim::Hello hello = {};
    EXPECT_EQ(recv(connection.get(), &hello, sizeof(hello), MSG_WAITALL),
              static_cast<ssize_t>(sizeof(hello)));
    shim::Welcome welcome = {shim::kMagic, 0, 7, 9, getpid(), 1, 1};
    send(connection.get(), &welcome, sizeof(welcome), MSG_NOSIGNAL);
  });
  auto attached = ShimProcess::Attach(*runtime_, id_, kPatience);
  newer_shim.join();
  ASSERT_TRUE(attached) << attached.error().message;
  EXPECT_EQ(attached->answer, Answer::kOtherVersion);
  EXPECT_EQ(attached->welcome.oldest, 7u);
  EXPECT_EQ(attached->welcome.newest, 9u);
}

// No process accepts: the one that listens is not a shim and must not be killed like one.
TEST_F(ShimProcessTest, AnotherListenerIsNotMistakenForAShim) {
  Result<FileDescriptor> listener = runtime_->Create(id_);
  ASSERT_TRUE(listener);
  auto attached = ShimProcess::Attach(*runtime_, id_, std::chrono::milliseconds(50));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Code::kUnavailable);
}

TEST_F(ShimProcessTest, OthersCannotReachTheSocket) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  LeaveShim("exec sleep 1000");
  const std::string containers = directory_.path() + "/containers";
  const std::string socket_path = containers + "/c/socket";
  struct stat about;
  for (const std::string& path : {containers, containers + "/c"}) {
    ASSERT_EQ(stat(path.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777, 0700u);
    EXPECT_EQ(about.st_uid, 0u);
  }
  ASSERT_EQ(stat(socket_path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);

  // Returns what kept the user from taking control: 1 the path, 2 the shim, 0 nothing.
  auto attack = [&] {
    pid_t pid = fork();
    if (pid != 0) {
      int status = 0;
      EXPECT_EQ(waitpid(pid, &status, 0), pid);
      return WEXITSTATUS(status);
    }
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(99);
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) _exit(1);
    shim::Hello hello = {shim::kMagic, 1, shim::kVersion, 0};
    shim::Welcome welcome;
    if (send(connection, &hello, sizeof(hello), MSG_NOSIGNAL) < 0) _exit(2);
    _exit(recv(connection, &welcome, sizeof(welcome), MSG_WAITALL) > 0 ? 0 : 2);
  };
  EXPECT_EQ(attack(), 1);
  // Opens all permissions.
  chmod(containers.c_str(), 0755);
  chmod((containers + "/c").c_str(), 0755);
  chmod(socket_path.c_str(), 0777);
  EXPECT_EQ(attack(), 2);
  EXPECT_TRUE(SendHello(Connect(), shim::kOldestVersion, shim::kVersion)) << "and root is served";
}

// --- RuntimeDirectory alone.

class RuntimeDirectoryTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
};

TEST_F(RuntimeDirectoryTest, LongPathsAndIdsHaveSockets) {
  std::string deep = directory_.path();
  for (int i = 0; i < 5; ++i) deep += "/" + std::string(50, 'd');
  auto runtime = RuntimeDirectory::Open(deep);
  ASSERT_TRUE(runtime) << runtime.error().message;
  const ContainerId id(std::string(242, 'x'));
  Result<FileDescriptor> listener = (*runtime)->Create(id);
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_TRUE((*runtime)->Connect(id, kPatience));
  EXPECT_EQ((*runtime)->Create(id).error().code, Code::kConflict);
  *listener = FileDescriptor();
  EXPECT_EQ((*runtime)->Connect(id, kPatience).error().code, Code::kNotFound);
  EXPECT_EQ(*(*runtime)->List(), std::vector{id});
  EXPECT_TRUE((*runtime)->Remove(id));
  EXPECT_TRUE((*runtime)->Remove(id));
  EXPECT_TRUE((*runtime)->List()->empty());
}

TEST_F(RuntimeDirectoryTest, BelongsToTheAgentsUserAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  const std::string containers = directory_.path() + "/containers";
  ASSERT_EQ(mkdir(containers.c_str(), 0777), 0);
  ASSERT_EQ(chown(containers.c_str(), 65534, 65534), 0);
  auto runtime = RuntimeDirectory::Open(directory_.path());
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::kInvalid);
  ASSERT_EQ(chown(containers.c_str(), 0, 0), 0);
  ASSERT_TRUE(RuntimeDirectory::Open(directory_.path()));
  struct stat about;
  ASSERT_EQ(stat(containers.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0700u);
  // A link could point anywhere.
  ASSERT_EQ(rmdir(containers.c_str()), 0);
  ASSERT_EQ(symlink("/tmp", containers.c_str()), 0);
  EXPECT_FALSE(RuntimeDirectory::Open(directory_.path()));
}

}  // namespace
}  // namespace tepui::containers
