// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// The work directory has the layout of Mesos (reference 5.1), because logs, web pages and scripts
// rely on it:
//   slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>   a sandbox
//                                                               /runs/latest      -> the newest run
//   <sandbox of a task group's executor>/containers/<container>                   a task's sandbox
//                                       /tasks/<task>                             -> that sandbox
//   volumes/roles/<role>/<id>                                                     a volume
// One directory is Tepui's own; it holds the data of destroyed volumes until that is removed:
//   volumes/destroyed/<uuid>
std::string FrameworkPath(const std::string& work_dir, const AgentId& agent,
                          const FrameworkId& framework);
std::string ExecutorPath(const std::string& work_dir, const AgentId& agent,
                         const FrameworkId& framework, const ExecutorId& executor);
// Both take a path that ExecutorPath returned.
std::string RunPath(const std::string& executor_path, const ContainerId& container);
std::string LatestRunPath(const std::string& executor_path);
// Returns the sandbox of the nested container parent.child; `sandbox` is that of its parent.
std::string NestedSandboxPath(const std::string& sandbox, const ContainerId& nested);
std::string TaskLinkPath(const std::string& sandbox, const TaskId& task);

// Returns the root directory of the disk that a resource is of. Returns nothing for the disk that
// holds work_dir, or if the resource names no root.
std::optional<std::string> DiskRoot(const std::string& work_dir, const v1::Resource& resource);

// Returns where the data of a persistent volume is: under work_dir, under the root of a PATH
// source, or at the root of a MOUNT source. Returns kInvalid if the volume does not name a place
// that the agent may touch.
Result<std::string> VolumePath(const std::string& work_dir, const v1::Resource& volume);

// Returns where the data of such a volume is moved when it is destroyed: on the same disk, outside
// of the paths of volumes. Returns nothing for a MOUNT source.
std::optional<std::string> DestroyedVolumePath(const std::string& work_dir,
                                               const v1::Resource& volume, const std::string& name);

// Returns true if `path` stays inside the directory that it is relative to: it is not empty, not
// absolute, and has no "." or "..".
bool IsInnerPath(std::string_view path);

}  // namespace tepui::agent
