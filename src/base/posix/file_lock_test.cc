// SPDX-License-Identifier: Apache-2.0
#include "base/posix/file_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/testing/temporary_directory.h"

namespace tepui {
namespace {

class FileLockTest : public testing::Test {
 protected:
  FileDescriptor Open() {
    return FileDescriptor(open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  TemporaryDirectory directory_;
};

TEST_F(FileLockTest, OneHolds) {
  FileDescriptor first = Open();
  ASSERT_TRUE(TakeLock(first));
  EXPECT_FALSE(TakeLock(Open()));
  EXPECT_EQ(errno, EWOULDBLOCK);
  {
    const FileDescriptor closed = std::move(first);
  }
  EXPECT_TRUE(TakeLock(Open()));
}

// The child of a killed agent holds the agent's locks for a moment.
TEST_F(FileLockTest, AHolderThatIsAboutToEndIsAwaited) {
  FileDescriptor first = Open();
  ASSERT_TRUE(TakeLock(first));
  std::thread ends([&first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // Most likely TakeLock has begun.
    first = FileDescriptor();
  });
  EXPECT_TRUE(TakeLock(Open()));
  ends.join();
}

}  // namespace
}  // namespace tepui
