// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "master/rules/validation.h"
#include "master/rules/validation_testing.h"

namespace tepui::master::validation {
namespace {

using Agent = v1::AgentInfo;

constexpr std::string_view kVolume =
    R"({"name":"disk","type":"SCALAR","scalar":{"value":10},"allocation_info":{"role":"web"},)"
    R"("reservations":[{"type":"DYNAMIC","role":"web"}],"disk":{"persistence":{"id":"v1"},)"
    R"("volume":{"mode":"RW","container_path":"data"}}})";

// A framework in role web, an agent with all capabilities, and an offer of a part of its resources.
class TaskValidationTest : public testing::Test {
 protected:
  TaskValidationTest() {
    offered_ += *Resources::FromProto(FromText<v1::Resource>(kVolume));
    SetResources("cpus:1;mem:64", task_.mutable_resources());
    SetResources("cpus:0.5;mem:32;disk:10", executor_.mutable_resources());
    group_executor_ = executor_;
    group_executor_.set_type(v1::ExecutorInfo::DEFAULT);
    group_executor_.clear_command();
  }

  TaskContext Context() {
    return {
        .framework = framework_,
        .agent = agent_,
        .agent_capabilities = capabilities_,
        .offered = offered_,
        .task_id_taken = [](const TaskId& id) { return id.value() == "taken"; },
        .running_executor = [this](const ExecutorId& id) -> const v1::ExecutorInfo* {
          return running_ && id.value() == running_->executor_id().value() ? &*running_ : nullptr;
        },
        .executor_shares_cgroups = [this](const ExecutorId&) { return running_shares_cgroups_; }};
  }

  // Returns the default task with `json` merged into it.
  v1::TaskInfo Task(std::string_view json) const {
    v1::TaskInfo task = task_;
    // `json` lacks required fields of the whole message, so it is completed before it is parsed.
    const auto change = FromText<v1::TaskInfo>(Whole(json));
    if (change.resources_size() > 0) task.clear_resources();
    if (change.has_executor()) task.clear_command();
    task.MergeFrom(change);
    return task;
  }

  void Expect(const v1::TaskInfo& task, std::string_view error, std::string_view name) {
    ExpectStatus(ValidateTask(task, Context()), error, name);
  }

  // Returns {"x":1} with the fields that every TaskInfo must have.
  static std::string Whole(std::string_view json) {
    std::string whole = R"({"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"})";
    if (json.size() > 2) whole.append(",").append(json.substr(1));
    return json.size() > 2 ? whole : whole + "}";
  }

  v1::TaskGroupInfo Group(std::vector<v1::TaskInfo> tasks) const {
    v1::TaskGroupInfo group;
    for (v1::TaskInfo& task : tasks) *group.add_tasks() = std::move(task);
    return group;
  }

  v1::FrameworkInfo framework_ = FromText<v1::FrameworkInfo>(
      R"({"user":"u","name":"n","id":{"value":"f"},"roles":["web"],"capabilities":[{"type":"MULTI_ROLE"}]})");
  Agent agent_ = FromText<Agent>(R"({"hostname":"h","id":{"value":"a"}})");
  std::vector<Agent::Capability::Type> capabilities_ = {Agent::Capability::TASK_RESOURCE_LIMITS};
  Resources offered_ = Parsed("cpus:4;mem:1024;disk:1000;ports:[100-200];zones:{a,b,c}");
  std::optional<v1::ExecutorInfo> running_;
  std::optional<bool> running_shares_cgroups_;
  v1::TaskInfo task_ = FromText<v1::TaskInfo>(
      R"({"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},"command":{"value":"true"}})");
  v1::ExecutorInfo executor_ = FromText<v1::ExecutorInfo>(
      R"({"executor_id":{"value":"e"},"framework_id":{"value":"f"},"command":{"value":"run"}})");
  v1::ExecutorInfo group_executor_;
};

// Reference 2.5.
TEST_F(TaskValidationTest, Identity) {
  Expect(task_, "", "as it is");
  const std::pair<std::string_view, std::string_view> ids[] = {
      {"", "Its id is empty"}, {"a/b", "has a '/'"}, {"taken", "belongs to another task"}};
  for (const auto& [id, error] : ids) {
    v1::TaskInfo task = task_;
    task.mutable_task_id()->set_value(std::string(id));
    Expect(task, error, id);
  }
  task_.mutable_agent_id()->set_value("b");
  Expect(task_, "Task 't': It names agent 'b', but the offers are of agent 'a'", "other agent");
}

TEST_F(TaskValidationTest, CommandOrExecutor) {
  v1::TaskInfo both = task_;
  *both.mutable_executor() = executor_;
  Expect(both, "exactly one of 'command' and 'executor', and has both", "both");
  both.clear_command();
  Expect(both, "", "executor");
  both.clear_executor();
  Expect(both, "has neither", "neither");
}

TEST_F(TaskValidationTest, Times) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"kill_policy":{}})", ""},
      {R"({"kill_policy":{"grace_period":{"nanoseconds":0}}})", ""},
      {R"({"kill_policy":{"grace_period":{"nanoseconds":-1}}})",
       "kill_policy.grace_period' is negative"},
      {R"({"max_completion_time":{"nanoseconds":0}})", ""},
      {R"({"max_completion_time":{"nanoseconds":-1}})", "max_completion_time' is negative"},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
}

TEST_F(TaskValidationTest, Commands) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"command":{"shell":false,"value":"/bin/a","arguments":["a","b"]}})", ""},
      {R"({"command":{"environment":{"variables":[{"name":"A","value":""}]}}})", ""},
      {R"({"command":{"environment":{"variables":[{"name":"A"}]}}})", "'A': Of type VALUE"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"UNKNOWN","value":"x"}]}}})",
       "'A': Its type is UNKNOWN"},
      {R"({"command":{"environment":{"variables":[{"name":"A","value":"x","secret":{}}]}}})",
       "Of type VALUE"},
      {R"({"command":{"environment":{"variables":[{"name":"A","value":"x\u0000y"}]}}})",
       "zero byte"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET"}]}}})",
       "Of type SECRET"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","value":"x","secret":{}}]}}})",
       "Of type SECRET"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","secret":)"
       R"({"type":"VALUE","value":{"data":"YQ=="}}}]}}})",
       ""},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","secret":)"
       R"({"type":"VALUE","value":{"data":"AA=="}}}]}}})",
       "zero byte"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","secret":{"type":"VALUE"}}]}}})",
       "A secret of type VALUE"},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","secret":)"
       R"({"type":"REFERENCE","reference":{"name":"r"}}}]}}})",
       ""},
      {R"({"command":{"environment":{"variables":[{"name":"A","type":"SECRET","secret":)"
       R"({"type":"REFERENCE","value":{"data":"YQ=="}}}]}}})",
       "A secret of type REFERENCE"},
      {R"({"command":{"value":"a\u0000b"}})", "zero byte"},
      {R"({"command":{"arguments":["a\u0000b"]}})", "zero byte"},
      {R"({"command":{"uris":[{"value":"http://h/f","output_file":"a/b..c"}]}})", ""},
      {R"({"command":{"uris":[{"value":""}]}})", "A URI of the command is empty"},
      {R"({"command":{"uris":[{"value":"u","output_file":""}]}})", "is empty"},
      {R"({"command":{"uris":[{"value":"u","output_file":"/etc/passwd"}]}})",
       "relative to the sandbox"},
      {R"({"command":{"uris":[{"value":"u","output_file":"a/../../b"}]}})", "leaves the sandbox"},
      {R"({"command":{"uris":[{"value":"u","output_file":".."}]}})", "leaves the sandbox"},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
}

TEST_F(TaskValidationTest, ACommandHasAValueUnlessAnImageBringsIt) {
  task_.mutable_command()->clear_value();
  Expect(task_, "'value' to give to the shell", "shell");
  task_.mutable_command()->set_shell(false);
  Expect(task_, "the program to run", "no shell");
  Expect(Task(R"({"container":{"type":"MESOS"}})"), "the program to run", "no image");
  Expect(Task(R"({"container":{"type":"DOCKER","docker":{"image":"i"}}})"), "", "docker");
  Expect(
      Task(
          R"({"container":{"type":"MESOS","mesos":{"image":{"type":"DOCKER","docker":{"name":"i"}}}}})"),
      "", "image");
}

TEST_F(TaskValidationTest, Containers) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"container":{"type":"MESOS"}})", ""},
      {R"({"container":{"type":"DOCKER"}})", "needs 'docker'"},
      {R"({"container":{"type":"DOCKER","docker":{"image":"i","parameters":[{"key":"label","value":"x"}]}}})",
       ""},
      {R"({"container":{"type":"DOCKER","docker":{"image":"i","parameters":[{"key":"name","value":"x"}]}}})",
       "'name' cannot be set"},
      {R"({"container":{"type":"DOCKER","docker":{"image":"i","port_mappings":[{"host_port":65536,"container_port":1}]}}})",
       "65536 is not a port"},
      {R"({"container":{"type":"MESOS","network_infos":[{"port_mappings":[{"host_port":1,"container_port":70000}]}]}})",
       "70000 is not a port"},
      {R"({"container":{"type":"MESOS","mesos":{"image":{"type":"DOCKER"}}}})", "needs 'docker'"},
      {R"({"container":{"type":"MESOS","mesos":{"image":{"type":"APPC"}}}})", "needs 'appc'"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","host_path":"/h"}]}})",
       ""},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"","host_path":"/h"}]}})",
       "no container path"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p"}]}})",
       "'p': It needs exactly one"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","host_path":"/h",)"
       R"("source":{"type":"HOST_PATH","host_path":{"path":"/h"}}}]}})",
       "exactly one of"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":{}}]}})",
       "type of its source"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":{"type":"HOST_PATH"}}]}})",
       "needs 'host_path'"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":{"type":"SANDBOX_PATH"}}]}})",
       "needs 'sandbox_path'"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":{"type":"DOCKER_VOLUME"}}]}})",
       "needs 'docker_volume'"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":{"type":"SECRET"}}]}})",
       "needs 'secret'"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":)"
       R"({"type":"SECRET","secret":{"type":"VALUE"}}}]}})",
       "A secret of type VALUE"},
      {R"({"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"p","source":)"
       R"({"type":"CSI_VOLUME","csi_volume":{"plugin_name":"c"}}}]}})",
       "csi_volume.static_provisioning"},
      {R"({"container":{"type":"MESOS","linux_info":{"share_cgroups":true}}})", ""},
      {R"({"container":{"type":"MESOS","linux_info":{"share_cgroups":false}}})",
       "Only tasks of a task group"},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
}

TEST_F(TaskValidationTest, Checks) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"check":{"type":"COMMAND","command":{"command":{"value":"x"}}}})", ""},
      {R"({"check":{}})", "The check has no type"},
      {R"({"check":{"type":"COMMAND"}})", "COMMAND needs 'command'"},
      {R"({"check":{"type":"COMMAND","command":{"command":{}}}})", "needs a 'value'"},
      {R"({"check":{"type":"COMMAND","command":{"command":{"shell":false}}}})",
       "the program to run"},
      {R"({"check":{"type":"COMMAND","command":{"command":{"value":"x",)"
       R"("environment":{"variables":[{"name":"A"}]}}}}})",
       "Of type VALUE"},
      {R"({"check":{"type":"HTTP","http":{"port":80}}})", ""},
      {R"({"check":{"type":"HTTP","http":{"port":80,"path":"/health"}}})", ""},
      {R"({"check":{"type":"HTTP","http":{"port":80,"path":"health"}}})", "must begin with '/'"},
      {R"({"check":{"type":"HTTP","http":{"port":65536}}})", "65536 is not a port"},
      {R"({"check":{"type":"HTTP"}})", "HTTP needs 'http'"},
      {R"({"check":{"type":"TCP","tcp":{"port":80}}})", ""},
      {R"({"check":{"type":"TCP"}})", "TCP needs 'tcp'"},
      {R"({"check":{"type":"TCP","tcp":{"port":80},"delay_seconds":-1}})", "'delay_seconds' is -1"},
      {R"({"check":{"type":"TCP","tcp":{"port":80},"interval_seconds":-0.1}})",
       "'interval_seconds'"},
      {R"({"check":{"type":"TCP","tcp":{"port":80},"timeout_seconds":"NaN"}})",
       "'timeout_seconds'"},
      {R"({"check":{"type":"TCP","tcp":{"port":80},"timeout_seconds":0}})", ""},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
}

TEST_F(TaskValidationTest, HealthChecks) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"health_check":{"type":"COMMAND","command":{"value":"x"}}})", ""},
      {R"({"health_check":{"command":{"value":"x"}}})", "The health check has no type"},
      {R"({"health_check":{"type":"UNKNOWN"}})", "The health check has no type"},
      {R"({"health_check":{"type":"COMMAND"}})", "COMMAND needs 'command'"},
      {R"({"health_check":{"type":"COMMAND","command":{}}})", "needs a 'value'"},
      {R"({"health_check":{"type":"HTTP","http":{"port":80,"scheme":"https","path":"/"}}})", ""},
      {R"({"health_check":{"type":"HTTP","http":{"port":80,"scheme":"ftp"}}})", "'ftp' is neither"},
      {R"({"health_check":{"type":"HTTP","http":{"port":80,"path":"x"}}})", "must begin with '/'"},
      {R"({"health_check":{"type":"HTTP"}})", "HTTP needs 'http'"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":80}}})", ""},
      {R"({"health_check":{"type":"TCP"}})", "TCP needs 'tcp'"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":99999}}})", "not a port"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":80},"delay_seconds":-1}})",
       "'delay_seconds'"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":80},"grace_period_seconds":-1}})",
       "'grace_period_seconds'"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":80},"interval_seconds":-1}})",
       "'interval_seconds'"},
      {R"({"health_check":{"type":"TCP","tcp":{"port":80},"timeout_seconds":-1}})",
       "'timeout_seconds'"},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
}

TEST_F(TaskValidationTest, Resources) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"([])", "uses no resources"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":4},"allocation_info":{"role":"web"}}])",
       ""},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":4.5},"allocation_info":{"role":"web"}}])",
       "but the offers have only"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"ops"}}])",
       "but the offers have only"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":-1},"allocation_info":{"role":"web"}}])",
       "cpus"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1}}])", "not allocated"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"web"}},)"
       R"({"name":"mem","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"ops"}}])",
       "allocated to two roles"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"web"}},)"
       R"({"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"web"},"revocable":{}}])",
       "Revocable and other cpus"},
      {R"([{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":150,"end":201}]},"allocation_info":{"role":"web"}}])",
       "but the offers have only"},
  };
  for (const auto& [json, error] : cases) {
    v1::TaskInfo task = task_;
    *task.mutable_resources() =
        FromText<v1::TaskInfo>(Whole(fmt::format(R"({{"resources":{}}})", json))).resources();
    Expect(task, error, json);
  }
}

TEST_F(TaskValidationTest, RevocableResourcesAreFineAlone) {
  const auto revocable = FromText<v1::Resource>(
      R"({"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"web"},"revocable":{}})");
  offered_ += *Resources::FromProto(revocable);
  SetResources("mem:64", task_.mutable_resources());
  *task_.add_resources() = revocable;
  Expect(task_, "", "revocable cpus, other mem");
  task_.clear_command();
  *task_.mutable_executor() = executor_;
  Expect(task_, "Revocable and other cpus", "its executor uses other cpus");
}

TEST_F(TaskValidationTest, PersistentVolumes) {
  const auto volume = FromText<v1::Resource>(kVolume);
  const auto expect = [&](void (*change)(v1::Resource&), std::string_view error,
                          std::string_view name) {
    v1::TaskInfo task = task_;
    v1::Resource& used = *task.add_resources();
    used = volume;
    change(used);
    Expect(task, error, name);
  };
  expect([](v1::Resource&) {}, "", "as offered");
  expect([](v1::Resource& r) { r.mutable_revocable(); }, "revocable", "revocable");
  expect([](v1::Resource& r) { r.clear_reservations(); }, "unreserved", "unreserved");
  expect([](v1::Resource& r) { r.mutable_disk()->clear_volume(); }, "needs 'disk.volume'",
         "no volume");
  expect([](v1::Resource& r) { r.mutable_disk()->mutable_volume()->set_host_path("/h"); },
         "'host_path'", "host path");
  expect([](v1::Resource& r) { r.mutable_disk()->mutable_persistence()->set_id("a/b"); },
         "has a '/'", "id");
  expect([](v1::Resource& r) { r.mutable_disk()->clear_persistence(); }, "without 'persistence'",
         "not persistent");
  expect([](v1::Resource& r) { r.mutable_disk()->Clear(); }, "set but empty", "empty");
  expect([](v1::Resource& r) { r.mutable_scalar()->set_value(5); }, "offers have only",
         "a part of it");

  v1::TaskInfo twice = task_;
  *twice.add_resources() = volume;
  *twice.add_resources() = volume;
  Expect(twice, "'v1' is used twice", "twice");
}

TEST_F(TaskValidationTest, Limits) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"limits":{"cpus":{"value":1},"mem":{"value":128}}})", ""},
      {R"({"limits":{"cpus":{"value":"Infinity"},"mem":{"value":"Infinity"}}})", ""},
      {R"({"limits":{"cpus":{"value":0.9}}})", "limit of cpus, 0.9, is below"},
      {R"({"limits":{"mem":{"value":63}}})", "limit of mem, 63, is below the 64"},
      {R"({"limits":{"cpus":{"value":"NaN"}}})", "is below"},
      {R"({"limits":{"disk":{"value":10}}})", "not 'disk'"},
      {R"({"limits":{"gpus":{"value":10}}})", "not 'gpus'"},
  };
  for (const auto& [json, error] : cases) Expect(Task(json), error, json);
  v1::TaskInfo task = Task(cases[0].first);
  SetResources("cpus:1", task.mutable_resources());
  Expect(task, "does not request any", "no mem");
  capabilities_.clear();
  Expect(Task(cases[0].first), "agent does not support", "agent");
}

TEST_F(TaskValidationTest, Executors) {
  struct Case {
    std::string_view name;
    void (*change)(v1::ExecutorInfo&);
    std::string_view error;
  };
  const Case cases[] = {
      {"as it is", [](v1::ExecutorInfo&) {}, ""},
      {"CUSTOM", [](v1::ExecutorInfo& e) { e.set_type(v1::ExecutorInfo::CUSTOM); }, ""},
      {"no resources", [](v1::ExecutorInfo& e) { e.clear_resources(); }, ""},
      {"DEFAULT", [](v1::ExecutorInfo& e) { e.set_type(v1::ExecutorInfo::DEFAULT); },
       "must be CUSTOM"},
      {"no command", [](v1::ExecutorInfo& e) { e.clear_command(); },
       "Executor 'e': It needs a command"},
      {"id", [](v1::ExecutorInfo& e) { e.mutable_executor_id()->set_value(".."); },
       "must not be '..'"},
      {"no framework", [](v1::ExecutorInfo& e) { e.clear_framework_id(); },
       "belongs to framework 'f'"},
      {"other framework", [](v1::ExecutorInfo& e) { e.mutable_framework_id()->set_value("g"); },
       "'framework_id' is 'g'"},
      {"grace", [](v1::ExecutorInfo& e) { e.mutable_shutdown_grace_period()->set_nanoseconds(-1); },
       "'shutdown_grace_period' is negative"},
      {"environment",
       [](v1::ExecutorInfo& e) {
         e.mutable_command()->mutable_environment()->add_variables()->set_name("A");
       },
       "Of type VALUE"},
      {"container",
       [](v1::ExecutorInfo& e) { e.mutable_container()->set_type(v1::ContainerInfo::DOCKER); },
       "needs 'docker'"},
      {"share_cgroups false",
       [](v1::ExecutorInfo& e) {
         e.mutable_container()->set_type(v1::ContainerInfo::MESOS);
         e.mutable_container()->mutable_linux_info()->set_share_cgroups(false);
       },
       ""},
      {"share_cgroups",
       [](v1::ExecutorInfo& e) {
         e.mutable_container()->set_type(v1::ContainerInfo::MESOS);
         e.mutable_container()->mutable_linux_info()->set_share_cgroups(true);
       },
       "cannot set 'share_cgroups'"},
      {"unallocated", [](v1::ExecutorInfo& e) { e.mutable_resources(0)->clear_allocation_info(); },
       "not allocated"},
      {"more than offered",
       [](v1::ExecutorInfo& e) { SetResources("cpus:3.5", e.mutable_resources()); },
       "but the offers have only"},
  };
  for (const auto& [name, change, error] : cases) {
    v1::TaskInfo task = task_;
    task.clear_command();
    *task.mutable_executor() = executor_;
    change(*task.mutable_executor());
    Expect(task, error, name);
  }
}

TEST_F(TaskValidationTest, AnExecutorCannotUseSharedVolumes) {
  auto volume = FromText<v1::Resource>(kVolume);
  volume.mutable_disk()->mutable_persistence()->set_id("shared");
  volume.mutable_shared();
  offered_ += *Resources::FromProto(volume);
  v1::TaskInfo task = task_;
  *task.add_resources() = volume;
  Expect(task, "", "a task can");
  task = task_;
  task.clear_command();
  *task.mutable_executor() = executor_;
  *task.mutable_executor()->add_resources() = volume;
  Expect(task, "cannot use shared volumes", "its executor");
}

TEST_F(TaskValidationTest, TaskAndExecutorUseDifferentThings) {
  task_.clear_command();
  *task_.mutable_executor() = executor_;
  SetResources("cpus:1;ports:[100-110]", task_.mutable_resources());
  SetResources("mem:32;ports:[111-120]", task_.mutable_executor()->mutable_resources());
  Expect(task_, "", "side by side");
  SetResources("mem:32;ports:[110-120]", task_.mutable_executor()->mutable_resources());
  Expect(task_, "ports 100-110 and 110-120 overlap", "ports");
  SetResources("cpus:1;zones:{a,b}", task_.mutable_resources());
  SetResources("mem:32;zones:{b,c}", task_.mutable_executor()->mutable_resources());
  Expect(task_, "'b' of zones is used twice", "set");
  SetResources("cpus:1", task_.mutable_resources());
  SetResources("mem:32", task_.mutable_executor()->mutable_resources());
  *task_.add_resources() = FromText<v1::Resource>(kVolume);
  *task_.mutable_executor()->add_resources() = FromText<v1::Resource>(kVolume);
  Expect(task_, "'v1' is used twice", "volume");
}

TEST_F(TaskValidationTest, ARunningExecutorIsTheSameAndCostsNothing) {
  task_.clear_command();
  *task_.mutable_executor() = executor_;
  SetResources("cpus:4;mem:1024", task_.mutable_resources());
  Expect(task_, "but the offers have only", "a new executor");
  running_ = executor_;
  Expect(task_, "", "the running one");
  std::swap(*task_.mutable_executor()->mutable_resources(0),
            *task_.mutable_executor()->mutable_resources(1));
  Expect(task_, "", "the order of resources says nothing");
  task_.mutable_executor()->mutable_command()->set_value("other");
  Expect(task_, "a different ExecutorInfo", "another command");
  *task_.mutable_executor() = executor_;
  SetResources("cpus:0.6;mem:32;disk:10", task_.mutable_executor()->mutable_resources());
  Expect(task_, "a different ExecutorInfo", "other resources");
}

// Reference 2.5: task groups.
class GroupValidationTest : public TaskValidationTest {
 protected:
  v1::TaskInfo Member(std::string_view id, std::string_view json = "{}") const {
    v1::TaskInfo task = Task(json);
    task.mutable_task_id()->set_value(std::string(id));
    return task;
  }

  void ExpectGroup(std::vector<v1::TaskInfo> tasks, std::string_view error, std::string_view name) {
    ExpectStatus(ValidateTaskGroup(Group(std::move(tasks)), group_executor_, Context()), error,
                 name);
  }
};

TEST_F(GroupValidationTest, Tasks) {
  ExpectGroup({}, "has no tasks", "empty");
  ExpectGroup({Member("1")}, "", "one");
  ExpectGroup({Member("1"), Member("2"), Member("3")}, "", "three");
  ExpectGroup({Member("1"), Member("1")}, "Task '1': The group has two tasks of that id",
              "same id");
  ExpectGroup({Member("1"), Member("taken")}, "Task 'taken'", "taken id");
  ExpectGroup({Member("1"), Member("2"), Member("3"), Member("4")}, "The task group needs",
              "with the executor too much");
  running_ = group_executor_;
  ExpectGroup({Member("1"), Member("2"), Member("3"), Member("4")}, "",
              "the executor runs already");
}

TEST_F(GroupValidationTest, Members) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"container":{"type":"MESOS"}})", ""},
      {R"({"container":{"type":"DOCKER","docker":{"image":"i"}}})",
       "cannot have a container of type DOCKER"},
      {R"({"container":{"type":"MESOS","network_infos":[{"name":"x"}]}})", ""},
      {R"({"container":{"type":"MESOS","network_infos":[{"name":"x"}]},)"
       R"("health_check":{"type":"HTTP","http":{"port":80}}})",
       "health check of type HTTP or TCP"},
      {R"({"container":{"type":"MESOS","network_infos":[{"name":"x"}]},)"
       R"("health_check":{"type":"TCP","tcp":{"port":80}}})",
       "health check of type HTTP or TCP"},
      {R"({"container":{"type":"MESOS","network_infos":[{"name":"x"}]},)"
       R"("health_check":{"type":"COMMAND","command":{"value":"x"}}})",
       ""},
      {R"({"health_check":{"type":"HTTP","http":{"port":80}}})", ""},
      {R"({"limits":{"mem":{"value":128}}})", "only with 'share_cgroups' set to false"},
      {R"({"limits":{"mem":{"value":128}},"container":{"type":"MESOS"}})",
       "only with 'share_cgroups' set to false"},
      {R"({"limits":{"mem":{"value":128}},"container":{"type":"MESOS","linux_info":{"share_cgroups":false}}})",
       ""},
      {R"({"command":{"environment":{"variables":[{"name":"A"}]}}})", "Of type VALUE"},
      {R"({"kill_policy":{"grace_period":{"nanoseconds":-1}}})", "negative"},
  };
  for (const auto& [json, error] : cases) ExpectGroup({Member("1", json)}, error, json);
}

TEST_F(GroupValidationTest, Executors) {
  struct Case {
    std::string_view name;
    void (*change)(v1::ExecutorInfo&);
    std::string_view error;
  };
  const Case cases[] = {
      {"no type", [](v1::ExecutorInfo& e) { e.clear_type(); }, "needs a type"},
      {"UNKNOWN", [](v1::ExecutorInfo& e) { e.set_type(v1::ExecutorInfo::UNKNOWN); },
       "needs a type"},
      {"command", [](v1::ExecutorInfo& e) { e.mutable_command()->set_value("x"); },
       "must not have a command"},
      {"docker",
       [](v1::ExecutorInfo& e) { e.mutable_container()->set_type(v1::ContainerInfo::DOCKER); },
       "of a group cannot have a container of type DOCKER"},
      {"mesos",
       [](v1::ExecutorInfo& e) { e.mutable_container()->set_type(v1::ContainerInfo::MESOS); }, ""},
      {"image",
       [](v1::ExecutorInfo& e) {
         e.mutable_container()->set_type(v1::ContainerInfo::MESOS);
         e.mutable_container()->mutable_mesos()->mutable_image()->set_type(v1::Image::DOCKER);
       },
       "must not have an image"},
      {"CUSTOM without command", [](v1::ExecutorInfo& e) { e.set_type(v1::ExecutorInfo::CUSTOM); },
       "needs a command"},
      {"CUSTOM",
       [](v1::ExecutorInfo& e) {
         e.set_type(v1::ExecutorInfo::CUSTOM);
         e.mutable_command()->set_value("x");
       },
       ""},
      {"framework", [](v1::ExecutorInfo& e) { e.clear_framework_id(); }, "belongs to framework"},
      {"cpus",
       [](v1::ExecutorInfo& e) { SetResources("cpus:0.009;mem:32;disk:1", e.mutable_resources()); },
       "0.009 cpus and needs 0.01"},
      {"mem",
       [](v1::ExecutorInfo& e) { SetResources("cpus:0.01;mem:31;disk:1", e.mutable_resources()); },
       "31 MB of mem and needs 32"},
      {"disk", [](v1::ExecutorInfo& e) { SetResources("cpus:0.01;mem:32", e.mutable_resources()); },
       "no disk"},
      {"least",
       [](v1::ExecutorInfo& e) { SetResources("cpus:0.01;mem:32;disk:1", e.mutable_resources()); },
       ""},
  };
  const v1::ExecutorInfo whole = group_executor_;
  for (const auto& [name, change, error] : cases) {
    group_executor_ = whole;
    change(group_executor_);
    ExpectGroup({Member("1")}, error, name);
  }
}

TEST_F(GroupValidationTest, AMembersExecutorIsThatOfTheGroup) {
  v1::TaskInfo task = Member("1");
  *task.mutable_executor() = group_executor_;
  task.mutable_command()->set_value("x");
  ExpectGroup({task}, "", "same");
  task.mutable_executor()->set_name("other");
  ExpectGroup({task}, "differs from the one of the group", "other");
}

TEST_F(GroupValidationTest, MembersUseDifferentThings) {
  v1::TaskInfo first = Member("1");
  v1::TaskInfo second = Member("2");
  SetResources("cpus:1;ports:[100-110]", first.mutable_resources());
  SetResources("cpus:1;ports:[105-105]", second.mutable_resources());
  ExpectGroup({first, second}, "overlap", "ports");
  SetResources("cpus:1;ports:[111-111]", second.mutable_resources());
  ExpectGroup({first, second}, "", "other ports");
  SetResources("cpus:0.5;mem:32;disk:10;ports:[111-111]", group_executor_.mutable_resources());
  ExpectGroup({first, second}, "overlap", "the executor's port");
}

TEST_F(GroupValidationTest, MembersAllShareCgroupsOrNoneDoes) {
  const v1::TaskInfo shares = Member("1");
  const v1::TaskInfo own =
      Member("2", R"({"container":{"type":"MESOS","linux_info":{"share_cgroups":false}}})");
  v1::TaskInfo also_own = own;
  also_own.mutable_task_id()->set_value("3");
  ExpectGroup({own, also_own}, "", "none");
  ExpectGroup({shares, own}, "'share_cgroups' must be the same", "mixed");
  running_ = group_executor_;
  running_shares_cgroups_ = true;
  ExpectGroup({own}, "'share_cgroups' must be the same", "unlike the running ones");
  running_shares_cgroups_ = false;
  ExpectGroup({own}, "", "like the running ones");
}

}  // namespace
}  // namespace tepui::master::validation
