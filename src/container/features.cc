// SPDX-License-Identifier: Apache-2.0
#include "container/features.h"

#include <fmt/format.h>

namespace tepui::containers {
namespace {

using Source = v1::Volume::Source;

Feature FeatureOf(const Source& source) {
  switch (source.type()) {
    case Source::DOCKER_VOLUME:
      return Feature::kDockerVolume;
    case Source::HOST_PATH:
      return Feature::kHostVolume;
    case Source::SANDBOX_PATH:
      return Feature::kSandboxVolume;
    case Source::SECRET:
      return Feature::kSecretVolume;
    case Source::CSI_VOLUME:
      return Feature::kCsiVolume;
    case Source::UNKNOWN:
      break;
  }
  return Feature::kUnknownVolume;
}

Feature FeatureOf(const v1::Volume& volume) {
  if (volume.has_source()) return FeatureOf(volume.source());
  if (volume.has_image()) return Feature::kImageVolume;
  if (!volume.has_host_path()) return Feature::kUnknownVolume;
  return volume.host_path().starts_with('/') ? Feature::kHostVolume : Feature::kSandboxVolume;
}

void AddLinux(const v1::LinuxInfo& info, std::vector<FeatureUse>* uses) {
  if (info.seccomp().has_profile_name()) {
    uses->push_back({Feature::kSeccompProfile, "A seccomp profile"});
  }
  if (info.ipc_mode() == v1::LinuxInfo::PRIVATE || info.has_shm_size()) {
    uses->push_back({Feature::kIpcNamespace, "A private IPC namespace"});
  }
  if (info.has_share_pid_namespace() && !info.share_pid_namespace()) {
    uses->push_back({Feature::kPidNamespace, "A PID namespace of its own"});
  }
}

bool NamesCapabilities(const v1::LinuxInfo& info) {
  return info.has_capability_info() || info.has_effective_capabilities() ||
         info.has_bounding_capabilities();
}

}  // namespace

std::vector<FeatureUse> FeaturesOf(const v1::ContainerInfo& container) {
  std::vector<FeatureUse> uses;
  // The type that protobuf gives a message without one is DOCKER.
  const bool docker = container.has_type() && container.type() == v1::ContainerInfo::DOCKER;
  if (docker || container.has_docker()) {
    uses.push_back({Feature::kDocker, "A container of type DOCKER"});
  }
  if (container.mesos().has_image()) {
    const bool appc = container.mesos().image().type() == v1::Image::APPC;
    uses.push_back({appc ? Feature::kAppcImage : Feature::kDockerImage, "A container image"});
  }
  for (const v1::Volume& volume : container.volumes()) {
    uses.push_back({FeatureOf(volume), "A volume of the container"});
  }
  if (container.has_hostname()) uses.push_back({Feature::kHostname, "A hostname of its own"});
  if (container.has_tty_info()) uses.push_back({Feature::kTerminal, "A terminal"});
  for (const v1::NetworkInfo& network : container.network_infos()) {
    if (!network.has_name()) continue;
    uses.push_back({Feature::kNetwork, fmt::format("The container network '{}'", network.name())});
  }
  AddLinux(container.linux_info(), &uses);
  if (container.rlimit_info().rlimits_size() > 0) uses.push_back({Feature::kRlimits, "An rlimit"});
  if (NamesCapabilities(container.linux_info())) {
    uses.push_back({Feature::kCapabilities, "A set of capabilities"});
  }
  return uses;
}

}  // namespace tepui::containers
