// SPDX-License-Identifier: Apache-2.0
// Kills an agent repeatedly, at any point between two steps. No volume may show the data of another
// or lose its own, and nothing may be left of destroyed volumes.

#include <gmock/gmock.h>

#include "agent/checkpoint/lossy_store.h"
#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

// Creates, writes, destroys and creates volumes again in the same places: two on the agent's disk,
// and one that is a whole disk. Each volume has a number that identifies it and its data.
class VolumeCrashTest : public AgentTest, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr char kMount[] = "/mnt/d1";

  VolumeCrashTest() : chance(static_cast<uint64_t>(GetParam())) {
    for (const bool whole : {false, true}) *options.info.add_resources() = Disk(whole);
    disk.slow = true;
    disk.before_move = disk.after_move = [this] {
      if (chance.Below(4) == 0) Die();
    };
  }

  static v1::Resource Disk(bool whole) {
    v1::Resource resource;
    resource.set_name("disk");
    resource.set_type(v1::Value::SCALAR);
    resource.mutable_scalar()->set_value(100'000);
    auto* reservation = resource.add_reservations();
    reservation->set_type(v1::Resource::ReservationInfo::STATIC);
    reservation->set_role("web");
    if (whole) {
      auto* source = resource.mutable_disk()->mutable_source();
      source->set_type(v1::Resource::DiskInfo::Source::MOUNT);
      source->mutable_mount()->set_root(kMount);
    }
    return resource;
  }
  static v1::Resource Volume(const std::string& path, int number) {
    v1::Resource volume = Disk(path == kMount);
    if (path != kMount) volume.mutable_scalar()->set_value(number);
    volume.mutable_disk()->mutable_persistence()->set_id(
        path == kMount ? fmt::format("{}", number) : path.substr(path.rfind('/') + 1));
    volume.mutable_disk()->mutable_volume()->set_container_path("data");
    volume.mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
    return volume;
  }
  static std::string DataOf(int number) { return fmt::format("of {}", number); }

  // Kills the agent in the middle of its present step: nothing that follows has an effect.
  void Die() {
    if (std::exchange(dying_, true)) return;
    store_->Stop();
    sent_ = links.calls.size();
    disk.move_error = Error{Code::kInternal, "killed"};
  }
  void Crash() {
    if (!dying_) Die();
    while (dying_) {
      links.calls.resize(sent_);
      EndAgent();
      disk.removals.clear();
      disk.move_error.reset();
      dying_ = false;
      store_ = std::make_unique<LossyStore>(clock, chance, saved_);
      agent = std::make_unique<Agent>(
          options, Agent::Parts{clock, random, links, containerizer, prober, disk, *store_},
          [this](Status status) { exits.push_back(status); });
      links.subscriptions.clear();
      agent->Recover();
      agent->OnMasterDetected();
      AwaitSubscription();
    }
  }
  void AwaitSubscription() {
    for (int i = 0; i < 1000 && links.subscriptions.empty() && !dying_; ++i) {
      clock.Advance(std::chrono::milliseconds(10));
    }
    if (dying_) return;
    ASSERT_FALSE(links.subscriptions.empty());
    // The subscription is the truth for a master, whatever the master considered done.
    std::map<std::string, int> there;
    for (const v1::Resource& resource : links.subscriptions.back().checkpointed_resources()) {
      const bool whole = resource.disk().has_source();
      const std::string& id = resource.disk().persistence().id();
      there[whole ? kMount : "/w/volumes/roles/web/" + id] =
          whole ? std::stoi(id) : static_cast<int>(resource.scalar().value());
    }
    for (const int number : told_) {
      if (asked_to_go_.contains(number)) continue;
      EXPECT_TRUE(std::ranges::any_of(there, [&](const auto& v) { return v.second == number; }))
          << "volume " << number << " was told and is not there";
    }
    for (const int number : gone_) {
      EXPECT_FALSE(std::ranges::any_of(there, [&](const auto& v) { return v.second == number; }))
          << "volume " << number << " was told to be gone and is there";
    }
    volumes_ = there;
    for (const auto& [path, number] : there) told_.insert(number);
    disconnects_ = links.disconnects;
    Subscribed();
  }
  void Reconnect() {
    links.subscriptions.clear();
    agent->OnMasterDisconnected("reset");
    AwaitSubscription();
  }

  void Apply(v1::Offer::Operation::Type type, const std::string& path, int number) {
    link::Event event;
    event.set_type(link::Event::APPLY_OPERATION);
    auto* apply = event.mutable_apply_operation();
    apply->mutable_info()->set_type(type);
    if (type == v1::Offer::Operation::CREATE) {
      apply->set_operation_uuid(fmt::format("+{}", number));
      *apply->mutable_info()->mutable_create()->add_volumes() = Volume(path, number);
      volumes_[path] = number;
    } else {
      apply->set_operation_uuid(fmt::format("-{}", number));
      *apply->mutable_info()->mutable_destroy()->add_volumes() = Volume(path, number);
      volumes_.erase(path);
      asked_to_go_.insert(number);
    }
    agent->OnMasterEvent(event);
  }
  // Records the outcomes that the master receives.
  void Hear() {
    for (; heard_ < std::min(links.calls.size(), dying_ ? sent_ : links.calls.size()); ++heard_) {
      if (links.calls[heard_].type() != link::Call::OPERATION_UPDATE) continue;
      const auto& update = links.calls[heard_].operation_update();
      const int number = std::stoi(update.operation_uuid().substr(1));
      if (update.status().state() != v1::OPERATION_FINISHED) {
        EXPECT_THAT(update.status().message(), testing::HasSubstr("of a destroyed volume"));
      } else if (update.operation_uuid().front() == '+') {
        told_.insert(number);
      } else {
        gone_.insert(number);
      }
    }
  }
  void Check() {
    for (const auto& [path, number] : volumes_) {
      if (!told_.contains(number)) continue;
      const auto found = disk.data.find(path);
      if (written_.contains(number)) {
        ASSERT_NE(found, disk.data.end()) << path << " lost the data of " << number;
      }
      if (found != disk.data.end()) {
        ASSERT_EQ(found->second, DataOf(number)) << path;
      }
    }
  }

  void Step() {
    const std::string path = std::vector<std::string>{
        "/w/volumes/roles/web/a", "/w/volumes/roles/web/b", kMount}[chance.Below(3)];
    const auto there = volumes_.find(path);
    switch (chance.Below(10)) {
      case 0:
      case 1:
      case 2:
        if (there == volumes_.end()) {
          Apply(v1::Offer::Operation::CREATE, path, ++last_);
        } else {
          Apply(v1::Offer::Operation::DESTROY, path, there->second);
        }
        break;
      case 3:
      case 4:
        if (there != volumes_.end() && told_.contains(there->second)) {
          disk.data[path] = DataOf(there->second);
          written_.insert(there->second);
        }
        break;
      case 5:
        disk.FinishRemovals();
        break;
      case 6:
        if (chance.Below(2) == 0) {
          Crash();
        } else {
          Reconnect();
        }
        break;
      default:
        clock.Advance(std::chrono::microseconds(chance.Below(3'000)));
    }
    Hear();
    if (dying_) Crash();
    // The agent has disconnected if an operation that the master considered done has failed.
    if (links.disconnects != disconnects_) Reconnect();
    while (dying_) Crash();
    Hear();
  }

  SeededRandom chance;
  std::map<std::string, std::string> saved_;
  std::unique_ptr<LossyStore> store_;
  bool dying_ = true;  // The agent was killed, or there is none yet.
  size_t sent_ = 0;    // The number of calls that were sent before it was killed.
  size_t heard_ = 0;
  int disconnects_ = 0;
  int last_ = 0;
  std::map<std::string, int> volumes_;  // The volumes that exist for the master.
  std::set<int> told_;                  // Volumes that were reported as created.
  std::set<int> gone_;                  // Volumes that were reported as destroyed.
  std::set<int> asked_to_go_;
  std::set<int> written_;
};

TEST_P(VolumeCrashTest, NoVolumeShowsTheDataOfAnother) {
  Crash();
  for (int i = 0; i < 400 && !HasFatalFailure(); ++i) {
    Step();
    Check();
  }
  ASSERT_TRUE(exits.empty()) << exits.back().error().message;

  // From here on nothing fails.
  disk.before_move = disk.after_move = nullptr;
  for (int i = 0; i < 5; ++i) {
    Pass(seconds(10));
    disk.FinishRemovals();
    Hear();
    // The agent has disconnected if an operation that the master considered done has failed.
    if (links.disconnects != disconnects_) Reconnect();
    for (const auto& [path, number] : std::map(volumes_)) {
      Apply(v1::Offer::Operation::DESTROY, path, number);
    }
  }
  Pass(seconds(1));
  Hear();
  EXPECT_THAT(disk.data, testing::IsEmpty());
  EXPECT_GT(gone_.size(), 3u);
  std::vector<std::string> keys;
  for (const auto& [key, value] : saved_) keys.push_back(key);
  EXPECT_THAT(keys, testing::ElementsAre("agent", "resources"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, VolumeCrashTest, ::testing::Range(1, 200));

}  // namespace
}  // namespace tepui::agent
