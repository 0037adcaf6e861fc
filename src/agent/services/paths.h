#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// The layout of the work directory, as Mesos has it (reference 5.1): logs, web pages and people's
// scripts know it.
//   slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>   a sandbox
//                                                               /runs/latest      -> the newest run
//   <sandbox of a task group's executor>/containers/<container>                   the sandbox of a
//   task of a group
//                                       /tasks/<task>                             -> it
//   volumes/roles/<role>/<id>                                                     a persistent
//   volume
// and one more:
//   volumes/destroyed/<uuid>                                                      the data of one
//   that was destroyed, until it is removed
std::string FrameworkPath(const std::string& work_dir, const AgentId& agent,
                          const FrameworkId& framework);
std::string ExecutorPath(const std::string& work_dir, const AgentId& agent,
                         const FrameworkId& framework, const ExecutorId& executor);
// Both take what ExecutorPath gave.
std::string RunPath(const std::string& executor_path, const ContainerId& container);
std::string LatestRunPath(const std::string& executor_path);
// Of a nested container parent.child, in the sandbox of its parent.
std::string NestedSandboxPath(const std::string& sandbox, const ContainerId& nested);
std::string TaskLinkPath(const std::string& sandbox, const TaskId& task);

// Where the data of a persistent volume lies: under work_dir, under the root of a PATH source, or
// the root of a MOUNT source itself. kInvalid if the volume names no place that the agent may
// touch.
Result<std::string> VolumePath(const std::string& work_dir, const v1::Resource& volume);

// Where the data of such a volume is moved when it is destroyed: the same disk, beside what volumes
// can be at. Nowhere for the root of a MOUNT source.
std::optional<std::string> DestroyedVolumePath(const std::string& work_dir,
                                               const v1::Resource& volume, const std::string& name);

// True if `path` stays inside of the directory it is relative to: not empty, not absolute, no "."
// or ".." in it.
bool IsInnerPath(std::string_view path);

}  // namespace tepui::agent
