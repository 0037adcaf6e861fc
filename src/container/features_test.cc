// SPDX-License-Identifier: Apache-2.0
#include "container/features.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace tepui::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Feature> Used(const std::string& fields) {
  v1::ContainerInfo container;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("type: MESOS " + fields, &container));
  std::vector<Feature> features;
  for (const FeatureUse& use : FeaturesOf(container)) features.push_back(use.feature);
  return features;
}

// What every container of the machine has anyway needs no isolator.
TEST(FeaturesTest, TheMachinesOwnNeedsNoIsolator) {
  EXPECT_THAT(Used(""), IsEmpty());
  EXPECT_THAT(Used("network_infos {} linux_info { seccomp { unconfined: true } "
                   "share_pid_namespace: true ipc_mode: SHARE_PARENT } rlimit_info {}"),
              IsEmpty());
}

TEST(FeaturesTest, AContainerWithoutAContainerInfoUsesNothing) {
  EXPECT_TRUE(FeaturesOf(v1::ContainerInfo::default_instance()).empty());
}

TEST(FeaturesTest, EachFieldIsAFeature) {
  EXPECT_THAT(Used("docker { image: 'a' }"), ElementsAre(Feature::kDocker));
  EXPECT_THAT(Used("mesos { image { type: DOCKER } }"), ElementsAre(Feature::kDockerImage));
  EXPECT_THAT(Used("mesos { image { type: APPC } }"), ElementsAre(Feature::kAppcImage));
  EXPECT_THAT(Used("hostname: 'h'"), ElementsAre(Feature::kHostname));
  EXPECT_THAT(Used("tty_info {}"), ElementsAre(Feature::kTerminal));
  EXPECT_THAT(Used("network_infos { name: 'n' }"), ElementsAre(Feature::kNetwork));
  EXPECT_THAT(Used("linux_info { seccomp { profile_name: 'p' } }"),
              ElementsAre(Feature::kSeccompProfile));
  EXPECT_THAT(Used("linux_info { ipc_mode: PRIVATE }"), ElementsAre(Feature::kIpcNamespace));
  EXPECT_THAT(Used("linux_info { shm_size: 1 }"), ElementsAre(Feature::kIpcNamespace));
  EXPECT_THAT(Used("linux_info { share_pid_namespace: false }"),
              ElementsAre(Feature::kPidNamespace));
  EXPECT_THAT(Used("rlimit_info { rlimits { type: RLMT_CORE } }"), ElementsAre(Feature::kRlimits));
  for (const char* set : {"capability_info", "effective_capabilities", "bounding_capabilities"}) {
    EXPECT_THAT(Used(std::string("linux_info { ") + set + " {} }"),
                ElementsAre(Feature::kCapabilities));
  }
}

TEST(FeaturesTest, EachKindOfVolumeIsAFeature) {
  const auto volume = [](const std::string& fields) {
    return Used("volumes { mode: RW container_path: 'c' " + fields + " }");
  };
  EXPECT_THAT(volume("host_path: '/data'"), ElementsAre(Feature::kHostVolume));
  EXPECT_THAT(volume("host_path: 'data'"), ElementsAre(Feature::kSandboxVolume));
  EXPECT_THAT(volume("image { type: DOCKER }"), ElementsAre(Feature::kImageVolume));
  EXPECT_THAT(volume("source { type: HOST_PATH }"), ElementsAre(Feature::kHostVolume));
  EXPECT_THAT(volume("source { type: SANDBOX_PATH }"), ElementsAre(Feature::kSandboxVolume));
  EXPECT_THAT(volume("source { type: DOCKER_VOLUME }"), ElementsAre(Feature::kDockerVolume));
  EXPECT_THAT(volume("source { type: SECRET }"), ElementsAre(Feature::kSecretVolume));
  EXPECT_THAT(volume("source { type: CSI_VOLUME }"), ElementsAre(Feature::kCsiVolume));
  EXPECT_THAT(volume("source {}"), ElementsAre(Feature::kUnknownVolume));
  EXPECT_THAT(volume(""), ElementsAre(Feature::kUnknownVolume));
}

TEST(FeaturesTest, ANetworkIsNamed) {
  v1::ContainerInfo container;
  container.set_type(v1::ContainerInfo::MESOS);
  container.add_network_infos()->set_name("overlay");
  ASSERT_EQ(FeaturesOf(container).size(), 1u);
  EXPECT_EQ(FeaturesOf(container)[0].words, "The container network 'overlay'");
}

}  // namespace
}  // namespace tepui::containers
