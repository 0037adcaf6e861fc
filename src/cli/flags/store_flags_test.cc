// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/store_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tepui::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreFlagsTest : public ::testing::Test {
 protected:
  StoreFlagsTest() { DeclareStoreFlags(&table_, &flags_); }

  StorePlan Parse(const std::vector<std::string>& words) {
    const FlagResult result = table_.Parse(words, {});
    problems_ = result.problems;
    return ToStorePlan(flags_, result.arguments, &problems_);
  }

  StoreFlags flags_;
  FlagTable table_{{.program = "tepui store",
                    .purpose = "",
                    .arguments = "VERB STORE...",
                    .environment_prefix = "",
                    .flags_after_arguments = true}};
  std::vector<std::string> problems_;
};

TEST_F(StoreFlagsTest, AFile) {
  const StorePlan plan = Parse({"inspect", "/var/lib/tepui/registry.db"});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.verb, StorePlan::Verb::kInspect);
  EXPECT_EQ(std::get<StoreFile>(plan.store).path, "/var/lib/tepui/registry.db");
}

TEST_F(StoreFlagsTest, ZooKeeper) {
  const StorePlan plan = Parse({"export", "zk://u:p@h:1/path", "out"});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.verb, StorePlan::Verb::kExport);
  EXPECT_EQ(std::get<zookeeper::Address>(plan.store).path, "/path");
  EXPECT_EQ(plan.export_path, "out");
}

TEST_F(StoreFlagsTest, AnImportNamesTheFileFirst) {
  const StorePlan plan = Parse({"import", "in", "registry.db", "--replace"});
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.verb, StorePlan::Verb::kImport);
  EXPECT_EQ(plan.export_path, "in");
  EXPECT_EQ(std::get<StoreFile>(plan.store).path, "registry.db");
  EXPECT_TRUE(plan.replace);
}

TEST_F(StoreFlagsTest, ErrorsNameWhatIsWrong) {
  Parse({});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("The action is missing")));
  Parse({"look", "f"});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("'look' is not an action: use inspect")));
  Parse({"inspect"});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("inspect STORE; found 0 arguments")));
  Parse({"import", "in"});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("import FILE STORE; found 1 arguments")));
  Parse({"check", ""});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("empty")));
  Parse({"check", "f", "--replace"});
  EXPECT_THAT(problems_,
              ElementsAre(HasSubstr("--replace can be used only with import, not with check")));
}

TEST_F(StoreFlagsTest, NoPasswordIsShown) {
  Parse({"check", "zk://u:secret@h:1"});
  EXPECT_THAT(problems_, ElementsAre(Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace tepui::cli
