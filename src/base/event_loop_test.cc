// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace tepui {
namespace {

TEST(EventLoop, WorkRunsInTheOrderOfEachPoster) {
  EventLoop loop("test");
  std::vector<std::vector<int>> seen(4);
  std::vector<std::thread> posters;
  for (size_t poster = 0; poster < seen.size(); ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < 1000; ++i) loop.Post([&, poster, i] { seen[poster].push_back(i); });
    });
  }
  for (auto& poster : posters) poster.join();
  loop.Run([] {});
  for (const auto& order : seen) {
    ASSERT_EQ(order.size(), 1000u);
    EXPECT_TRUE(std::ranges::is_sorted(order));
  }
}

TEST(EventLoop, RunWaitsAndRunsOnTheLoop) {
  EventLoop loop("test");
  bool on_loop = false;
  loop.Run([&] { on_loop = loop.OnLoopThread(); });
  EXPECT_TRUE(on_loop);
  EXPECT_FALSE(loop.OnLoopThread());
}

TEST(EventLoop, TimersWakeTheLoopAndCanBeCancelled) {
  EventLoop loop("test");
  std::promise<void> ran;
  std::atomic<bool> wrong = false;
  loop.Run([&] {
    const TimerId doomed = loop.After(Duration::zero(), [&] { wrong = true; });
    loop.After(std::chrono::milliseconds(1), [&] { ran.set_value(); });
    EXPECT_TRUE(loop.Cancel(doomed));
  });
  ran.get_future().wait();
  loop.Stop();
  EXPECT_FALSE(wrong);
}

// A loop that is never idle still runs its timers.
TEST(EventLoop, TimersRunUnderAFloodOfWork) {
  EventLoop loop("test");
  std::promise<void> ran;
  std::atomic<bool> stop = false;
  std::function<void()> flood = [&] {
    if (!stop) loop.Post([&] { flood(); });
  };
  loop.Run([&] {
    loop.After(std::chrono::milliseconds(1), [&] { ran.set_value(); });
    flood();
  });
  ran.get_future().wait();
  stop = true;
  loop.Stop();  // The work in its queue refers to variables declared after it.
}

TEST(EventLoop, StopDestroysWhatWaits) {
  auto token = std::make_shared<int>();
  EventLoop loop("test");
  std::promise<void> entered, release;
  loop.Post([&, held = release.get_future().share()] {
    entered.set_value();
    held.wait();
  });
  entered.get_future().wait();
  loop.Post([token] { ADD_FAILURE() << "ran after Stop"; });
  std::thread stopper([&] { loop.Stop(); });
  while (true) {
    // Once Stop has begun, posted work is destroyed at once; that is how the test notices it.
    auto probe = std::make_shared<int>();
    loop.Post([probe] {});
    if (probe.use_count() == 1) break;
    std::this_thread::yield();
  }
  release.set_value();
  stopper.join();
  EXPECT_EQ(token.use_count(), 1);
  loop.Post([token] {});
  EXPECT_EQ(token.use_count(), 1);
  loop.Run([] {});  // Returns without running the work.
}

}  // namespace
}  // namespace tepui
