// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/run_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <string_view>

#include "election/master_address.h"
#include "resources/resources.h"

namespace tepui::cli {
namespace {

using mesos::v1::ContainerInfo;
using mesos::v1::FrameworkInfo;
using mesos::v1::TaskInfo;

constexpr size_t kMaxNameBytes = 255;
// Resources of a task group's executor itself (reference 8, "mesos-execute").
constexpr std::string_view kGroupExecutorResources = "cpus:0.1;mem:32;disk:32";

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(text, ',')) {
    if (!part.empty()) parts.emplace_back(part.begin(), part.end());
  }
  return parts;
}

// The name of a command's program, in a form allowed in a task id.
std::string NameFromCommand(std::string_view command) {
  std::string_view word = command.substr(0, command.find_first_of(" \t\n;|&<>"));
  word = word.substr(word.rfind('/') + 1);
  std::string name(word.substr(0, kMaxNameBytes));
  std::ranges::replace_if(
      name, [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '/'; }, '_');
  return name.empty() || name == "." || name == ".." ? "task" : name;
}

void SetCommand(const RunFlags& flags, const std::vector<std::string>& arguments, TaskInfo* task,
                std::vector<std::string>* problems) {
  mesos::v1::CommandInfo* command = task->mutable_command();
  if (!flags.command && arguments.empty()) {
    problems->push_back(
        "There is nothing to run: give --command='...', a command after --, --task or "
        "--task_group");
  } else if (flags.command && flags.shell) {
    if (!arguments.empty()) {
      problems->push_back(
          "Give --command or a command after --, not both (with --no-shell they are the "
          "arguments)");
    }
    command->set_shell(true);
    command->set_value(*flags.command);
  } else {
    // The program and its complete argument vector, as exec takes them.
    command->set_shell(false);
    command->set_value(flags.command ? *flags.command : arguments.front());
    if (flags.command) command->add_arguments(*flags.command);
    for (const std::string& argument : arguments) command->add_arguments(argument);
  }
  if (flags.env) {
    for (const auto& [name, value] : *flags.env) {
      mesos::v1::Environment::Variable* variable = command->mutable_environment()->add_variables();
      variable->set_name(name);
      variable->set_value(value);
    }
  }
}

void AddNetworks(const std::optional<std::string>& networks, ContainerInfo* container) {
  if (!networks) return;
  for (const std::string& network : SplitList(*networks))
    container->add_network_infos()->set_name(network);
}

void SetMesosContainer(const RunFlags& flags, TaskInfo* task) {
  ContainerInfo container;
  if (flags.docker_image) {
    mesos::v1::Image* image = container.mutable_mesos()->mutable_image();
    image->set_type(mesos::v1::Image::DOCKER);
    image->mutable_docker()->set_name(*flags.docker_image);
  } else if (flags.appc_image) {
    mesos::v1::Image* image = container.mutable_mesos()->mutable_image();
    image->set_type(mesos::v1::Image::APPC);
    image->mutable_appc()->set_name(*flags.appc_image);
    for (const auto& [key, value] : {std::pair("os", "linux"), std::pair("arch", "amd64")}) {
      mesos::v1::Label* label = image->mutable_appc()->mutable_labels()->add_labels();
      label->set_key(key);
      label->set_value(value);
    }
  }
  AddNetworks(flags.networks, &container);
  if (flags.volumes) container.mutable_volumes()->Add(flags.volumes->begin(), flags.volumes->end());
  if (flags.rlimits) *container.mutable_rlimit_info() = *flags.rlimits;
  if (flags.effective_capabilities) {
    *container.mutable_linux_info()->mutable_effective_capabilities() =
        *flags.effective_capabilities;
  }
  if (flags.bounding_capabilities) {
    *container.mutable_linux_info()->mutable_bounding_capabilities() = *flags.bounding_capabilities;
  }
  if (flags.tty) container.mutable_tty_info();
  // A task without special settings gets no container.
  if (container.ByteSizeLong() == 0) return;
  container.set_type(ContainerInfo::MESOS);
  *task->mutable_container() = std::move(container);
}

void SetDockerContainer(const RunFlags& flags, TaskInfo* task, std::vector<std::string>* problems) {
  if (!flags.docker_image) problems->push_back("--containerizer=docker needs --docker_image");
  if (flags.tty) problems->push_back("--tty does not go with --containerizer=docker");
  if (flags.rlimits || flags.effective_capabilities || flags.bounding_capabilities ||
      flags.appc_image) {
    problems->push_back(
        "--rlimits, --effective_capabilities, --bounding_capabilities and --appc_image need "
        "--containerizer=mesos");
  }
  ContainerInfo* container = task->mutable_container();
  container->set_type(ContainerInfo::DOCKER);
  container->mutable_docker()->set_image(flags.docker_image.value_or(""));
  if (flags.volumes)
    container->mutable_volumes()->Add(flags.volumes->begin(), flags.volumes->end());
  AddNetworks(flags.networks, container);
  if (container->network_infos_size() > 1)
    problems->push_back("--containerizer=docker takes one network only");
  if (container->network_infos_size() == 1)
    container->mutable_docker()->set_network(ContainerInfo::DockerInfo::USER);
}

TaskInfo ToTask(const RunFlags& flags, const std::vector<std::string>& arguments,
                std::vector<std::string>* problems) {
  TaskInfo task;
  SetCommand(flags, arguments, &task, problems);
  task.set_name(flags.name.value_or(NameFromCommand(task.command().value())));
  task.mutable_task_id()->set_value(task.name());
  task.mutable_agent_id()->set_value("");
  if (flags.name && (flags.name->empty() || flags.name->size() > kMaxNameBytes ||
                     flags.name->find('/') != std::string::npos)) {
    problems->push_back(
        fmt::format("--name: '{}' cannot be a task's id: use 1 to {} characters and no '/'",
                    *flags.name, kMaxNameBytes));
  }
  const Result<Resources> resources = Resources::Parse(flags.resources);
  if (!resources) {
    problems->push_back(fmt::format("--resources: {}", resources.error().message));
  } else if (resources->empty()) {
    problems->push_back("--resources: a task needs resources");
  } else {
    resources->ToProto(task.mutable_resources());
  }
  if (flags.docker_image && flags.appc_image)
    problems->push_back("--docker_image and --appc_image exclude each other");
  if (flags.containerizer == "mesos") {
    SetMesosContainer(flags, &task);
  } else if (flags.containerizer == "docker") {
    SetDockerContainer(flags, &task, problems);
  } else {
    problems->push_back(
        fmt::format("--containerizer: '{}' is not mesos or docker", flags.containerizer));
  }
  return task;
}

// Flags that describe a task cannot be combined with a task given as JSON.
void CheckWrittenTask(const RunFlags& flags, const std::vector<std::string>& arguments,
                      std::vector<std::string>* problems) {
  const std::pair<const char*, bool> given[] = {
      {"name", flags.name.has_value()},
      {"command", flags.command.has_value()},
      {"env", flags.env.has_value()},
      {"docker_image", flags.docker_image.has_value()},
      {"appc_image", flags.appc_image.has_value()},
      {"volumes", flags.volumes.has_value()},
      {"rlimits", flags.rlimits.has_value()},
      {"effective_capabilities", flags.effective_capabilities.has_value()},
      {"bounding_capabilities", flags.bounding_capabilities.has_value()},
      {"tty", flags.tty},
      {"networks", flags.task && flags.networks.has_value()},
  };
  for (const auto& [name, is_given] : given) {
    if (is_given)
      problems->push_back(fmt::format(
          "--{} has no effect on --task or --task_group: put it into their JSON", name));
  }
  if (!arguments.empty()) problems->push_back("Give --task or --task_group or a command, not both");
}

void SetGroup(const RunFlags& flags, frameworks::RunPlan* plan,
              std::vector<std::string>* problems) {
  plan->tasks.assign(flags.task_group->tasks().begin(), flags.task_group->tasks().end());
  if (plan->tasks.empty()) problems->push_back("--task_group has no tasks");
  mesos::v1::ExecutorInfo& executor = plan->group_executor.emplace();
  executor.set_type(mesos::v1::ExecutorInfo::DEFAULT);
  executor.mutable_executor_id()->set_value("default-executor");
  Resources::Parse(kGroupExecutorResources)->ToProto(executor.mutable_resources());
  if (flags.networks && !SplitList(*flags.networks).empty()) {
    executor.mutable_container()->set_type(ContainerInfo::MESOS);
    AddNetworks(flags.networks, executor.mutable_container());
  }
}

FrameworkInfo ToFramework(const RunFlags& flags, const std::string& user,
                          std::vector<std::string>* problems) {
  using Capability = FrameworkInfo::Capability;
  FrameworkInfo framework;
  framework.set_user(user);
  framework.set_name("tepui run");
  framework.set_checkpoint(flags.checkpoint);
  framework.add_roles(flags.role);
  if (const Status role = ValidateRole(flags.role); !role) {
    problems->push_back(fmt::format("--role: {}", role.error().message));
  }
  for (const auto type : {Capability::MULTI_ROLE, Capability::RESERVATION_REFINEMENT,
                          Capability::TASK_KILLING_STATE}) {
    framework.add_capabilities()->set_type(type);
  }
  if (flags.partition_aware) framework.add_capabilities()->set_type(Capability::PARTITION_AWARE);
  for (const std::string& name : SplitList(flags.framework_capabilities.value_or(""))) {
    Capability::Type type = Capability::UNKNOWN;
    if (!Capability::Type_Parse(name, &type) ||
        (type != Capability::GPU_RESOURCES && type != Capability::REGION_AWARE)) {
      problems->push_back(
          fmt::format("--framework_capabilities: '{}' is not GPU_RESOURCES or REGION_AWARE", name));
    } else {
      framework.add_capabilities()->set_type(type);
    }
  }
  if (flags.principal) framework.set_principal(*flags.principal);
  return framework;
}

}  // namespace

void DeclareRunFlags(FlagTable* table, RunFlags* flags) {
  table->Group("Master and framework");
  table
      ->Add("master", &flags->plan.master,
            "The master's host:port, or the address at which masters elect their leader: "
            "zk://host:port,.../path.")
      .Check([flags]() -> Status {
        const auto address = election::ParseMaster(flags->plan.master);
        if (address) return {};
        return Fail(Code::kInvalid, "cannot be used: {}", address.error().message);
      });
  table->Add("role", &flags->role, "Role in which the framework subscribes and takes resources.");
  table->Add("principal", &flags->principal, "Principal of the framework.");
  table->Add("secret", &flags->secret, "The principal's secret.").Secret();
  table->Add("checkpoint", &flags->checkpoint, "The task keeps running when its agent restarts.");
  table->Add("partition_aware", &flags->partition_aware,
             "Keep waiting for the task while its agent is unreachable.");
  table->Add("framework_capabilities", &flags->framework_capabilities,
             "Further capabilities, separated by commas: GPU_RESOURCES, REGION_AWARE.");
  table->AddBinding(
      "content_type",
      BindChoice(&flags->plan.content_type, {{"protobuf", ContentType::kProtobuf},
                                             {"json", ContentType::kJson},
                                             {"application/x-protobuf", ContentType::kProtobuf},
                                             {"application/json", ContentType::kJson}}),
      "Encoding of calls and events: protobuf or json.");

  table->Group("A command");
  table->Add("command", &flags->command, "Command to run; alternatively, write it after --.");
  table->Add("shell", &flags->shell,
             "Run the command in a shell; otherwise it is a program and its arguments follow --.");
  table->Add("name", &flags->name, "Name and id of the task; the default is the program's name.");
  table
      ->AddBinding("env", BindTextMap(&flags->env),
                   R"(Environment of the task: {"NAME": "value"}.)")
      .AlsoPlainPath();
  table->Add("resources", &flags->resources, "Resources of the task.");
  table->Add("kill_after", &flags->plan.kill_after, "Kill the task after this time.");

  table->Group("Its container");
  table->Add("containerizer", &flags->containerizer, "Containerizer: mesos or docker.");
  table->Add("docker_image", &flags->docker_image, "Docker image, name:tag.");
  table->Add("appc_image", &flags->appc_image, "Appc image.");
  table->Add("networks", &flags->networks, "Networks to join, separated by commas.");
  table->AddBinding("volumes", BindVolumes(&flags->volumes), "Array of Volume objects.")
      .AlsoPlainPath();
  table
      ->AddBinding("rlimits", BindJson(&flags->rlimits),
                   R"({"rlimits": [{"type": "RLMT_CPU", "soft": 1, "hard": 1}]}.)")
      .AlsoPlainPath();
  table
      ->AddBinding("effective_capabilities", BindJson(&flags->effective_capabilities),
                   R"(Capabilities to have: {"capabilities": ["NET_RAW"]}.)")
      .AlsoPlainPath();
  table
      ->AddBinding("bounding_capabilities", BindJson(&flags->bounding_capabilities),
                   "Capabilities it can ever have.")
      .AlsoPlainPath();
  table->Add("tty", &flags->tty, "Give the task a terminal.");

  table->Group("Task as JSON");
  table->AddBinding("task", BindTask(&flags->task), "A TaskInfo; agent_id may be left out.")
      .AlsoPlainPath();
  table->AddBinding("task_group", BindTaskGroup(&flags->task_group), "A TaskGroupInfo.")
      .AlsoPlainPath();

  const std::string hdfs =
      "packages cannot be copied to HDFS; put them where a URI of --task can reach them";
  table->AddUnsupported("package", "", hdfs);
  table->AddUnsupported("overwrite", "false", hdfs);
  table->AddUnsupported("hadoop", "hadoop", hdfs);
  table->AddUnsupported("hdfs", "localhost:9000", hdfs);
}

frameworks::RunPlan ToRunPlan(const RunFlags& flags, const std::vector<std::string>& arguments,
                              const std::string& user, std::vector<std::string>* problems) {
  frameworks::RunPlan plan = flags.plan;
  plan.framework = ToFramework(flags, user, problems);
  if (flags.secret && !flags.principal) problems->push_back("--secret needs --principal");
  if (flags.secret && flags.principal) {
    plan.credential.emplace();
    plan.credential->set_principal(*flags.principal);
    plan.credential->set_secret(*flags.secret);
  }
  if (flags.task && flags.task_group)
    problems->push_back("--task and --task_group exclude each other");
  if (flags.task || flags.task_group) {
    CheckWrittenTask(flags, arguments, problems);
    if (flags.task_group) {
      SetGroup(flags, &plan, problems);
    } else {
      plan.tasks.push_back(*flags.task);
    }
    for (const TaskInfo& task : plan.tasks) {
      if (const Result<Resources> resources = Resources::FromProto(task.resources()); !resources) {
        problems->push_back(fmt::format("The resources of the task '{}': {}", task.name(),
                                        resources.error().message));
      }
    }
  } else {
    plan.tasks.push_back(ToTask(flags, arguments, problems));
  }
  return plan;
}

}  // namespace tepui::cli
