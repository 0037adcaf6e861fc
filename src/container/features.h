// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mesos/v1/mesos.pb.h"

namespace tepui::containers {

namespace v1 = ::mesos::v1;

// The parts of a ContainerInfo that only an isolator can provide. A container may be started only
// if some isolator of the agent handles each feature that it uses. A field that an isolator begins
// to honour becomes a feature here, or agents without that isolator would ignore it.
enum class Feature {
  kDocker,  // The type DOCKER, or settings for Docker.
  kDockerImage,
  kAppcImage,
  kHostVolume,     // A path of the machine.
  kSandboxVolume,  // A path of the sandbox, or of the parent's.
  kDockerVolume,   // A volume of a Docker volume driver.
  kSecretVolume,   // A secret as a file.
  kCsiVolume,
  kImageVolume,    // The files of an image.
  kUnknownVolume,  // No isolator handles it.
  kHostname,
  kTerminal,
  kNetwork,  // A network by name; without one, the container has the machine's.
  kSeccompProfile,
  kIpcNamespace,  // A private IPC namespace, or a size of its own for /dev/shm.
  kPidNamespace,  // A private PID namespace.
  kRlimits,
  kCapabilities,
};
using Features = std::set<Feature>;

// A feature that a container uses, with the words that name it in a sentence.
struct FeatureUse {
  Feature feature;
  std::string words;  // "The container network 'overlay'".
};

// Returns every feature that `container` uses, in the order of Feature; none for an empty message,
// which stands for a container without a ContainerInfo.
std::vector<FeatureUse> FeaturesOf(const v1::ContainerInfo& container);

}  // namespace tepui::containers
