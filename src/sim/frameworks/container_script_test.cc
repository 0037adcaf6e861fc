// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/container_script.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using End = ContainerScript::End;

TEST(ContainerScriptTest, ATaskThatRunsAndExits) {
  const auto script = ContainerScript::Parse("task=f1-7 start=250ms run=30s exit=3");
  ASSERT_TRUE(script);
  EXPECT_EQ(script->task, "f1-7");
  EXPECT_EQ(script->executor, "");
  EXPECT_EQ(script->start, milliseconds(250));
  EXPECT_EQ(script->run, seconds(30));
  EXPECT_EQ(script->end, End::kExit);
  EXPECT_EQ(script->code, 3);
  EXPECT_FALSE(script->start_fails || script->start_hangs || script->ignores_term);
}

TEST(ContainerScriptTest, TheDefaults) {
  const auto task = ContainerScript::Parse("task=t");
  ASSERT_TRUE(task);
  EXPECT_EQ(task->run, Duration::zero());
  EXPECT_EQ(task->code, 0);
  const auto executor = ContainerScript::Parse("executor=e1");
  ASSERT_TRUE(executor);
  EXPECT_EQ(executor->executor, "e1");
  EXPECT_EQ(executor->run, Duration::max());
}

TEST(ContainerScriptTest, TheOtherEnds) {
  const auto slow = ContainerScript::Parse("task=t start=2m run=inf term=ignore");
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->start, minutes(2));
  EXPECT_EQ(slow->run, Duration::max());
  EXPECT_TRUE(slow->ignores_term);
  EXPECT_TRUE(ContainerScript::Parse("task=t start=fail")->start_fails);
  EXPECT_TRUE(ContainerScript::Parse("task=t start=hang")->start_hangs);
  EXPECT_EQ(ContainerScript::Parse("task=t run=5s end=oom")->end, End::kOom);
  const auto killed = ContainerScript::Parse("task=t run=5s end=signal:11");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->end, End::kSignal);
  EXPECT_EQ(killed->code, 11);
}

TEST(ContainerScriptTest, AProblemNamesTheWord) {
  for (const std::string word :
       {"sleep", "run=", "run=5", "run=-5s", "run=5h", "run=9999999999999999s", "start=never",
        "exit=x", "exit=256", "exit=-1", "end=", "end=signal:0", "end=signal:65", "term=mind",
        "task=", "=", "colour=red"}) {
    const auto script = ContainerScript::Parse("task=t " + word);
    ASSERT_FALSE(script) << word;
    EXPECT_EQ(script.error().code, Code::kInvalid);
    EXPECT_TRUE(script.error().message.starts_with("'" + word + "' ")) << script.error().message;
  }
}

TEST(ContainerScriptTest, IsOfATaskOrOfAnExecutor) {
  EXPECT_FALSE(ContainerScript::Parse(""));
  EXPECT_FALSE(ContainerScript::Parse("run=5s"));
  EXPECT_FALSE(ContainerScript::Parse("task=t executor=e"));
}

TEST(ContainerScriptTest, IsReadAsItWasWritten) {
  std::vector<ContainerScript> scripts(7);
  for (ContainerScript& script : scripts) script.task = "t";
  scripts[0].task.clear();
  scripts[0].executor = "e";
  scripts[1].start = milliseconds(1500);
  scripts[2].start_fails = true;
  scripts[2].start = seconds(1);
  scripts[3].run = Duration::max();
  scripts[3].ignores_term = true;
  scripts[4].run = Duration(1'000'000'001);
  scripts[4].code = 255;
  scripts[5].end = End::kSignal;
  scripts[5].code = 9;
  scripts[6].end = End::kOom;
  scripts[6].start_hangs = true;
  for (const ContainerScript& script : scripts) {
    const auto read = ContainerScript::Parse(script.ToString());
    ASSERT_TRUE(read) << script.ToString();
    EXPECT_EQ(*read, script) << script.ToString();
  }
  EXPECT_EQ(scripts[1].ToString(), "task=t start=1500ms run=0s exit=0");
}

}  // namespace
}  // namespace tepui::sim
