// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

namespace tepui {
namespace {

TEST(ThreadTest, Runs) {
  bool ran = false;
  StartThread("test", [&] { ran = true; }).join();
  EXPECT_TRUE(ran);
}

TEST(ThreadTest, ARefusedThreadEndsTheProcessWithASentence) {
  // No machine has a stack of this size.
  const auto start = [] {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size_t{1} << 46);
    pthread_setattr_default_np(&attributes);
    StartThread("encoder", [] {}).join();
  };
  EXPECT_EXIT(start(), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace tepui
