// SPDX-License-Identifier: Apache-2.0
#include "api/v0/v0_json.h"

#include <gtest/gtest.h>

#include "api/v0/agent_json.h"
#include "api/v0/master_json.h"

namespace tepui::api {
namespace {

std::string ResourcesJson(const std::string& text) {
  ProtoResources messages;
  Resources::Parse(text)->ToProto(&messages);
  std::string json;
  web::JsonWriter writer(&json);
  WriteResources(messages, &writer);
  return json;
}

// The four are always present, and ranges and sets are text (reference trap 3).
TEST(V0Json, Resources) {
  EXPECT_EQ(ResourcesJson("cpus:0.1;cpus(role):0.2"),
            R"({"cpus":0.3,"gpus":0.0,"mem":0.0,"disk":0.0})");
  EXPECT_EQ(
      ResourcesJson("ports:[10-11,31000-31001];ports(role):[12-13];zones:{a,b}"),
      R"({"cpus":0.0,"gpus":0.0,"mem":0.0,"disk":0.0,"ports":"[10-13, 31000-31001]","zones":"{a, b}"})");
}

TEST(V0Json, RevocableResourcesHaveANameOfTheirOwn) {
  ProtoResources messages;
  Resources::Parse("cpus:1")->ToProto(&messages);
  v1::Resource revocable = messages.Get(0);
  revocable.mutable_revocable();
  *messages.Add() = revocable;
  std::string json;
  web::JsonWriter writer(&json);
  WriteResources(messages, &writer);
  EXPECT_NE(json.find(R"("cpus":1.0)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("cpus_revocable":1.0)"), std::string::npos) << json;
}

TEST(V0Json, ReservedByRole) {
  std::string json;
  web::JsonWriter writer(&json);
  WriteReserved(*Resources::Parse("cpus:8;cpus(a):1;mem(a):2;cpus(b):3"), &writer);
  EXPECT_EQ(
      json,
      R"({"a":{"cpus":1.0,"gpus":0.0,"mem":2.0,"disk":0.0},"b":{"cpus":3.0,"gpus":0.0,"mem":0.0,"disk":0.0}})");
}

// Reference trap 4.
TEST(V0Json, FullResourcesAlsoHaveTheRoleInTheOldForm) {
  std::string json;
  web::JsonWriter writer(&json);
  WriteFullReserved(*Resources::Parse("cpus(a):1"), &writer);
  EXPECT_NE(json.find(R"("role":"a")"), std::string::npos) << json;
  EXPECT_NE(json.find("reservations"), std::string::npos) << json;
}

// One variable of each type; the value of the SECRET is "hush".
v1::Environment EnvironmentWithSecret() {
  v1::Environment environment;
  v1::Environment::Variable* plain = environment.add_variables();
  plain->set_name("LEVEL");
  plain->set_value("3");
  v1::Environment::Variable* secret = environment.add_variables();
  secret->set_name("PASSWORD");
  secret->set_type(v1::Environment::Variable::SECRET);
  secret->mutable_secret()->set_type(v1::Secret::VALUE);
  secret->mutable_secret()->mutable_value()->set_data("hush");
  return environment;
}

TEST(V0Json, CommandsShowTheirEnvironmentWithoutSecrets) {
  v1::ExecutorInfo executor;
  *executor.mutable_command()->mutable_environment() = EnvironmentWithSecret();
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  WriteExecutorFields(executor, &writer);
  EXPECT_NE(json.find(R"("environment":{"variables":[{"name":"LEVEL","value":"3"},)"
                      R"({"name":"PASSWORD","value":""}]})"),
            std::string::npos)
      << json;
}

TEST(V0Json, TasksShowNoSecrets) {
  v1::Task task;
  *task.mutable_health_check()->mutable_command()->mutable_environment() = EnvironmentWithSecret();
  v1::Volume* volume = task.mutable_container()->add_volumes();
  volume->set_container_path("key");
  volume->mutable_source()->mutable_secret()->set_type(v1::Secret::VALUE);
  volume->mutable_source()->mutable_secret()->mutable_value()->set_data("hush");
  std::string json;
  web::JsonWriter writer(&json);
  WriteTask(task, &writer);
  EXPECT_NE(json.find("PASSWORD"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("container_path":"key")"), std::string::npos) << json;
  EXPECT_EQ(json.find("hush"), std::string::npos) << json;
  EXPECT_EQ(json.find("aHVzaA"), std::string::npos) << json << " has it in base64";
}

TEST(AgentJson, StateShowsWhatIsAllocatedAndTheRolesOfCommandExecutors) {
  agent::AgentState state;
  state.total = *Resources::Parse("cpus:8;mem(a):64");
  state.allocated = *Resources::Parse("cpus:2;mem(a):32");
  agent::ExecutorState& executor = state.frameworks.emplace_back().executors.emplace_back();
  executor.command_executor = true;
  v1::Resource* cpus = executor.launched.emplace_back().add_resources();
  cpus->set_name("cpus");
  cpus->set_type(v1::Value::SCALAR);
  cpus->mutable_scalar()->set_value(2);
  cpus->mutable_allocation_info()->set_role("web");
  const std::string json = AgentStateJson({}, "slave(1)@1.2.3.4:5051", {}, state);
  for (const char* part :
       {R"("reserved_resources_allocated":{"a":{"cpus":0.0,"gpus":0.0,"mem":32.0,"disk":0.0}})",
        R"("unreserved_resources_allocated":{"cpus":2.0,"gpus":0.0,"mem":0.0,"disk":0.0})",
        R"("resource_providers":[])", R"("capabilities":["MULTI_ROLE")",
        R"("gpus":0.0,"mem":0.0,"disk":0.0},"role":"web","tasks":[)"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

TEST(JsonWriter, CommasAndNumbers) {
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  writer.Field("a", 1.0);
  writer.Field("b", 0.25);
  writer.Field("c", int64_t{-3});
  writer.Field("d", true);
  writer.Field("e\"", "x\n{");
  writer.Key("f");
  writer.BeginArray();
  writer.BeginObject();
  writer.EndObject();
  writer.BeginArray();
  writer.EndArray();
  writer.String("[");
  writer.String("");
  writer.EndArray();
  writer.EndObject();
  EXPECT_EQ(json, R"({"a":1.0,"b":0.25,"c":-3,"d":true,"e\"":"x\n{","f":[{},[],"[",""]})");
}

v1::Task MakeTask(const std::string& id, double first_status) {
  v1::Task task;
  task.mutable_task_id()->set_value(id);
  task.set_name(id);
  task.mutable_framework_id()->set_value("f");
  task.mutable_agent_id()->set_value("s");
  task.set_state(v1::TASK_RUNNING);
  v1::TaskStatus* status = task.add_statuses();
  status->mutable_task_id()->set_value(id);
  status->set_state(v1::TASK_RUNNING);
  status->set_timestamp(first_status);
  return task;
}

class MasterJsonTest : public testing::Test {
 protected:
  MasterJsonTest() {
    auto framework = std::make_shared<master::FrameworkRecord>();
    framework->info.mutable_id()->set_value("f");
    framework->info.set_name("name");
    framework->info.set_user("root");
    framework->active = true;
    master::Changes changes;
    changes.frameworks.emplace_back(FrameworkId("f"), framework);
    for (int i = 0; i < 3; ++i) {
      master::TaskRecord record{i == 2 ? master::TaskPhase::kCompleted : master::TaskPhase::kActive,
                                std::make_shared<v1::Task>(MakeTask(fmt::format("t{}", i), i))};
      changes.tasks.push_back({FrameworkId("f"), TaskId(fmt::format("t{}", i)), record});
    }
    model_.Apply(std::move(changes));
  }
  master::ReadModel model_;
};

// Tasks are sorted newest first unless requested otherwise; limit and offset apply (reference 1.7).
TEST_F(MasterJsonTest, TasksAreSortedAndPaged) {
  const auto ids = [&](TaskQuery query) {
    const std::string json = TasksJson(model_, query);
    std::string found;
    for (size_t at = 0; (at = json.find("{\"id\":\"t", at)) != std::string::npos; ++at)
      found += json[at + 8];
    return found;
  };
  EXPECT_EQ(ids({}), "210");
  EXPECT_EQ(ids({.framework_id = {}, .task_id = {}, .ascending = true}), "012");
  EXPECT_EQ(ids({.framework_id = {}, .task_id = {}, .limit = 1, .offset = 1}), "1");
  EXPECT_EQ(ids({.framework_id = {}, .task_id = {}, .limit = SIZE_MAX, .offset = 2}), "0");
  EXPECT_EQ(ids({.framework_id = {}, .task_id = {}, .offset = SIZE_MAX}), "");
  EXPECT_EQ(ids({.framework_id = "g", .task_id = {}}), "");
  EXPECT_EQ(ids({.framework_id = {}, .task_id = "t1"}), "1");
}

TEST_F(MasterJsonTest, StateHoldsTasksByPhase) {
  const std::string json = StateJson({}, model_);
  const size_t tasks = json.find("\"tasks\":["), completed = json.find("\"completed_tasks\":[");
  ASSERT_NE(tasks, std::string::npos);
  EXPECT_LT(json.find("\"id\":\"t0\""), completed);
  EXPECT_GT(json.find("\"id\":\"t2\""), completed);
  for (const char* key :
       {"orphan_tasks", "unregistered_frameworks", "recovered_slaves", "leader_info", "flags"}) {
    EXPECT_NE(json.find(fmt::format("\"{}\":", key)), std::string::npos) << key;
  }
}

TEST_F(MasterJsonTest, SummaryCountsTasks) {
  const std::string json = StateSummaryJson({}, model_);
  EXPECT_NE(json.find("\"TASK_RUNNING\":3"), std::string::npos) << json;
  EXPECT_NE(json.find("\"slave_ids\":[\"s\"]"), std::string::npos) << json;
}

}  // namespace
}  // namespace tepui::api
