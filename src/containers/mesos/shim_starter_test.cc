// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/shim_starter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "shim/protocol.h"

namespace tepui::containers {
namespace {

struct Pair {
  FileDescriptor ours;
  FileDescriptor shims;
};

Pair MakePair() {
  int pair[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  return {FileDescriptor(pair[0]), FileDescriptor(pair[1])};
}

ino_t InodeOf(int fd) {
  struct stat about = {};
  return fstat(fd, &about) == 0 ? about.st_ino : 0;
}

void End(const ShimStarter::Started& started) {
  kill(started.pid, SIGKILL);
  EXPECT_EQ(waitpid(started.pid, nullptr, 0), started.pid);
}

// The new process puts its socket at a fixed number in its own table, not in the parent's.
TEST(ShimStarterTest, TheAgentsDescriptorsStayAsTheyAre) {
  auto starter = ShimStarter::Create(1);
  ASSERT_TRUE(starter) << starter.error().message;
  Pair pair = MakePair();
  ino_t before = InodeOf(shim::kControlFd);
  auto started = (*starter)->Start(pair.shims.get(), -1, "test");
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(InodeOf(shim::kControlFd), before);
  EXPECT_NE(InodeOf(pair.shims.get()), 0u);
  EXPECT_NE(InodeOf(started->pidfd.get()), 0u);
  End(*started);
}

// No descriptor may keep the socket open after a start, or the agent would not notice the shim's
// end, nor the shim the agent's.
TEST(ShimStarterTest, TheSocketIsTheShimsAlone) {
  auto starter = ShimStarter::Create(2);
  ASSERT_TRUE(starter) << starter.error().message;
  Pair pair = MakePair();
  auto started = (*starter)->Start(pair.shims.get(), -1, "test");
  ASSERT_TRUE(started) << started.error().message;
  pair.shims = FileDescriptor();
  End(*started);
  pollfd end = {pair.ours.get(), POLLIN, 0};
  ASSERT_EQ(poll(&end, 1, 10'000), 1);
  char byte;
  EXPECT_EQ(recv(pair.ours.get(), &byte, 1, 0), 0);
}

// There are more threads than places, each with a socket far above them; each shim must answer on
// its own socket.
TEST(ShimStarterTest, ManyAtOnce) {
  auto starter = ShimStarter::Create(2);
  ASSERT_TRUE(starter) << starter.error().message;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&starter] {
      for (int round = 0; round < 5; ++round) {
        Pair pair = MakePair();
        int far = fcntl(pair.shims.get(), F_DUPFD_CLOEXEC, 300);
        auto started = (*starter)->Start(far, -1, "test");
        close(far);
        ASSERT_TRUE(started) << started.error().message;
        // The shim refuses this header: it answers, then exits.
        shim::LaunchHeader header = {};
        ASSERT_EQ(send(pair.ours.get(), &header, sizeof(header), MSG_NOSIGNAL),
                  static_cast<ssize_t>(sizeof(header)));
        shim::Event event = {};
        ASSERT_EQ(recv(pair.ours.get(), &event, sizeof(event), MSG_WAITALL),
                  static_cast<ssize_t>(sizeof(event)));
        EXPECT_EQ(event.type, shim::Event::kFailed);
        EXPECT_EQ(waitpid(started->pid, nullptr, 0), started->pid);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tepui::containers
