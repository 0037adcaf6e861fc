// SPDX-License-Identifier: Apache-2.0
#include "model/states.h"

#include <gtest/gtest.h>

namespace tepui::model {
namespace {

// Reference 2.6.
TEST(States, TerminalOnesHaveNoSuccessor) {
  for (const auto state :
       {v1::TASK_FINISHED, v1::TASK_FAILED, v1::TASK_KILLED, v1::TASK_LOST, v1::TASK_ERROR,
        v1::TASK_DROPPED, v1::TASK_GONE, v1::TASK_GONE_BY_OPERATOR}) {
    EXPECT_TRUE(IsTerminal(state)) << v1::TaskState_Name(state);
  }
  for (const auto state : {v1::TASK_STAGING, v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_KILLING,
                           v1::TASK_UNREACHABLE, v1::TASK_UNKNOWN}) {
    EXPECT_FALSE(IsTerminal(state)) << v1::TaskState_Name(state);
  }
  for (const auto state : {v1::OPERATION_FINISHED, v1::OPERATION_FAILED, v1::OPERATION_ERROR,
                           v1::OPERATION_DROPPED, v1::OPERATION_GONE_BY_OPERATOR}) {
    EXPECT_TRUE(IsTerminal(state)) << v1::OperationState_Name(state);
  }
  for (const auto state :
       {v1::OPERATION_UNSUPPORTED, v1::OPERATION_PENDING, v1::OPERATION_UNREACHABLE,
        v1::OPERATION_RECOVERING, v1::OPERATION_UNKNOWN}) {
    EXPECT_FALSE(IsTerminal(state)) << v1::OperationState_Name(state);
  }
}

// Reference 2.2.
TEST(States, NewOnesAreForPartitionAwareFrameworks) {
  v1::FrameworkInfo framework;
  EXPECT_EQ(StateFor(framework, v1::TASK_DROPPED), v1::TASK_LOST);
  framework.add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  EXPECT_EQ(StateFor(framework, v1::TASK_DROPPED), v1::TASK_DROPPED);
}

}  // namespace
}  // namespace tepui::model
