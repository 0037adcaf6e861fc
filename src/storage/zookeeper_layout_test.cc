#include "storage/zookeeper_layout.h"

#include <gtest/gtest.h>

#include "storage/limits.h"
#include "storage/zookeeper_index.h"

namespace tepui::storage {
namespace {

TEST(ZooKeeperLayout, NamesOfKeys) {
  const std::pair<std::string, std::string> cases[] = {
      {"agents/a-S1", "agents:a-S1"},
      {"a//b/", "a::b:"},
      {"a:b%c", "a%3Ab%25c"},
      {".", "%2E"},
      {"..", "%2E%2E"},
      {"...", "..."},
      {".import", ".import"},
      {"zookeeper", "zookeeper"},
      {" a b", " a b"},
      {"\x01\x1F\x7F", "%01%1F%7F"},
      {"\xC2\x80\xC2\x9F\xC2\xA0", "%C2%80%C2%9F\xC2\xA0"},
      {"é\xED\x9F\xBF", "é\xED\x9F\xBF"},                  // Up to the surrogates.
      {"\xEE\x80\x80\xEF\xA3\xBF", "%EE%80%80%EF%A3%BF"},  // Private use.
      {"\xEF\xA4\x80\xEF\xBF\xAF", "\xEF\xA4\x80\xEF\xBF\xAF"},
      {"\xEF\xBF\xB0\xEF\xBF\xBF", "%EF%BF%B0%EF%BF%BF"},
      {"\xF0\x9F\x98\x80", "%F0%9F%98%80"},  // Two surrogates in the server's eyes.
  };
  for (const auto& [key, name] : cases) {
    ASSERT_TRUE(CheckKey(key)) << key;
    EXPECT_EQ(ZooKeeperLayout::NameOf(key), name);
    EXPECT_EQ(ZooKeeperLayout::KeyOf(name), key);
  }
}

TEST(ZooKeeperLayout, NamesOfNoKey) {
  for (const char* name : {"", "%", "%4", "a%4", "%4g", "%41", "%3a", "%00", "%80", "a/b", "%2Ea",
                           "\x01", "\xEE\x80\x80"}) {
    EXPECT_EQ(ZooKeeperLayout::KeyOf(name), std::nullopt) << name;
  }
  EXPECT_EQ(ZooKeeperLayout::KeyOf(std::string(Store::kMaxKeyBytes + 1, 'k')), std::nullopt);
}

TEST(ZooKeeperLayout, PathsAreStable) {
  // Stores that were written before must be found.
  const ZooKeeperLayout layout("/tepui");
  EXPECT_EQ(layout.PathOf("agents/a-S1"), "/tepui/store/entries/85/agents:a-S1");
  EXPECT_EQ(layout.bucket(10), "/tepui/store/entries/0a");
  EXPECT_EQ(layout.schema(), "/tepui/store/schema");
  EXPECT_EQ(layout.epoch(), "/tepui/store/epoch");
  EXPECT_EQ(layout.commit(), "/tepui/store/commit");
}

TEST(ZooKeeperLayout, ABatchOfOrdinaryKeysFitsAPacket) {
  // The worst that the limits of a store let through, below the longest path.
  const ZooKeeperLayout layout("/" + std::string(127, 'p'));
  Batch tiny;
  while (SizeOf(tiny) + Store::kWriteBytes + 1 <= Store::kMaxBatchBytes) {
    tiny.push_back({"k", "", std::nullopt});
  }
  EXPECT_LE(layout.WireBytes(tiny), ZooKeeperLayout::kMaxMultiBytes);
  Batch keys;
  while (SizeOf(keys) + Store::kWriteBytes + Store::kMaxKeyBytes <= Store::kMaxBatchBytes) {
    keys.push_back({std::string(Store::kMaxKeyBytes, 'k'), "", std::nullopt});
  }
  EXPECT_LE(layout.WireBytes(keys), ZooKeeperLayout::kMaxMultiBytes);
}

class ZooKeeperIndexTest : public testing::Test {
 protected:
  // What the batch is answered, and how many operations it makes.
  std::pair<bool, size_t> Plan(const Batch& batch) {
    ZooKeeperIndex::Plan plan;
    index_.Add(batch, &plan);
    return {plan.statuses.front().has_value(), plan.operations.size()};
  }
  void Do(const Batch& batch) {
    ZooKeeperIndex::Plan plan;
    index_.Add(batch, &plan);
    ASSERT_TRUE(plan.statuses.front()) << plan.statuses.front().error().message;
    index_.Apply(plan);
  }

  const ZooKeeperLayout layout_{"/p"};
  ZooKeeperIndex index_{layout_};
};

TEST_F(ZooKeeperIndexTest, BatchesOfAPlanSeeThoseBefore) {
  ZooKeeperIndex::Plan plan;
  index_.Add({{"a", "1", 0}, {"b", "1", std::nullopt}}, &plan);
  index_.Add({{"a", "2", 5}}, &plan);  // Refused.
  index_.Add({{"a", "2", 1}, {"a", "3", 2}}, &plan);
  index_.Add({{"b", std::nullopt, 1}, {"c", std::nullopt, std::nullopt}}, &plan);
  index_.Add({{"b", "2", 0}}, &plan);
  ASSERT_EQ(plan.statuses.size(), 5u);
  EXPECT_TRUE(plan.statuses[0]);
  EXPECT_EQ(plan.statuses[1].error().code, Code::kConflict);
  EXPECT_TRUE(plan.statuses[2] && plan.statuses[3] && plan.statuses[4]);

  using Kind = zookeeper::Operation::Kind;
  std::vector<std::pair<Kind, int32_t>> operations;
  for (const auto& operation : plan.operations) {
    operations.emplace_back(operation.kind, operation.version);
  }
  EXPECT_EQ(operations, (std::vector<std::pair<Kind, int32_t>>{{Kind::kCreate, -1},
                                                               {Kind::kCreate, -1},
                                                               {Kind::kSet, 0},
                                                               {Kind::kSet, 1},
                                                               {Kind::kDelete, 0},
                                                               {Kind::kCreate, -1}}));
  EXPECT_EQ(index_.size(), 0u);  // Nothing is done yet.
  index_.Apply(plan);
  EXPECT_EQ(index_.size(), 2u);
  EXPECT_EQ(Plan({{"a", "x", 3}, {"b", "x", 1}}), (std::pair{true, size_t{2}}));
  EXPECT_EQ(Plan({{"a", "x", 2}}), (std::pair{false, size_t{0}}));
}

TEST_F(ZooKeeperIndexTest, KnowsWhatItSaw) {
  EXPECT_TRUE(index_.Knows("absent"));
  index_.Add("k");
  EXPECT_FALSE(index_.Knows("k"));
  index_.Learn("k", 6);
  EXPECT_TRUE(index_.Knows("k"));
  EXPECT_TRUE(Plan({{"k", "v", 7}}).first);
  index_.Learn("k", std::nullopt);
  EXPECT_TRUE(Plan({{"k", "v", 0}}).first);
  index_.Clear();
  EXPECT_EQ(index_.size(), 0u);
}

TEST_F(ZooKeeperIndexTest, VersionsWrapAsThoseOfNodesDo) {
  index_.Learn("k", 2'147'483'647);
  ZooKeeperIndex::Plan plan;
  index_.Add({{"k", "v", std::nullopt}}, &plan);
  index_.Apply(plan);
  EXPECT_EQ(plan.operations[0].version, 2'147'483'647);
  ZooKeeperIndex::Plan next;
  index_.Add({{"k", "v", uint64_t{2'147'483'649}}}, &next);
  EXPECT_TRUE(next.statuses[0]);
  EXPECT_EQ(next.operations[0].version, -2'147'483'648);
}

TEST_F(ZooKeeperIndexTest, ABucketsListStaysBelowAPacket) {
  // Keys of one bucket, long ones.
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < 2'000; ++i) {
    std::string key = std::to_string(i) + "/";
    key.resize(Store::kMaxKeyBytes, 'k');
    if (ZooKeeperLayout::BucketOf(key) == 7) keys.push_back(std::move(key));
  }
  const size_t fit = ZooKeeperLayout::kMaxBucketBytes / (Store::kMaxKeyBytes + 4);
  for (size_t i = 0; i < fit; ++i) Do({{keys[i], "", std::nullopt}});
  ZooKeeperIndex::Plan plan;
  index_.Add({{keys[fit], "", std::nullopt}}, &plan);
  EXPECT_EQ(plan.statuses[0].error().code, Code::kTooLarge);
  EXPECT_TRUE(plan.operations.empty());
  // One that is there may be written, one of another bucket made, and one in place of another.
  EXPECT_TRUE(Plan({{keys[0], "x", std::nullopt}, {"another", "", std::nullopt}}).first);
  ZooKeeperIndex::Plan swap;
  index_.Add({{keys[0], std::nullopt, std::nullopt}}, &swap);
  index_.Add({{keys[fit], "", std::nullopt}}, &swap);
  EXPECT_TRUE(swap.statuses[1]);
}

}  // namespace
}  // namespace tepui::storage
