// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/flags.h"
#include "cli/flags/common_flags.h"

namespace tepui::cli {

// For tests of the flags of master and agent: the table of one server, and what it read.
template <class Flags>
class ServerFlagsTest : public ::testing::Test {
 protected:
  ServerFlagsTest(const std::string& program, void (*declare)(FlagTable*, Flags*))
      : table_(
            {.program = program, .purpose = "", .arguments = "", .environment_prefix = "MESOS_"}) {
    DeclareCommonFlags(&table_, &common_);
    declare(&table_, &flags_);
  }

  // Called once. The problems found are in `problems_`.
  void Read(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
    problems_ = table_.Parse(words, environment).problems;
    CheckCommonFlags(common_, &problems_);
  }

  CommonFlags common_;
  Flags flags_;
  FlagTable table_;
  std::vector<std::string> problems_;
};

}  // namespace tepui::cli
