// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/flags.h"
#include "cli/flags/json_flag.h"
#include "frameworks/run/run_plan.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::cli {

// The flags of `tepui run` (reference 8, "mesos-execute").
struct RunFlags {
  frameworks::RunPlan plan;  // Flags that are plain values are bound to it.
  std::optional<mesos::v1::TaskInfo> task;
  std::optional<mesos::v1::TaskGroupInfo> task_group;

  std::optional<std::string> name;
  std::optional<std::string> command;
  bool shell = true;
  std::optional<TextMap> env;
  std::string resources = "cpus:1;mem:128";

  std::string containerizer = "mesos";
  std::optional<std::string> docker_image;
  std::optional<std::string> appc_image;
  std::optional<std::string> networks;
  std::optional<std::vector<mesos::v1::Volume>> volumes;
  std::optional<mesos::v1::RLimitInfo> rlimits;
  std::optional<mesos::v1::CapabilityInfo> effective_capabilities;
  std::optional<mesos::v1::CapabilityInfo> bounding_capabilities;
  bool tty = false;

  std::string role = "*";
  std::optional<std::string> principal;
  std::optional<std::string> secret;
  bool checkpoint = false;
  bool partition_aware = true;
  std::optional<std::string> framework_capabilities;
};

void DeclareRunFlags(FlagTable* table, RunFlags* flags);

// `arguments` are the words after the flags. `user` is the user that tasks run as. Every problem is
// added to `problems`.
frameworks::RunPlan ToRunPlan(const RunFlags& flags, const std::vector<std::string>& arguments,
                              const std::string& user, std::vector<std::string>* problems);

}  // namespace tepui::cli
