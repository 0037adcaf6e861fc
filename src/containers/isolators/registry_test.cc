// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace tepui::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RegistryTest : public testing::Test {
 protected:
  std::vector<std::string_view> Choose(std::string_view isolation) {
    std::vector<std::string_view> names;
    for (const IsolatorKind* kind : ChooseIsolators(isolation, &problems_)) {
      if (!kind->always_on) names.push_back(kind->name);
    }
    return names;
  }

  std::vector<std::string> problems_;
};

TEST_F(RegistryTest, NamesAndAliases) {
  EXPECT_THAT(Choose("posix/mem,posix/cpu"), ElementsAre("posix/cpu", "posix/mem"));
  EXPECT_THAT(Choose("process,linux/nnp"), ElementsAre("posix/cpu", "posix/mem", "linux/nnp"));
  EXPECT_THAT(Choose("cgroups,cgroups/cpu"), ElementsAre("cgroups/cpu", "cgroups/mem"));
  EXPECT_THAT(Choose(",posix/rlimits,"), IsEmpty());
  EXPECT_THAT(Choose(""), IsEmpty());
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(RegistryTest, EachUnknownNameIsAProblemThatListsTheKnownOnes) {
  EXPECT_THAT(Choose("gpu/nvidia,posix/cpu,cgroups/all"), ElementsAre("posix/cpu"));
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("--isolation: 'cgroups/all' is not supported yet"),
                                     HasSubstr("--isolation: 'gpu/nvidia' is not supported yet")));
  for (const IsolatorKind& kind : IsolatorKinds()) {
    EXPECT_THAT(problems_[0], HasSubstr(kind.name));
  }
  EXPECT_THAT(problems_[0], HasSubstr("process, cgroups"));
}

TEST_F(RegistryTest, WhatIsAlwaysOnIsChosenOnce) {
  std::vector<std::string_view> always;
  for (const IsolatorKind* kind : ChooseIsolators("posix/rlimits", &problems_)) {
    always.push_back(kind->name);
  }
  EXPECT_THAT(always, ElementsAre("filesystem/posix", "posix/rlimits", "linux/capabilities"));
}

TEST_F(RegistryTest, NamesAreUniqueAndAnIsolatorHasTheNameOfItsKind) {
  const IsolationOptions options;
  std::set<std::string_view> names;
  for (const IsolatorKind& kind : IsolatorKinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    if (kind.make == nullptr) continue;
    const auto made = kind.make({options, nullptr});
    ASSERT_TRUE(made) << kind.name;
    EXPECT_EQ((*made)->name(), kind.name);
  }
  for (const IsolatorAlias& alias : IsolatorAliases()) {
    EXPECT_TRUE(names.insert(alias.name).second) << alias.name;
    for (const std::string_view name : alias.names) EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(RegistryTest, TheHelpNamesEveryIsolator) {
  const std::string help = IsolationHelp();
  for (const IsolatorKind& kind : IsolatorKinds()) EXPECT_THAT(help, HasSubstr(kind.name));
  EXPECT_THAT(help, HasSubstr("process is short for posix/cpu,posix/mem;"));
}

// The table of docs/isolators.md has exactly these rows.
TEST_F(RegistryTest, ThePageListsEveryIsolator) {
  std::vector<std::string> wanted;
  for (const IsolatorKind& kind : IsolatorKinds()) {
    wanted.push_back(fmt::format("| `{}` | {} | {} |", kind.name,
                                 kind.always_on ? "always" : "by name", kind.help));
  }
  for (const IsolatorAlias& alias : IsolatorAliases()) {
    wanted.push_back(fmt::format("| `{}` | by name | is short for `{}` |", alias.name,
                                 fmt::join(alias.names, "` and `")));
  }
  std::vector<std::string> rows;
  std::ifstream page(TEPUI_ISOLATORS_PAGE);
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  EXPECT_EQ(rows, wanted) << "The rows must be:\n" << fmt::format("{}", fmt::join(wanted, "\n"));
}

}  // namespace
}  // namespace tepui::containers
