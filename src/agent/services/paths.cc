// SPDX-License-Identifier: Apache-2.0
#include "agent/services/paths.h"

#include <fmt/format.h>

#include "resources/old_form.h"

namespace tepui::agent {

namespace {

// A role is a path ("eng/web"), but a role has a single directory for its volumes. Mesos replaces
// each slash with a space, which no role contains.
std::string RoleDirectory(std::string role) {
  for (char& c : role) {
    if (c == '/') c = ' ';
  }
  return role;
}

// Returns `child` for a container parent.child.
std::string_view LeafOf(const ContainerId& container) {
  const std::string_view text = container.value();
  const size_t dot = text.rfind('.');
  return dot == std::string_view::npos ? text : text.substr(dot + 1);
}

std::string RoleOf(const v1::Resource& resource) {
  if (resource.reservations_size() > 0) {
    return resource.reservations(resource.reservations_size() - 1).role();
  }
  return OldRole(resource);
}

bool IsMount(const v1::Resource& volume) {
  return volume.disk().source().type() == v1::Resource::DiskInfo::Source::MOUNT;
}

// Returns the root directory of the disk that holds `volume`.
Result<std::string> VolumeRoot(const std::string& work_dir, const v1::Resource& volume) {
  if (!volume.disk().has_source()) return work_dir;
  if (std::optional<std::string> root = DiskRoot(work_dir, volume)) return std::move(*root);
  return Fail(Code::kInvalid,
              "The disk of persistent volume '{}' names no root directory (only PATH and MOUNT "
              "disks with a root are supported)",
              volume.disk().persistence().id());
}

}  // namespace

std::string FrameworkPath(const std::string& work_dir, const AgentId& agent,
                          const FrameworkId& framework) {
  return fmt::format("{}/slaves/{}/frameworks/{}", work_dir, agent, framework);
}

std::string ExecutorPath(const std::string& work_dir, const AgentId& agent,
                         const FrameworkId& framework, const ExecutorId& executor) {
  return fmt::format("{}/executors/{}", FrameworkPath(work_dir, agent, framework), executor);
}

std::string RunPath(const std::string& executor_path, const ContainerId& container) {
  return fmt::format("{}/runs/{}", executor_path, container);
}

std::string LatestRunPath(const std::string& executor_path) {
  return executor_path + "/runs/latest";
}

std::string NestedSandboxPath(const std::string& sandbox, const ContainerId& nested) {
  return fmt::format("{}/containers/{}", sandbox, LeafOf(nested));
}

std::string TaskLinkPath(const std::string& sandbox, const TaskId& task) {
  return fmt::format("{}/tasks/{}", sandbox, task);
}

std::optional<std::string> DiskRoot(const std::string& work_dir, const v1::Resource& resource) {
  const v1::Resource::DiskInfo::Source& source = resource.disk().source();
  std::string root;
  if (source.type() == v1::Resource::DiskInfo::Source::PATH) root = source.path().root();
  if (IsMount(resource)) root = source.mount().root();
  if (root.empty()) return std::nullopt;
  return root.starts_with('/') ? root : work_dir + "/" + root;
}

Result<std::string> VolumePath(const std::string& work_dir, const v1::Resource& volume) {
  const std::string& id = volume.disk().persistence().id();
  const std::string role = RoleDirectory(RoleOf(volume));
  if (!IsInnerPath(id) || id.find('/') != std::string::npos || !IsInnerPath(role)) {
    return Fail(Code::kInvalid, "A persistent volume '{}' of role '{}' cannot be a directory name",
                id, role);
  }
  Result<std::string> root = VolumeRoot(work_dir, volume);
  // The volume of a MOUNT disk is the whole disk.
  if (!root || IsMount(volume)) return root;
  return fmt::format("{}/volumes/roles/{}/{}", *root, role, id);
}

std::optional<std::string> DestroyedVolumePath(const std::string& work_dir,
                                               const v1::Resource& volume,
                                               const std::string& name) {
  const Result<std::string> root = VolumeRoot(work_dir, volume);
  if (!root || IsMount(volume)) return std::nullopt;
  return fmt::format("{}/volumes/destroyed/{}", *root, name);
}

bool IsInnerPath(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "." || part == "..") return false;
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return true;
}

}  // namespace tepui::agent
