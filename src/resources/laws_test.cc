// SPDX-License-Identifier: Apache-2.0
// Checks the laws of the algebra with random resources of every kind (reference 2.11).
#include <gtest/gtest.h>

#include "base/random.h"
#include "resources/make_resources.h"

namespace tepui {
namespace {

constexpr int kRounds = 3000;

// Draws few names, roles, disks and sizes, so that two draws often have some in common.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  // `lane` keeps ranges and sets of different lanes disjoint: they form a union where scalars are
  // summed.
  Resources Draw(int lane = 0) {
    Resources out;
    for (uint64_t i = random_.Below(7); i > 0; --i) out += DrawOne(lane);
    return out;
  }

  Resource DrawOne(int lane) {
    Resource resource = DrawValue(lane);
    if (random_.Below(3) == 0) resource.Allocate(random_.Below(2) == 0 ? "a" : "b");
    return resource;
  }

  uint64_t Below(uint64_t bound) { return random_.Below(bound); }

  // Returns a part of `whole`, such as a task might take.
  Resources Part(const Resources& whole) {
    Resources out;
    for (const Resource& entry : whole) {
      if (random_.Below(2) == 0) continue;
      const bool divide = entry.is_scalar() && !entry.is_indivisible();
      if (divide) {
        out += entry.WithScalar(Amount::FromMilli(static_cast<int64_t>(
            random_.Below(static_cast<uint64_t>(entry.scalar().milli()) + 1))));
      } else {
        out += entry;
      }
    }
    return out;
  }

 private:
  std::string Reservations() {
    switch (random_.Below(5)) {
      case 0:
        return "reservations { type: STATIC role: 'a' } ";
      case 1:
        return "reservations { type: DYNAMIC role: 'a' principal: 'p' labels { labels { key: 'k' } "
               "} } ";
      case 2:
        return "reservations { type: STATIC role: 'a' } reservations { type: DYNAMIC role: 'a/b' "
               "} ";
      default:
        return "";
    }
  }

  std::string Disks() {
    switch (random_.Below(8)) {
      case 0:
        return "disk { persistence { id: 'v' } }";
      case 1:
        return "disk { persistence { id: 'v' } } shared {}";
      case 2:
        return "disk { source { type: MOUNT mount { root: '/m' } } }";
      case 3:
        return "disk { source { type: PATH path { root: '/p' } } }";
      case 4:
        return "disk { source { type: RAW id: 'i' } } provider_id { value: 'x' }";
      case 5:
        return "disk { source { type: PATH path { root: '/p' } } persistence { id: 'w' } }";
      default:
        return "";
    }
  }

  Resource DrawValue(int lane) {
    const std::string reservations = Reservations();
    const std::string value = "scalar { value: " + std::to_string(random_.Below(4)) + "." +
                              std::to_string(random_.Below(1000)) + " } ";
    switch (random_.Below(6)) {
      case 0:
        return One("name: 'mem' type: SCALAR " + value + reservations);
      case 1: {
        const uint64_t begin = static_cast<uint64_t>(lane) * 1000 + random_.Below(50);
        return One("name: 'ports' type: RANGES ranges { range { begin: " + std::to_string(begin) +
                   " end: " + std::to_string(begin + random_.Below(20)) + " } } " + reservations);
      }
      case 2:
        return One("name: 'tags' type: SET set { item: '" + std::to_string(lane) + "-" +
                   std::to_string(random_.Below(5)) + "' } " + reservations);
      case 3:
      case 4:
        return One("name: 'disk' type: SCALAR scalar { value: " +
                   std::to_string(1 + random_.Below(2)) + " } " + reservations + Disks());
      default:
        return One("name: 'cpus' type: SCALAR " + value +
                   (random_.Below(4) == 0 ? "revocable {}" : reservations));
    }
  }

  SeededRandom random_;
};

TEST(LawsTest, AdditionCommutesAndAssociates) {
  World world(1);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw();
    const Resources b = world.Draw();
    const Resources c = world.Draw();
    ASSERT_EQ(a + b, b + a) << a << " and " << b;
    ASSERT_EQ((a + b) + c, a + (b + c)) << a << " and " << b << " and " << c;
    ASSERT_EQ(a + Resources(), a);
  }
}

TEST(LawsTest, SubtractionUndoesAddition) {
  World world(2);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw(0);
    const Resources b = world.Draw(1);
    ASSERT_EQ((a + b) - b, a) << a << " and " << b;
    ASSERT_EQ((a + b) - a, b) << a << " and " << b;
    ASSERT_TRUE((a - a).empty());
    ASSERT_EQ(a - Resources(), a);
    ASSERT_TRUE((Resources() - a).empty());
  }
}

TEST(LawsTest, OneByOneIsTheSameAsTogether) {
  World world(3);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw();
    const Resources b = world.Draw();
    Resources sum = a;
    Resources rest = a;
    for (const Resource& entry : b) {
      sum += entry;
      rest -= entry;
    }
    ASSERT_EQ(sum, a + b);
    ASSERT_EQ(rest, a - b);
  }
}

TEST(LawsTest, Containment) {
  World world(4);
  int contained = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw();
    const Resources b = i % 2 == 0 ? world.Draw() : world.Part(a);
    ASSERT_TRUE(a.Contains(a));
    ASSERT_TRUE(a.Contains(Resources()));
    ASSERT_TRUE((a + b).Contains(a)) << a << " and " << b;
    ASSERT_TRUE(i % 2 == 0 || a.Contains(b)) << a << " and " << b;
    if (!a.Contains(b)) continue;
    ++contained;
    ASSERT_EQ((a - b) + b, a) << a << " and " << b;
    ASSERT_EQ(b.Contains(a), a == b) << a << " and " << b;
    const Resources c = world.Part(b);
    ASSERT_TRUE(a.Contains(c)) << a << " and " << c;
  }
  EXPECT_GT(contained, kRounds / 2);
}

TEST(LawsTest, EntriesAreDistinctSortedAndNotEmpty) {
  World world(5);
  for (int i = 0; i < kRounds; ++i) {
    Resources a = world.Draw() + world.Draw() - world.Draw();
    for (const Resource& entry : a) ASSERT_FALSE(entry.empty()) << a;
    // A sum of the same entries in another order is equal.
    Resources again;
    for (size_t left = a.size(); left > 0; --left) again += a.begin()[left - 1];
    ASSERT_EQ(again, a);
    ASSERT_EQ(again.ToString(), a.ToString());
  }
}

TEST(LawsTest, QuantitiesAddUp) {
  World world(6);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw().NonShared();
    const Resources b = world.Draw().NonShared();
    Quantities sum = a.ScalarQuantities();
    sum += b.ScalarQuantities();
    ASSERT_EQ((a + b).ScalarQuantities(), sum);
  }
}

TEST(LawsTest, SharedVolumesAreCounted) {
  World world(7);
  const Resource volume = Disk(5, "disk { persistence { id: 's' } } shared {}");
  Resources resources = R("cpus:1;disk:3");
  uint32_t count = 0;
  for (int i = 0; i < kRounds; ++i) {
    if (world.Below(2) == 0) {
      resources += volume;
      ++count;
    } else {
      ASSERT_EQ(resources.Contains(volume), count > 0);
      resources -= volume;
      count = count == 0 ? 0 : count - 1;
    }
    ASSERT_EQ(resources.size(), count == 0 ? 2u : 3u);
    if (count > 0) {
      ASSERT_EQ(resources.Shared().begin()->shared_count(), count);
    }
    ASSERT_EQ(resources.Scalar(ResourceNames::Disk()).milli(), count == 0 ? 3000 : 8000);
  }
}

TEST(LawsTest, MessagesComeBackTheSame) {
  World world(8);
  for (int i = 0; i < kRounds; ++i) {
    Resources a = world.Draw();
    const Resources copies =
        a.Filter([](const Resource& entry) { return entry.shared_count() > 1; });
    a -= copies;  // A message does not contain the count of a shared resource.
    for (auto format :
         {Resources::Format::kPostReservationRefinement,
          Resources::Format::kPreReservationRefinement, Resources::Format::kEndpoint}) {
      google::protobuf::RepeatedPtrField<v1::Resource> protos;
      a.ToProto(&protos, format);
      auto back = Resources::FromProto(protos);
      ASSERT_TRUE(back) << back.error().message;
      ASSERT_EQ(*back, a);
      ASSERT_EQ(FormatResources(protos) + "|" + a.ToString(),
                FormatResources(protos) + "|" + back->ToString());
    }
  }
}

TEST(LawsTest, PlainTextComesBackTheSame) {
  World world(9);
  for (int i = 0; i < kRounds; ++i) {
    Resources a = world.Draw().Unreserved().NonRevocable().Filter(
        [](const Resource& r) { return r.disk() == nullptr; });
    a.Unallocate();
    if (a.empty()) continue;
    auto back = Resources::Parse(a.ToString());
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, a);
  }
}

TEST(LawsTest, ReservingConservesQuantities) {
  World world(10);
  int applied = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = world.Draw();
    const Resources part = world.Part(a.Unreserved().NonRevocable().Filter(
        [](const Resource& r) { return r.disk() == nullptr; }));
    const Resources reserved = Reserved(part, "c");
    v1::Offer::Operation operation;
    operation.set_type(v1::Offer::Operation::RESERVE);
    reserved.ToProto(operation.mutable_reserve()->mutable_resources());
    auto after = a.Apply(operation);
    ASSERT_TRUE(after) << after.error().message;
    ASSERT_EQ(after->ScalarQuantities(), a.ScalarQuantities());
    ASSERT_EQ(after->WithoutReservations(), a.WithoutReservations());
    ASSERT_TRUE(after->Contains(reserved));

    v1::Offer::Operation undo;
    undo.set_type(v1::Offer::Operation::UNRESERVE);
    reserved.ToProto(undo.mutable_unreserve()->mutable_resources());
    auto back = after->Apply(undo);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, a);
    applied += reserved.empty() ? 0 : 1;
  }
  EXPECT_GT(applied, kRounds / 10);
}

}  // namespace
}  // namespace tepui
