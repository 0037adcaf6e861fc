// SPDX-License-Identifier: Apache-2.0
#include "master/view/publisher.h"

#include <gtest/gtest.h>

#include "base/virtual_clock.h"

namespace tepui::master {
namespace {

using std::chrono::milliseconds;

// A clock by which publishing takes time.
class BusyClock final : public Clock {
 public:
  MonotonicTime Now() const override { return clock.Now() + spent; }
  WallTime WallNow() const override { return clock.WallNow(); }
  TimerId After(Duration delay, std::move_only_function<void()> callback) override {
    return clock.After(delay, std::move(callback));
  }
  bool Cancel(TimerId timer) override { return clock.Cancel(timer); }

  VirtualClock clock;
  Duration spent{};
};

class PublisherTest : public testing::Test, public ReadModelSink {
 protected:
  PublisherTest() {
    agent_.id = AgentId("S1");
    clock_.clock.Settle();
    publications_ = 0;
  }
  void Publish(Changes changes) override {
    ++publications_;
    clock_.spent += cost_;
    model_.Apply(std::move(changes));
  }
  // What the reader sees of the agent when it is told that all is published; empty until then.
  std::shared_ptr<std::string> Read() {
    auto seen = std::make_shared<std::string>();
    publisher_.WhenPublished([this, seen] {
      const auto agent = model_.agents().find(agent_.id);
      *seen = agent == model_.agents().end() ? "no agent" : agent->second->version;
    });
    return seen;
  }
  void Hold(const std::string& what) {
    agent_.version = what;
    publisher_.AgentTouched(agent_);
  }

  BusyClock clock_;
  ReadModel model_;
  int publications_ = 0;
  Duration cost_{};
  Agent agent_{clock_};
  Publisher publisher_{clock_, *this, std::chrono::hours(1), [](const Gauges&, Metrics*) {}};
};

TEST_F(PublisherTest, AReaderWaitsForWhatIsHeld) {
  EXPECT_EQ(*Read(), "no agent") << "nothing waits";
  Hold("one");
  clock_.clock.Settle();
  Hold("two");
  clock_.clock.Settle();
  EXPECT_EQ(publications_, 1) << "the next is not due";
  publisher_.AgentChanged(agent_);
  Hold("three");
  const auto seen = Read();
  EXPECT_EQ(*seen, "");
  clock_.clock.Settle();
  EXPECT_EQ(*seen, "three") << "the reader does not wait until it is due";
}

TEST_F(PublisherTest, ReadersDoNotPublishMoreThanTheirShare) {
  cost_ = milliseconds(5);
  Hold("one");
  clock_.clock.Settle();
  int answered = 0;
  for (int i = 0; i < 2000; ++i) {
    Hold("more");
    publisher_.WhenPublished([&] { ++answered; });
    clock_.clock.Advance(milliseconds(1));
  }
  EXPECT_LE(publications_, 21);
  EXPECT_GE(answered, 1900);
}

}  // namespace
}  // namespace tepui::master
