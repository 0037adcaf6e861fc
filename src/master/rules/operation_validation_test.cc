// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "master/rules/validation.h"
#include "master/rules/validation_testing.h"

namespace tepui::master::validation {
namespace {

using Agent = v1::AgentInfo;
using Operation = v1::Offer::Operation;

constexpr std::string_view kRole = R"("allocation_info":{"role":"web"})";
constexpr std::string_view kReserved =
    R"("allocation_info":{"role":"web"},"reservations":[{"type":"DYNAMIC","role":"web","principal":"p"}])";
constexpr std::string_view kDisk =
    R"("disk":{"persistence":{"id":"v1","principal":"p"},"volume":{"mode":"RW","container_path":"d"}})";

std::string Scalar(std::string_view name, double value, std::string_view rest) {
  return fmt::format(R"({{"name":"{}","type":"SCALAR","scalar":{{"value":{}}},{}}})", name, value,
                     rest);
}

// The framework is offered unreserved cpus and disk, reserved mem and disk, and the volume v1.
std::vector<std::string> Offered() {
  return {Scalar("cpus", 4, kRole), Scalar("disk", 100, kRole), Scalar("mem", 100, kReserved),
          Scalar("disk", 50, kReserved),
          Scalar("disk", 10, fmt::format("{},{}", kReserved, kDisk))};
}

Resources Sum(const std::vector<std::string>& resources) {
  Resources sum;
  for (const std::string& json : resources)
    sum += *Resources::FromProto(FromText<v1::Resource>(json));
  return sum;
}

class OperationValidationTest : public testing::Test {
 protected:
  Status Validate(std::string_view json) {
    const Operation operation = FromText<Operation>(json);
    return ValidateOperation(operation, {.framework = framework_,
                                         .agent = agent_,
                                         .agent_capabilities = capabilities_,
                                         .offered = offered_,
                                         .principal = principal_,
                                         .used_volumes = used_,
                                         .agent_total = total_});
  }

  void Expect(std::string_view json, std::string_view error) {
    ExpectStatus(Validate(json), error, json);
  }

  static std::string Reserve(std::string_view resources, std::string_view source = "") {
    return fmt::format(R"({{"type":"RESERVE","reserve":{{"resources":[{}],"source":[{}]}}}})",
                       resources, source);
  }
  static std::string Unreserve(std::string_view resources) {
    return fmt::format(R"({{"type":"UNRESERVE","unreserve":{{"resources":[{}]}}}})", resources);
  }
  static std::string Create(std::string_view volumes) {
    return fmt::format(R"({{"type":"CREATE","create":{{"volumes":[{}]}}}})", volumes);
  }
  static std::string Destroy(std::string_view volumes) {
    return fmt::format(R"({{"type":"DESTROY","destroy":{{"volumes":[{}]}}}})", volumes);
  }
  static std::string Grow(std::string_view volume, std::string_view addition) {
    return fmt::format(R"({{"type":"GROW_VOLUME","grow_volume":{{"volume":{},"addition":{}}}}})",
                       volume, addition);
  }
  static std::string Shrink(std::string_view volume, std::string_view subtract) {
    return fmt::format(
        R"({{"type":"SHRINK_VOLUME","shrink_volume":{{"volume":{},"subtract":{{"value":{}}}}}}})",
        volume, subtract);
  }

  // A disk of size 10 with the volume of id `id`.
  static std::string Volume(std::string_view id, std::string_view more = "",
                            std::string_view mode = "RW") {
    return Scalar("disk", 10,
                  fmt::format(R"({},"disk":{{"persistence":{{"id":"{}","principal":"p"}},)"
                              R"("volume":{{"mode":"{}","container_path":"d"}}}}{})",
                              kReserved, id, mode, more));
  }

  v1::FrameworkInfo framework_ = FromText<v1::FrameworkInfo>(
      R"({"user":"u","name":"n","id":{"value":"f"},"roles":["web","web/eu"],)"
      R"("capabilities":[{"type":"MULTI_ROLE"},{"type":"SHARED_RESOURCES"}]})");
  Agent agent_ = FromText<Agent>(R"({"hostname":"h","id":{"value":"a"}})");
  std::vector<Agent::Capability::Type> capabilities_ = {
      Agent::Capability::HIERARCHICAL_ROLE, Agent::Capability::RESERVATION_REFINEMENT,
      Agent::Capability::RESOURCE_PROVIDER, Agent::Capability::AGENT_OPERATION_FEEDBACK,
      Agent::Capability::RESIZE_VOLUME};
  std::optional<std::string> principal_ = "p";
  Resources offered_ = Sum(Offered());
  Resources total_ = [this] {
    Resources total = offered_;
    total.Unallocate();
    return total;
  }();
  Resources used_;
};

// Reference 2.4.
TEST_F(OperationValidationTest, Shapes) {
  Expect(R"({})", "has no type");
  Expect(R"({"type":"MERGE"})", "has no type");
  for (std::string_view type : {"LAUNCH", "LAUNCH_GROUP", "RESERVE", "UNRESERVE", "CREATE",
                                "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME"}) {
    Expect(fmt::format(R"({{"type":"{}"}})", type), fmt::format("Operation {}: It needs '", type));
  }
  Expect(R"({"type":"LAUNCH","launch":{}})", "");
  Expect(R"({"type":"CREATE_DISK"})", "resource provider");
  Expect(R"({"type":"DESTROY_DISK"})", "resource provider");
  Expect(Reserve(""), "'resources' has no resources");
  Expect(Create(""), "'volumes' has no resources");
}

TEST_F(OperationValidationTest, Ids) {
  Expect(R"({"type":"LAUNCH","launch":{},"id":{"value":"o"}})", "cannot have an id");
  const std::string with_id =
      R"({"id":{"value":"o"},)" + Unreserve(Scalar("mem", 10, kReserved)).substr(1);
  Expect(with_id, "");
  Expect(R"({"id":{"value":""},)" + Unreserve(Scalar("mem", 10, kReserved)).substr(1),
         "Its id is empty");
  std::erase(capabilities_, Agent::Capability::AGENT_OPERATION_FEEDBACK);
  Expect(with_id, "cannot report on operations");
}

TEST_F(OperationValidationTest, Reserving) {
  const auto with = [](std::string_view reservation, std::string_view role = "web",
                       std::string_view more = "") {
    return Reserve(Scalar("cpus", 1,
                          fmt::format(R"("allocation_info":{{"role":"{}"}},"reservations":[{}]{})",
                                      role, reservation, more)));
  };
  Expect(with(R"({"type":"DYNAMIC","role":"web","principal":"p"})"), "");
  Expect(Reserve(Scalar("cpus", 5, kReserved)), "cpus");  // More than offered.
  Expect(Reserve(Scalar("cpus", 1, kRole)), "must be DYNAMIC");
  Expect(with(R"({"type":"STATIC","role":"web","principal":"p"})"), "must be DYNAMIC");
  Expect(with(R"({"type":"DYNAMIC","role":"*","principal":"p"})"), "'*'");
  Expect(with(R"({"type":"DYNAMIC","role":"web","principal":"q"})"), "carries the principal 'q'");
  Expect(with(R"({"type":"DYNAMIC","role":"web"})"), "must carry the framework's principal");
  Expect(with(R"({"type":"DYNAMIC","role":"ops","principal":"p"})"), "allocated to the role 'web'");
  Expect(with(R"({"type":"DYNAMIC","role":"ops","principal":"p"})", "ops"),
         "not a role of the framework");
  Expect(with(R"({"type":"DYNAMIC","role":"web","principal":"p"})", "web", R"(,"revocable":{})"),
         "Revocable cpus");
  Expect(Reserve(Scalar("cpus", 1,
                        R"("reservations":[{"type":"DYNAMIC","role":"web","principal":"p"}])")),
         "not allocated");
  Expect(Reserve(Scalar("cpus", 1, kReserved) + "," +
                 Scalar("disk", 1,
                        R"("allocation_info":{"role":"web/eu"},)"
                        R"("reservations":[{"type":"DYNAMIC","role":"web/eu","principal":"p"}])")),
         "allocated to two roles");
  principal_.reset();
  Expect(with(R"({"type":"DYNAMIC","role":"web"})"), "");
}

TEST_F(OperationValidationTest, ReservingAsTheAgentSupports) {
  const std::string mem = Scalar("mem", 10,
                                 R"("allocation_info":{"role":"web/eu"},"reservations":[)"
                                 R"({"type":"DYNAMIC","role":"web","principal":"p"}])");
  offered_ += Sum({mem});
  const std::string refined =
      Reserve(Scalar("mem", 10,
                     R"("allocation_info":{"role":"web/eu"},"reservations":[)"
                     R"({"type":"DYNAMIC","role":"web","principal":"p"},)"
                     R"({"type":"DYNAMIC","role":"web/eu","principal":"p"}])"));
  Expect(refined, "");
  std::erase(capabilities_, Agent::Capability::RESERVATION_REFINEMENT);
  Expect(refined, "does not support refined reservations");
  std::erase(capabilities_, Agent::Capability::HIERARCHICAL_ROLE);
  Expect(refined, "does not support roles with '/'");
}

TEST_F(OperationValidationTest, ReservingAgain) {
  const std::string_view labelled =
      R"("allocation_info":{"role":"web"},"reservations":[{"type":"DYNAMIC","role":"web","principal":"p",)"
      R"("labels":{"labels":[{"key":"k"}]}}])";
  Expect(Reserve(Scalar("mem", 10, labelled), Scalar("mem", 10, kReserved)), "");
  Expect(Reserve(Scalar("mem", 10, labelled), Scalar("mem", 9, kReserved)),
         "are not the same resources");
  Expect(Reserve(Scalar("mem", 10, labelled) + "," + Scalar("cpus", 1, kReserved),
                 Scalar("mem", 10, kReserved) + "," + Scalar("cpus", 1, kReserved)),
         "'resources' have different reservations");
  Expect(Reserve(Scalar("mem", 10, kReserved),
                 Scalar("mem", 5, kReserved) + "," + Scalar("mem", 5, labelled)),
         "'source' have different reservations");
}

TEST_F(OperationValidationTest, Unreserving) {
  Expect(Unreserve(Scalar("mem", 10, kReserved)), "");
  Expect(Unreserve(Scalar("mem", 101, kReserved)), "mem");
  Expect(Unreserve(Scalar("cpus", 1, kRole)), "not reserved dynamically");
  Expect(
      Unreserve(Scalar(
          "cpus", 1,
          R"("allocation_info":{"role":"web"},"reservations":[{"type":"STATIC","role":"web"}])")),
      "not reserved dynamically");
  Expect(Unreserve(Volume("v1")), "destroy it before");
  Expect(
      Unreserve(Scalar("mem", 10, kReserved) + "," +
                Scalar("disk", 1, fmt::format(R"({},"provider_id":{{"value":"x"}})", kReserved))),
      "more than one resource provider");
}

TEST_F(OperationValidationTest, Creating) {
  Expect(Create(Volume("v2")), "");
  Expect(Create(Volume("v2") + "," + Volume("v3")), "");
  Expect(Create(Volume("v2") + "," + Volume("v2")), "'v2' is used twice");
  Expect(Create(Volume("v1")), "'v1' is used twice");
  Expect(Create(Volume("v2", "", "RO")), "cannot be read-only");
  Expect(Create(Volume("a/b")), "has a '/'");
  Expect(Create(Volume("v2", R"(,"shared":{})")), "");
  Expect(Create(Scalar("disk", 10, kReserved)), "not a persistent volume");
  Expect(Create(Scalar("mem", 10, kReserved)), "not a persistent volume");
  Expect(Create(Scalar("disk", 10, fmt::format("{},{}", kRole, kDisk))), "unreserved");
  Expect(Create(Scalar("disk", 10,
                       fmt::format(R"({},"disk":{{"persistence":{{"id":"v2","principal":"q"}},)"
                                   R"("volume":{{"mode":"RW","container_path":"d"}}}})",
                                   kReserved))),
         "carries the principal 'q'");
  Expect(Create(Scalar("disk", 10,
                       fmt::format(R"({},"disk":{{"persistence":{{"id":"v2"}},)"
                                   R"("volume":{{"mode":"RW","container_path":"d"}}}})",
                                   kReserved))),
         "must carry the framework's principal");
  offered_ -= Sum({Scalar("disk", 45, kReserved)});
  Expect(Create(Volume("v2")), "disk");  // Five are left.
}

TEST_F(OperationValidationTest, SharedVolumesNeedTheCapability) {
  Expect(Create(Volume("v2", R"(,"shared":{})") + "," + Volume("v2", R"(,"shared":{})")),
         "appears twice in the operation");
  framework_.clear_capabilities();
  framework_.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
  Expect(Create(Volume("v2", R"(,"shared":{})")), "lacks the capability SHARED_RESOURCES");
}

TEST_F(OperationValidationTest, Destroying) {
  Expect(Destroy(Volume("v1")), "");
  Expect(Destroy(Volume("v2")), "has no persistent volume");
  Expect(Destroy(Scalar("disk", 10, kReserved)), "not a persistent volume");
  used_ = Sum({Volume("v1")});
  Expect(Destroy(Volume("v1")), "'v1' is in use");
}

TEST_F(OperationValidationTest, ASharedVolumeIsInUseByAnyFramework) {
  const std::string shared = Volume("v2", R"(,"shared":{})");
  offered_ += Sum({shared});
  total_ = offered_;
  total_.Unallocate();
  Expect(Destroy(shared), "");
  used_ = Sum({shared, shared});
  used_.Unallocate();
  used_.Allocate("other");
  Expect(Destroy(shared), "'v2' is in use");
}

TEST_F(OperationValidationTest, Growing) {
  const std::string volume = Volume("v1");
  Expect(Grow(volume, Scalar("disk", 5, kReserved)), "");
  Expect(Grow(volume, Scalar("disk", 0, kReserved)), "must not be empty");
  Expect(Grow(volume, Scalar("disk", 51, kReserved)), "disk");
  Expect(Grow(volume, Scalar("disk", 5, kRole)), "cannot be added");
  Expect(Grow(volume, Scalar("mem", 5, kReserved)), "cannot be added");
  Expect(Grow(Scalar("disk", 10, kReserved), Scalar("disk", 5, kReserved)),
         "not a persistent volume");
  Expect(Grow(Volume("v1", R"(,"shared":{})"), Scalar("disk", 5, kReserved)), "A shared volume");
  Expect(Grow(Volume("v1", R"(,"provider_id":{"value":"x"})"), Scalar("disk", 5, kReserved)),
         "resource provider");
  const std::string mount =
      Scalar("disk", 10,
             fmt::format(R"({},"disk":{{"source":{{"type":"MOUNT"}},"persistence":{{"id":"m"}},)"
                         R"("volume":{{"mode":"RW","container_path":"d"}}}})",
                         kReserved));
  Expect(
      Grow(mount, Scalar("disk", 5,
                         fmt::format(R"({},"disk":{{"source":{{"type":"MOUNT"}}}})", kReserved))),
      "cannot be added");
  std::erase(capabilities_, Agent::Capability::RESIZE_VOLUME);
  Expect(Grow(volume, Scalar("disk", 5, kReserved)), "cannot resize volumes");
}

TEST_F(OperationValidationTest, Shrinking) {
  const std::string volume = Volume("v1");
  Expect(Shrink(volume, "5"), "");
  for (std::string_view wrong :
       {"0", "-1", "10", "11", "\"NaN\"", "\"Infinity\"", "0.0001", "9.9999"}) {
    Expect(Shrink(volume, wrong), "must be above zero");
  }
  Expect(Shrink(Volume("v9"), "5"), "disk");
  Expect(Shrink(Scalar("disk", 10, kReserved), "5"), "not a persistent volume");
  Expect(Shrink(Volume("v1", R"(,"shared":{})"), "5"), "A shared volume");
  Expect(Shrink(Scalar("disk", 10,
                       fmt::format(
                           R"({},"disk":{{"source":{{"type":"MOUNT"}},"persistence":{{"id":"m"}},)"
                           R"("volume":{{"mode":"RW","container_path":"d"}}}})",
                           kReserved)),
                "5"),
         "MOUNT");
  std::erase(capabilities_, Agent::Capability::RESIZE_VOLUME);
  Expect(Shrink(volume, "5"), "cannot resize volumes");
}

}  // namespace
}  // namespace tepui::master::validation
