// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_packing.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/store.h"
#include "storage/zookeeper/zookeeper_layout.h"

namespace tepui::storage {
namespace {

packed::Entry Packed(const std::string& key, uint64_t version, const std::string& value) {
  packed::Entry entry;
  entry.set_key(key);
  entry.set_version(version);
  if (version != 0) entry.set_value(value);
  return entry;
}
packed::Entry Placed(const std::string& key, uint64_t version, const std::string& node) {
  packed::Entry entry = Packed(key, version, "");
  entry.clear_value();
  entry.set_node(node);
  return entry;
}
std::string Bytes(const std::vector<packed::Entry>& list) {
  packed::Entries entries;
  for (const packed::Entry& entry : list) *entries.add_entries() = entry;
  return entries.SerializePartialAsString();
}
// Returns keys of the shard of "k", in order.
std::vector<std::string> Neighbours(size_t count) {
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < count; ++i) {
    std::string key = "k" + std::to_string(i);
    if (ZooKeeperLayout::ShardOf(key) == ZooKeeperLayout::ShardOf("k")) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

TEST(ZooKeeperPacking, TheBytesAreStable) {
  EXPECT_EQ(Bytes({Packed("k", 3, "value"), Placed("l", 300, "1-2-0")}),
            std::string("\x0A\x0C\x0A\x01k\x10\x03\x1A\x05value"
                        "\x0A\x0D\x0A\x01l\x10\xAC\x02\x22\x05"
                        "1-2-0"));
}

TEST(ZooKeeperPacking, PutsEntriesInTheirPlaces) {
  packed::Entries entries;
  EXPECT_EQ(PutEntry(Packed("b", 1, "1"), &entries), "");
  EXPECT_EQ(PutEntry(Placed("c", 1, "1-1-0"), &entries), "");
  EXPECT_EQ(PutEntry(Packed("a", 1, ""), &entries), "");
  EXPECT_EQ(PutEntry(Packed("missing", 0, ""), &entries), "");
  EXPECT_EQ(entries.SerializeAsString(),
            Bytes({Packed("a", 1, ""), Packed("b", 1, "1"), Placed("c", 1, "1-1-0")}));
  // PutEntry returns the node that no longer holds the value.
  EXPECT_EQ(PutEntry(Placed("c", 1, "1-1-0"), &entries), "");
  EXPECT_EQ(PutEntry(Placed("c", 2, "1-2-0"), &entries), "1-1-0");
  EXPECT_EQ(PutEntry(Packed("c", 3, "x"), &entries), "1-2-0");
  EXPECT_EQ(PutEntry(Placed("b", 2, "1-3-0"), &entries), "");
  EXPECT_EQ(FindEntry(entries, "b")->node(), "1-3-0");
  EXPECT_EQ(PutEntry(Packed("b", 0, ""), &entries), "1-3-0");
  EXPECT_EQ(FindEntry(entries, "b"), nullptr);
  EXPECT_EQ(entries.SerializeAsString(), Bytes({Packed("a", 1, ""), Packed("c", 3, "x")}));
}

TEST(ZooKeeperPacking, UnpacksWhatWasPacked) {
  const std::vector<std::string> keys = Neighbours(3);
  const size_t shard = ZooKeeperLayout::ShardOf("k");
  const std::string bytes =
      Bytes({Packed(keys[0], 1, ""), Placed(keys[1], 7, "12-345-6"), Packed(keys[2], 2, "v")});
  const auto entries = UnpackShard(shard, bytes);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->SerializeAsString(), bytes);
  EXPECT_EQ(UnpackShard(shard, "")->entries_size(), 0);
  const auto journal = UnpackJournal(Bytes({Packed("a", 0, ""), Packed("k", 2, "v")}));
  ASSERT_TRUE(journal) << journal.error().message;
  EXPECT_EQ(journal->entries_size(), 2);
}

TEST(ZooKeeperPacking, ErrorsNameWhatIsWrong) {
  const std::vector<std::string> keys = Neighbours(2);
  const std::string& k = keys[0];
  packed::Entry both = Packed(k, 1, "v");
  both.set_node("1-1-0");
  packed::Entry neither = Packed(k, 1, "v");
  neither.clear_value();
  packed::Entry removed_with_value = Packed(k, 1, "v");
  removed_with_value.set_version(0);
  const std::string unknown_field = "\x28\x01";
  std::string with_unknown = Bytes({Packed(k, 1, "v")}) + unknown_field;
  std::string inside = Bytes({Packed(k, 1, "v")}) + unknown_field;
  inside[1] = static_cast<char>(inside[1] + 2);
  std::vector<std::pair<std::string, std::string>> cases = {
      {"garbage", "has 7 bytes that are not entries"},
      {Bytes({Packed(k, 1, "v")}).substr(0, 6), "bytes that are not entries"},
      {with_unknown, "bytes that are not entries"},
      {inside, "unknown fields in the entry"},
      {std::string("\x0A\x02\x10\x01", 4), "a key that is not valid"},
      {Bytes({Packed("", 1, "v")}), "a key that is not valid"},
      {Bytes({Packed("\xFF", 1, "v")}), "a key that is not valid"},
      {Bytes({Packed(std::string(Store::kMaxKeyBytes + 1, 'k'), 1, "v")}), "a key that is not"},
      {Bytes({Packed(k, 0, "")}), "no version in the entry of '" + k + "'"},
      {Bytes({both}), "not exactly one of value and node in the entry of '" + k + "'"},
      {Bytes({neither}), "not exactly one of value and node in the entry of '" + k + "'"},
      {Bytes({Packed(k, 1, std::string(Store::kMaxValueBytes + 1, 'v'))}),
       "a value that is too large"},
      {Bytes({Placed(k, 1, "")}), "an invalid node name"},
      {Bytes({Placed(k, 1, "../../epoch")}), "an invalid node name"},
      {Bytes({Placed(k, 1, std::string(65, '1'))}), "an invalid node name"},
      {Bytes({Packed(k, 1, "v"), Packed(k, 2, "v")}), "'" + k + "' twice"},
      {Bytes({Packed(keys[1], 1, "v"), Packed(k, 1, "v")}), "not in its place"},
      {Bytes({Packed("another", 1, "v")}), "'another', which belongs to another shard"},
  };
  for (const auto& [bytes, said] : cases) {
    const auto entries = UnpackShard(ZooKeeperLayout::ShardOf("k"), bytes);
    ASSERT_FALSE(entries) << said;
    EXPECT_EQ(entries.error().code, Code::kInternal);
    EXPECT_NE(entries.error().message.find(said), std::string::npos) << entries.error().message;
  }
  const auto journal = UnpackJournal(Bytes({removed_with_value}));
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().message,
            "has the version of a removed key and a value in the entry of '" + k + "'");
}

// Any bytes are either refused or exactly what a writer would have packed.
TEST(ZooKeeperPacking, RefusesBytesThatItWouldNotWrite) {
  const std::vector<std::string> keys = Neighbours(4);
  const size_t shard = ZooKeeperLayout::ShardOf("k");
  const std::string good =
      Bytes({Packed(keys[0], 1, "value"), Placed(keys[1], 70'000, "1-2-3"),
             Packed(keys[2], 2, std::string(200, 'v')), Packed(keys[3], 9, "")});
  SeededRandom random(7);
  size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint64_t changes = 1 + random.Below(3); changes > 0; --changes) {
      const size_t at = random.Below(bytes.size());
      switch (random.Below(3)) {
        case 0:
          bytes[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          bytes.erase(at, 1 + random.Below(8));
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random.Below(256)));
      }
    }
    const auto entries = UnpackShard(shard, bytes);
    if (!entries) {
      ++refused;
      continue;
    }
    const auto again = UnpackShard(shard, entries->SerializeAsString());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->SerializeAsString(), entries->SerializeAsString());
  }
  EXPECT_GT(refused, 10'000u);
}

}  // namespace
}  // namespace tepui::storage
