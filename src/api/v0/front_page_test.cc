// SPDX-License-Identifier: Apache-2.0
#include "api/v0/front_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "resources/make_resources.h"

namespace tepui::api {
namespace {

using testing::HasSubstr;
using testing::Not;

MasterIdentity Identity(std::string cluster) {
  MasterIdentity identity;
  identity.cluster = std::move(cluster);
  identity.info.set_pid("master@10.0.0.1:5050");
  return identity;
}

master::ReadModel Model() {
  master::Changes changes;
  for (const bool active : {true, false}) {
    auto agent = std::make_shared<master::AgentRecord>();
    agent->active = active;
    agent->total = *Resources::Parse("cpus:8;mem:1024");
    agent->used = *Resources::Parse("cpus:2.5;mem:512");
    changes.agents.emplace_back(AgentId(active ? "a" : "b"), std::move(agent));
  }
  for (const bool completed : {true, false}) {
    auto framework = std::make_shared<master::FrameworkRecord>();
    framework->completed = completed;
    const FrameworkId id(completed ? "old" : "new");
    framework->info.mutable_id()->set_value(id.value());
    changes.frameworks.emplace_back(id, std::move(framework));
    auto task = std::make_shared<v1::Task>();
    task->mutable_task_id()->set_value("t");
    changes.tasks.push_back({id, TaskId("t"), {master::TaskPhase::kActive, std::move(task)}});
  }
  master::ReadModel model;
  model.Apply(std::move(changes));
  return model;
}

TEST(FrontPage, ShowsTheNumbersOfTheCluster) {
  const net::Response page = FrontPage(Identity("berlin"), Model());
  EXPECT_EQ(page.status, 200u);
  EXPECT_THAT(page.body, HasSubstr("Tepui: berlin"));
  EXPECT_THAT(page.body, HasSubstr("<th>Agents</th><td>1 active, 2 in all</td>"));
  EXPECT_THAT(page.body, HasSubstr("<th>Frameworks</th><td>1</td>"));
  EXPECT_THAT(page.body, HasSubstr("<th>Tasks</th><td>1</td>"));
  EXPECT_THAT(page.body, HasSubstr("<th>CPUs</th><td>used 2.5, offered 0, of 8</td>"));
  EXPECT_THAT(page.body, HasSubstr("<a href=\"/state\">"));
}

TEST(FrontPage, TextFromOutsideIsEscaped) {
  const net::Response page = FrontPage(Identity("<script>alert('1')</script>"), Model());
  EXPECT_THAT(page.body, Not(HasSubstr("<script")));
  EXPECT_THAT(page.body, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)"));
  const std::string* policy = page.headers.Find("Content-Security-Policy");
  ASSERT_NE(policy, nullptr);
  EXPECT_THAT(*policy, HasSubstr("default-src 'none'"));
}

TEST(FrontPage, AMasterThatStandsByNamesTheLeader) {
  mesos::v1::MasterInfo leader;
  leader.set_hostname("m1\"><b>");
  leader.set_port(5050);
  const net::Response page = StandbyPage(leader);
  EXPECT_THAT(page.body, HasSubstr("//m1&quot;&gt;&lt;b&gt;:5050"));
  EXPECT_THAT(page.body, Not(HasSubstr("<b>")));
  EXPECT_THAT(StandbyPage(std::nullopt).body, HasSubstr("No master leads"));
}

}  // namespace
}  // namespace tepui::api
