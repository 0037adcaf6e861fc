// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/sandbox.h"

#include <fmt/format.h>

#include <utility>

#include "agent/executors/executor_limits.h"
#include "agent/services/paths.h"
#include "base/planted_fault.h"

namespace tepui::agent {

std::optional<std::string> UserOf(const v1::CommandInfo& command,
                                  const v1::FrameworkInfo& framework, const Options& options) {
  if (!options.switch_user) return std::nullopt;
  if (command.has_user()) return command.user();
  // A framework may leave the user to the cluster.
  if (framework.user().empty()) return std::nullopt;
  return framework.user();
}

Status LinkVolumes(const Services& services,
                   const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                   const std::string& sandbox, const std::optional<std::string>& user) {
  for (const v1::Resource& resource : resources) {
    if (!resource.disk().has_persistence()) continue;
    const std::string& path = resource.disk().volume().container_path();
    if (!IsInnerPath(path)) {
      return Fail(Code::kInvalid,
                  "The container path '{}' of persistent volume '{}' must be a relative path "
                  "within the sandbox",
                  path, resource.disk().persistence().id());
    }
    const Result<std::string> volume = VolumePath(services.options.work_dir, resource);
    if (!volume) return Fail(volume.error());
    if (auto made = services.disk.CreateDirectory(*volume, user, ""); !made) return made;
    if (auto linked = services.disk.Link(*volume, fmt::format("{}/{}", sandbox, path)); !linked)
      return linked;
  }
  return {};
}

containers::LaunchSpec MakeTaskLaunch(const v1::TaskInfo& task, const Executor& executor,
                                      const ContainerId& container, const std::string& sandbox,
                                      const std::optional<std::string>& user) {
  containers::LaunchSpec spec;
  spec.id = container;
  spec.command = task.command();
  if (task.has_container()) spec.container = task.container();
  spec.user = user;
  spec.sandbox = sandbox;
  spec.resources = Resources::FromProto(task.resources()).value_or(Resources());
  spec.limits = LimitsOf(task);
  spec.framework = executor.framework().id;
  spec.outlives_agent = executor.checkpointed();
  return spec;
}

void LaunchContainer(const Services& services, containers::LaunchSpec spec,
                     const Lifetime& lifetime,
                     std::function<void(Result<containers::Launched>)> launched) {
  const bool checkpointed = spec.outlives_agent;
  auto go = [&containerizer = services.containerizer, id = spec.id] { containerizer.Go(id); };
  services.containerizer.Launch(std::move(spec), lifetime.Bind(std::move(launched)));
  if (!checkpointed) return;
  if (TEPUI_PLANTED_FAULT("starts-before-record")) return go();
  services.checkpoint.WhenSaved(std::move(go));
}

void ForgetContainer(const Services& services, const ContainerId& container, bool checkpointed) {
  auto forget = [&containerizer = services.containerizer, id = container] {
    containerizer.Forget(id);
  };
  if (checkpointed) {
    services.checkpoint.WhenSaved(std::move(forget));
  } else {
    forget();
  }
}

}  // namespace tepui::agent
