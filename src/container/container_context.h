// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/ids.h"
#include "container/demand.h"
#include "container/launch_spec.h"
#include "mesos/v1/mesos.pb.h"
#include "shim/launch.h"

namespace tepui::containers {

// The user that a container's processes run as.
struct ContainerUser {
  std::string name;
  shim::Launch::User ids;  // uid, gid and all groups.
};

// The container in which another one is nested.
struct ParentContainer {
  ContainerId id;
  // Its first process, whose namespaces a nested container may join; 0 if the parent has no process
  // of its own, because it only groups the nested ones.
  pid_t pid = 0;
  std::string sandbox = {};                // Empty if the parent has no process of its own.
  std::optional<std::string> rootfs = {};  // Absent: it sees the files of the machine.
};

// What an isolator sees of a container. It refers to the spec, which outlives the call it is passed
// to, and no longer.
//
// For a container from before the agent's restart, the context is made from the LaunchSpec that the
// agent has checkpointed, so it is the same but for `demand`, which is as last updated, and for the
// spec's URIs and environment, which may be empty.
struct ContainerContext {
  const LaunchSpec& spec;
  // The resolved user. Absent if the spec names none (the agent's own user is meant), or, after a
  // restart, if the user database does not answer or does not have the user any more.
  std::optional<ContainerUser> user = {};
  // The directory that the container sees as its root. Absent: it sees the files of the machine.
  std::optional<std::string> rootfs = {};
  Demand demand = {};
  std::optional<ParentContainer> parent = {};  // Absent: the container is not nested.

  const ContainerId& id() const { return spec.id; }
  const v1::ContainerInfo& container() const {
    return spec.container ? *spec.container : v1::ContainerInfo::default_instance();
  }
};

}  // namespace tepui::containers
