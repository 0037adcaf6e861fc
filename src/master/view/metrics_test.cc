// SPDX-License-Identifier: Apache-2.0
#include "master/view/metrics.h"

#include <gmock/gmock.h>

namespace tepui::master {
namespace {

using testing::Contains;
using testing::Pair;

TEST(MetricsTest, ReasonsHaveTheOldWordForAgents) {
  Counters counters;
  v1::TaskStatus status;
  status.set_state(v1::TASK_GONE_BY_OPERATOR);
  status.set_source(v1::TaskStatus::SOURCE_AGENT);
  status.set_reason(v1::TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  counters.TaskReason(status);
  Metrics metrics;
  counters.Write(&metrics);
  const std::string name =
      "master/task_gone_by_operator/source_slave/reason_slave_removed_by_operator";
  EXPECT_THAT(metrics, Contains(Pair(name, 1)));
}

TEST(MetricsTest, WhatNeverHappensHereIsZero) {
  Metrics metrics;
  Counters().Write(&metrics);
  EXPECT_THAT(metrics, Contains(Pair("master/messages_authenticate", 0)));
  EXPECT_THAT(metrics, Contains(Pair("master/slave_shutdowns_completed", 0)));
}

}  // namespace
}  // namespace tepui::master
