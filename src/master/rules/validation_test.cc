// SPDX-License-Identifier: Apache-2.0
#include "master/rules/validation.h"

#include <gtest/gtest.h>

#include "master/rules/validation_testing.h"

namespace tepui::master::validation {
namespace {

using mesos::v1::scheduler::Call;

// Reference 2.5.
TEST(ValidationTest, Ids) {
  for (const std::string& id : {std::string("a"), std::string("a b.c:d"), std::string("..."),
                                std::string("é"), std::string(255, 'x')}) {
    EXPECT_TRUE(ValidateId(id, "Id")) << id;
  }
  const std::pair<std::string, std::string_view> refused[] = {
      {"", "is empty"},
      {".", "must not be '.'"},
      {"..", "must not be '..'"},
      {"a/b", "has a '/'"},
      {"a\\b", "has a '\\'"},
      {"a\nb", "control"},
      {std::string(1, '\0'), "control"},
      {"\x7f", "control"},
      {std::string(256, 'x'), "256 bytes long"},
  };
  for (const auto& [id, error] : refused) ExpectStatus(ValidateId(id, "Id"), error, id);
}

struct CallCase {
  std::string_view json;
  std::string_view error;
};

// Reference 1.2.
TEST(ValidationTest, CallShapes) {
  const CallCase cases[] = {
      {R"({})", "has no type"},
      {R"({"type":"TELEPORT"})", "has no type"},
      {R"({"type":"TEARDOWN"})", "TEARDOWN needs 'framework_id'"},
      {R"({"type":"TEARDOWN","framework_id":{"value":"f"}})", ""},
      {R"({"type":"UNKNOWN","framework_id":{"value":"f"}})", ""},
      {R"({"type":"REVIVE","framework_id":{"value":"f"}})", ""},
      {R"({"type":"SUPPRESS","framework_id":{"value":"f"}})", ""},
      {R"({"type":"ACCEPT","framework_id":{"value":"f"}})", "needs 'accept'"},
      {R"({"type":"ACCEPT","framework_id":{"value":"f"},"accept":{}})", ""},
      {R"({"type":"DECLINE","framework_id":{"value":"f"}})", "needs 'decline'"},
      {R"({"type":"ACCEPT_INVERSE_OFFERS","framework_id":{"value":"f"}})",
       "needs 'accept_inverse_offers'"},
      {R"({"type":"DECLINE_INVERSE_OFFERS","framework_id":{"value":"f"}})",
       "needs 'decline_inverse_offers'"},
      {R"({"type":"KILL","framework_id":{"value":"f"}})", "needs 'kill'"},
      {R"({"type":"KILL","framework_id":{"value":"f"},"kill":{"task_id":{"value":"t"}}})", ""},
      {R"({"type":"KILL","framework_id":{"value":"f"},"kill":{"task_id":{"value":"t"},)"
       R"("kill_policy":{"grace_period":{"nanoseconds":-1}}}})",
       "grace_period' is negative"},
      {R"({"type":"SHUTDOWN","framework_id":{"value":"f"}})", "needs 'shutdown'"},
      {R"({"type":"ACKNOWLEDGE","framework_id":{"value":"f"}})", "needs 'acknowledge'"},
      {R"({"type":"ACKNOWLEDGE","framework_id":{"value":"f"},"acknowledge":{"agent_id":{"value":"a"},)"
       R"("task_id":{"value":"t"},"uuid":"AAECAwQFBgcICQoLDA0ODw=="}})",
       ""},
      {R"({"type":"ACKNOWLEDGE","framework_id":{"value":"f"},"acknowledge":{"agent_id":{"value":"a"},)"
       R"("task_id":{"value":"t"},"uuid":"AAEC"}})",
       "must be the 16 bytes of a UUID, not 3"},
      {R"({"type":"ACKNOWLEDGE_OPERATION_STATUS","framework_id":{"value":"f"}})",
       "needs 'acknowledge_operation_status'"},
      {R"({"type":"ACKNOWLEDGE_OPERATION_STATUS","framework_id":{"value":"f"},"acknowledge_operation_status":)"
       R"({"operation_id":{"value":"o"},"uuid":""}})",
       "16 bytes"},
      {R"({"type":"ACKNOWLEDGE_OPERATION_STATUS","framework_id":{"value":"f"},"acknowledge_operation_status":)"
       R"({"operation_id":{"value":"o"},"uuid":"AAECAwQFBgcICQoLDA0ODw=="}})",
       "needs 'acknowledge_operation_status.agent_id'"},
      {R"({"type":"RECONCILE","framework_id":{"value":"f"}})", "needs 'reconcile'"},
      {R"({"type":"RECONCILE","framework_id":{"value":"f"},"reconcile":{}})", ""},
      {R"({"type":"RECONCILE_OPERATIONS","framework_id":{"value":"f"}})",
       "needs 'reconcile_operations'"},
      {R"({"type":"MESSAGE","framework_id":{"value":"f"}})", "needs 'message'"},
      {R"({"type":"REQUEST","framework_id":{"value":"f"}})", "needs 'request'"},
      {R"({"type":"UPDATE_FRAMEWORK","framework_id":{"value":"f"}})", "needs 'update_framework'"},
      {R"({"type":"UPDATE_FRAMEWORK","framework_id":{"value":"f"},)"
       R"("update_framework":{"framework_info":{"user":"u","name":"n","id":{"value":"g"}}}})",
       "'framework_id' is 'f', but 'update_framework.framework_info.id' is 'g'"},
      {R"({"type":"SUBSCRIBE"})", "needs 'subscribe'"},
      {R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}})", ""},
      {R"({"type":"SUBSCRIBE","framework_id":{"value":"f"},"subscribe":{"framework_info":{"user":"u","name":"n"}}})",
       "'framework_id' is 'f'"},
      {R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","principal":"me"}}})",
       ""},
      {R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","principal":"you"}}})",
       "authenticated as 'me'"},
  };
  for (const auto& [json, error] : cases)
    ExpectStatus(ValidateCall(FromText<Call>(json), "me"), error, json);
}

TEST(ValidationTest, WithoutAuthenticationAnyPrincipalIsTaken) {
  EXPECT_TRUE(ValidateCall(
      FromText<Call>(
          R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","principal":"p"}}})"),
      std::nullopt));
}

// Reference 2.1, 2.3.
TEST(ValidationTest, Frameworks) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"user":"u","name":"n"})", ""},
      {R"({"user":"u","name":"n","role":"web/eu"})", ""},
      {R"({"user":"u","name":"n","role":"a//b"})", "'FrameworkInfo.role'"},
      {R"({"user":"u","name":"n","role":""})", "'FrameworkInfo.role'"},
      {R"({"user":"u","name":"n","roles":["a"]})",
       "only for frameworks with the capability MULTI_ROLE"},
      {R"({"user":"u","name":"n","capabilities":[{"type":"MULTI_ROLE"}]})", ""},
      {R"({"user":"u","name":"n","roles":["a","b/c"],"capabilities":[{"type":"MULTI_ROLE"}]})", ""},
      {R"({"user":"u","name":"n","role":"a","capabilities":[{"type":"MULTI_ROLE"}]})",
       "must set 'FrameworkInfo.roles'"},
      {R"({"user":"u","name":"n","roles":["a","b","a"],"capabilities":[{"type":"MULTI_ROLE"}]})",
       "has 'a' twice"},
      {R"({"user":"u","name":"n","roles":["a","-b"],"capabilities":[{"type":"MULTI_ROLE"}]})",
       "'FrameworkInfo.roles'"},
      {R"({"user":"u","name":"n","id":{"value":""}})", ""},
      {R"({"user":"u","name":"n","id":{"value":"a/b"}})", "'FrameworkInfo.id'"},
      {R"({"user":"u","name":"n","failover_timeout":604800})", ""},
      {R"({"user":"u","name":"n","failover_timeout":1e10})", "not a duration"},
      {R"({"user":"u","name":"n","failover_timeout":"Infinity"})", "not a duration"},
      {R"({"user":"u","name":"n","failover_timeout":"NaN"})", "not a duration"},
      {R"({"user":"root","name":"n"})", "--root_submissions"},
      {R"({"user":"u","name":"n","offer_filters":{"*":{}}})", ""},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":{}}}})", ""},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":{"quantities":[{}]}}}})",
       "have no quantity"},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":)"
       R"({"quantities":[{"quantities":{"mem":{"value":32}}}]}}}})",
       ""},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":)"
       R"({"quantities":[{"quantities":{"mem":{"value":-1}}}]}}}})",
       "'mem' is negative"},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":)"
       R"({"quantities":[{"quantities":{"mem":{"value":"Infinity"}}}]}}}})",
       "not a usable number"},
      {R"({"user":"u","name":"n","offer_filters":{"*":{"min_allocatable_resources":)"
       R"({"quantities":[{"quantities":{"mem":{"value":1e300}}}]}}}})",
       "too large to be counted"},
  };
  for (const auto& [json, error] : cases) {
    ExpectStatus(ValidateFramework(FromText<v1::FrameworkInfo>(json), {}, false), error, json);
  }
  EXPECT_TRUE(
      ValidateFramework(FromText<v1::FrameworkInfo>(R"({"user":"root","name":"n"})"), {}, true));
}

TEST(ValidationTest, SuppressedRolesAreRolesOfTheFramework) {
  const auto multi = FromText<v1::FrameworkInfo>(
      R"({"user":"u","name":"n","roles":["a","b"],"capabilities":[{"type":"MULTI_ROLE"}]})");
  EXPECT_TRUE(ValidateFramework(multi, {"b", "a"}, true));
  ExpectStatus(ValidateFramework(multi, {"a", "c"}, true), "'c' is not one of", "multi");
  const auto single = FromText<v1::FrameworkInfo>(R"({"user":"u","name":"n","role":"a"})");
  EXPECT_TRUE(ValidateFramework(single, {"a"}, true));
  ExpectStatus(ValidateFramework(single, {"*"}, true), "'*' is not one of", "single");
}

// Reference 1.2: everything but principal, user and checkpoint may change.
TEST(ValidationTest, FrameworkUpdates) {
  const auto old_info = FromText<v1::FrameworkInfo>(R"({"user":"u","name":"n","principal":"p"})");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"user":"u","name":"m","principal":"p","role":"b","failover_timeout":9,"hostname":"h"})",
       ""},
      {R"({"user":"u","name":"n"})", "'FrameworkInfo.principal' cannot"},
      {R"({"user":"u","name":"n","principal":"q"})", "'FrameworkInfo.principal' cannot"},
      {R"({"user":"v","name":"n","principal":"p"})", "from 'u' to 'v'"},
      {R"({"user":"u","name":"n","principal":"p","checkpoint":true})", "from false to true"},
  };
  for (const auto& [json, error] : cases) {
    ExpectStatus(ValidateFrameworkUpdate(old_info, FromText<v1::FrameworkInfo>(json)), error, json);
  }
}

}  // namespace
}  // namespace tepui::master::validation
