// SPDX-License-Identifier: Apache-2.0
#include "shim/launch.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "shim/decode.h"
#include "shim/shim_image.h"
#include "shim/start_ticks.h"

namespace tepui::shim {
namespace {

Launch Example() {
  Launch launch;
  launch.user = Launch::User{.uid = 7, .gid = 8, .groups = {8, 9, 10}};
  launch.effective_capabilities = 1ull << 40;
  launch.rlimits = {{.resource = 7, .reserved = 0, .soft = 100, .hard = ~0ull}};
  launch.directory = "/sandbox";
  launch.stdout_path = "stdout";
  launch.stderr_path = "stderr";
  launch.cgroups = {"/a/tasks", "/b/tasks"};
  launch.shim_cgroups = {"/shims/tasks"};
  launch.program = "sh";
  launch.arguments = {"sh", "-c", ""};
  launch.environment = {"A=1"};
  return launch;
}

// An encoded description in a shim's memory layout; sanitizers check its bounds.
class Received {
 public:
  explicit Received(const std::string& bytes) {
    if (bytes.size() < sizeof(header)) return;
    std::memcpy(&header, bytes.data(), sizeof(header));
    body.resize((bytes.size() - sizeof(header) + 7) / 8);
    std::memcpy(body.data(), bytes.data() + sizeof(header), bytes.size() - sizeof(header));
  }

  bool Decode(LaunchView* view) {
    if (!CheckHeader(header) || header.body_bytes > body.size() * 8) return false;
    slots.resize(SlotsNeeded(header));
    return shim::Decode(header, reinterpret_cast<const char*>(body.data()), slots.data(), view);
  }

  LaunchHeader header = {};
  std::vector<uint64_t> body;
  std::vector<const char*> slots;
};

TEST(LaunchTest, DecodesWhatWasEncoded) {
  std::optional<std::string> bytes = Encode(Example());
  ASSERT_TRUE(bytes);
  Received received(*bytes);
  LaunchView view;
  ASSERT_TRUE(received.Decode(&view));
  EXPECT_EQ(view.header->flags, kSwitchUser | kSetEffective);
  EXPECT_EQ(view.header->uid, 7u);
  EXPECT_EQ(view.header->effective, 1ull << 40);
  EXPECT_EQ(view.groups[2], 10u);
  EXPECT_EQ(view.rlimits[0].soft, 100u);
  EXPECT_STREQ(view.directory, "/sandbox");
  EXPECT_STREQ(view.stderr_path, "stderr");
  EXPECT_STREQ(view.status_file, "");
  EXPECT_STREQ(view.shim_cgroups[0], "/shims/tasks");
  EXPECT_STREQ(view.cgroups[1], "/b/tasks");
  EXPECT_STREQ(view.program, "sh");
  EXPECT_STREQ(view.arguments[2], "");
  EXPECT_EQ(view.arguments[3], nullptr);
  EXPECT_STREQ(view.environment[0], "A=1");
  EXPECT_EQ(view.environment[1], nullptr);
}

TEST(LaunchTest, RefusesWhatBreaksTheBounds) {
  Launch nul = Example();
  nul.arguments[1] = std::string("a\0b", 3);
  EXPECT_FALSE(Encode(nul));

  Launch long_variable = Example();
  long_variable.environment.push_back(std::string(kMaxBodyBytes, 'x'));
  EXPECT_FALSE(Encode(long_variable));

  Launch limits = Example();
  limits.rlimits.resize(kMaxRlimits + 1);
  EXPECT_FALSE(Encode(limits));
}

TEST(LaunchTest, AnotherVersionIsNotDecoded) {
  std::optional<std::string> bytes = Encode(Example());
  ASSERT_TRUE(bytes);
  Received received(*bytes);
  received.header.version = kVersion + 1;
  LaunchView view;
  EXPECT_FALSE(received.Decode(&view));
}

TEST(LaunchTest, CountsThatTheBodyDoesNotHoldAreRefused) {
  std::optional<std::string> bytes = Encode(Example());
  ASSERT_TRUE(bytes);
  LaunchView view;
  for (uint32_t LaunchHeader::* count :
       {&LaunchHeader::group_count, &LaunchHeader::rlimit_count, &LaunchHeader::cgroup_count,
        &LaunchHeader::argument_count, &LaunchHeader::variable_count}) {
    for (uint32_t value : {1000u, ~0u}) {
      Received received(*bytes);
      received.header.*count = value;
      EXPECT_FALSE(received.Decode(&view)) << value;
    }
  }
  Received shortened(*bytes);
  shortened.header.body_bytes -= 1;
  EXPECT_FALSE(shortened.Decode(&view));
}

TEST(LaunchTest, DamagedBytesAreNeverReadOutOfBounds) {
  std::mt19937 random(1);
  std::string bytes = *Encode(Example());
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    Received received(damaged);
    LaunchView view;
    if (!received.Decode(&view)) continue;
    // Every string of an accepted description can be read to its end.
    size_t length = std::strlen(view.directory) + std::strlen(view.program);
    for (const char** argument = view.arguments; *argument != nullptr; ++argument) {
      length += std::strlen(*argument);
    }
    EXPECT_LE(length, received.header.body_bytes);
  }
}

TEST(StartTicksTest, TellProcessesFromEachOther) {
  const uint64_t own = StartTicks(getpid());
  EXPECT_GT(own, 0u);
  EXPECT_GE(own, StartTicks(getppid()));
  // The longest possible name, which imitates the fields after it.
  char name[16] = {};
  ASSERT_EQ(prctl(PR_GET_NAME, name), 0);
  ASSERT_EQ(prctl(PR_SET_NAME, ") S 1 2 3 (4) 5"), 0);
  EXPECT_EQ(StartTicks(getpid()), own);
  ASSERT_EQ(prctl(PR_SET_NAME, name), 0);
  // The child has ended but is not reaped: it still has its pid, and its start.
  pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t ended = {};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_GE(StartTicks(child), own);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(StartTicks(child), 0u);
}

TEST(ShimImageTest, IsAStaticExecutable) {
  std::span<const std::byte> image = ShimImage();
  ASSERT_GT(image.size(), 4096u);
  EXPECT_LT(image.size(), 2u << 20);
  EXPECT_EQ(std::memcmp(image.data(), "\177ELF", 4), 0);
  // No interpreter: nothing outside the image is needed to run it.
  std::string_view bytes(reinterpret_cast<const char*>(image.data()), image.size());
  EXPECT_EQ(bytes.find("/lib64/ld-linux"), std::string_view::npos);
}

}  // namespace
}  // namespace tepui::shim
