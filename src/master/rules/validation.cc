// SPDX-License-Identifier: Apache-2.0
#include "master/rules/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>
#include <unordered_set>

#include "master/rules/resource_rules.h"
#include "model/roles.h"

namespace tepui::master::validation {
namespace {

using Call = mesos::v1::scheduler::Call;

constexpr size_t kMaxIdBytes = 255;  // An id becomes the name of a directory.
constexpr size_t kUuidBytes = 16;

Status Require(bool present, std::string_view part, const Call& call) {
  if (present) return {};
  return Fail(Code::kInvalid, "A call of type {} needs '{}'", Call::Type_Name(call.type()), part);
}

Status ValidateUuid(const std::string& uuid, std::string_view where) {
  if (uuid.size() == kUuidBytes) return {};
  return Fail(Code::kInvalid, "'{}' must be the {} bytes of a UUID, not {}", where, kUuidBytes,
              uuid.size());
}

Status ValidateSubscribe(const Call& call, const std::optional<std::string>& principal) {
  if (Status valid = Require(call.has_subscribe(), "subscribe", call); !valid) return valid;
  const v1::FrameworkInfo& info = call.subscribe().framework_info();
  if (info.id().value() != call.framework_id().value()) {
    return Fail(Code::kInvalid, "'framework_id' is '{}', but 'subscribe.framework_info.id' is '{}'",
                call.framework_id().value(), info.id().value());
  }
  if (principal && info.has_principal() && info.principal() != *principal) {
    return Fail(Code::kInvalid,
                "'framework_info.principal' is '{}', but the call was authenticated as '{}'",
                info.principal(), *principal);
  }
  return {};
}

Status ValidateKill(const Call& call) {
  if (Status valid = Require(call.has_kill(), "kill", call); !valid) return valid;
  if (call.kill().kill_policy().grace_period().nanoseconds() < 0) {
    return Fail(Code::kInvalid, "'kill.kill_policy.grace_period' is negative");
  }
  return {};
}

Status ValidateAcknowledgeOperation(const Call& call) {
  const auto& acknowledge = call.acknowledge_operation_status();
  if (Status valid =
          Require(call.has_acknowledge_operation_status(), "acknowledge_operation_status", call);
      !valid) {
    return valid;
  }
  if (Status valid = ValidateUuid(acknowledge.uuid(), "acknowledge_operation_status.uuid");
      !valid) {
    return valid;
  }
  return Require(acknowledge.has_agent_id(), "acknowledge_operation_status.agent_id", call);
}

Status ValidateUpdateFramework(const Call& call) {
  if (Status valid = Require(call.has_update_framework(), "update_framework", call); !valid) {
    return valid;
  }
  const v1::FrameworkInfo& info = call.update_framework().framework_info();
  if (info.id().value() != call.framework_id().value()) {
    return Fail(Code::kInvalid,
                "'framework_id' is '{}', but 'update_framework.framework_info.id' is '{}'",
                call.framework_id().value(), info.id().value());
  }
  return {};
}

Status ValidateRoles(const v1::FrameworkInfo& info) {
  if (!model::IsMultiRole(info)) {
    if (info.roles_size() > 0) {
      return Fail(Code::kInvalid,
                  "'FrameworkInfo.roles' is only for frameworks with the capability MULTI_ROLE");
    }
    return Within("'FrameworkInfo.role'", ValidateRole(info.role()));
  }

  if (info.has_role()) {
    return Fail(Code::kInvalid,
                "A framework with the capability MULTI_ROLE must set 'FrameworkInfo.roles' and not "
                "'FrameworkInfo.role'");
  }
  std::set<std::string_view> seen;
  for (const std::string& role : info.roles()) {
    if (!seen.insert(role).second) {
      return Fail(Code::kInvalid, "'FrameworkInfo.roles' has '{}' twice", role);
    }
    if (Status valid = ValidateRole(role); !valid) {
      return Within("'FrameworkInfo.roles'", std::move(valid));
    }
  }
  return {};
}

Status ValidateQuantity(const std::string& name, double value) {
  switch (std::fpclassify(value)) {
    case FP_ZERO:
      return {};
    case FP_NORMAL:
      if (value < 0) return Fail(Code::kInvalid, "The quantity of '{}' is negative", name);
      if (Amount::Checked(value)) return {};
      return Fail(Code::kInvalid, "The quantity of '{}' is too large to be counted", name);
    default:
      return Fail(Code::kInvalid, "The quantity of '{}' is not a usable number", name);
  }
}

// Checks a list of alternatives, each of at least one quantity (reference 2.3). Adds the names of
// the quantities to `names`.
Status ValidateOfferFilters(const std::string& role, const v1::OfferFilters& filters,
                            std::set<std::string_view>* names) {
  for (const auto& alternative : filters.min_allocatable_resources().quantities()) {
    if (alternative.quantities().empty()) {
      return Fail(Code::kInvalid, "The offer filters of role '{}' have no quantity", role);
    }
    for (const auto& [name, quantity] : alternative.quantities()) {
      if (Status valid = ValidateQuantity(name, quantity.value()); !valid) {
        return Within(fmt::format("The offer filters of role '{}'", role), std::move(valid));
      }
      names->insert(name);
    }
  }
  return {};
}

// Returns true if `seconds` fit into 64 bits of nanoseconds.
bool IsDuration(double seconds) {
  constexpr double kMaxSeconds =
      static_cast<double>(std::numeric_limits<int64_t>::max()) / 1'000'000'000;
  return std::fabs(seconds) < kMaxSeconds;  // False for NaN.
}

}  // namespace

Status ValidateId(const std::string& id, const std::string& what) {
  if (id.empty()) return Fail(Code::kInvalid, "{} is empty", what);
  if (id.size() > kMaxIdBytes) {
    return Fail(Code::kInvalid, "{} is {} bytes long, the limit is {}", what, id.size(),
                kMaxIdBytes);
  }
  if (id == "." || id == "..") return Fail(Code::kInvalid, "{} must not be '{}'", what, id);
  const auto refused = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == '/' || c == '\\';
  };
  const auto found = std::ranges::find_if(id, refused);
  if (found == id.end()) return {};
  if (*found == '/' || *found == '\\') {
    return Fail(Code::kInvalid, "{} '{}' has a '{}' in it", what, id, *found);
  }
  return Fail(Code::kInvalid, "{} has a control character in it", what);
}

Status ValidateCall(const Call& call, const std::optional<std::string>& principal) {
  if (!call.has_type()) return Fail(Code::kInvalid, "The call has no type, or an unknown one");
  if (call.type() == Call::SUBSCRIBE) return ValidateSubscribe(call, principal);
  if (Status valid = Require(call.has_framework_id(), "framework_id", call); !valid) return valid;

  switch (call.type()) {
    case Call::UNKNOWN:
    case Call::SUBSCRIBE:
    case Call::TEARDOWN:
    case Call::REVIVE:
    case Call::SUPPRESS:
      return {};
    case Call::ACCEPT:
      return Require(call.has_accept(), "accept", call);
    case Call::DECLINE:
      return Require(call.has_decline(), "decline", call);
    case Call::ACCEPT_INVERSE_OFFERS:
      return Require(call.has_accept_inverse_offers(), "accept_inverse_offers", call);
    case Call::DECLINE_INVERSE_OFFERS:
      return Require(call.has_decline_inverse_offers(), "decline_inverse_offers", call);
    case Call::KILL:
      return ValidateKill(call);
    case Call::SHUTDOWN:
      return Require(call.has_shutdown(), "shutdown", call);
    case Call::ACKNOWLEDGE:
      if (Status valid = Require(call.has_acknowledge(), "acknowledge", call); !valid) return valid;
      return ValidateUuid(call.acknowledge().uuid(), "acknowledge.uuid");
    case Call::ACKNOWLEDGE_OPERATION_STATUS:
      return ValidateAcknowledgeOperation(call);
    case Call::RECONCILE:
      return Require(call.has_reconcile(), "reconcile", call);
    case Call::RECONCILE_OPERATIONS:
      return Require(call.has_reconcile_operations(), "reconcile_operations", call);
    case Call::MESSAGE:
      return Require(call.has_message(), "message", call);
    case Call::REQUEST:
      return Require(call.has_request(), "request", call);
    case Call::UPDATE_FRAMEWORK:
      return ValidateUpdateFramework(call);
  }
  return Fail(Code::kInvalid, "The call's type is unknown");
}

Status ValidateFramework(const v1::FrameworkInfo& info,
                         const std::vector<std::string>& suppressed_roles, bool root_submissions) {
  if (Status valid = ValidateRoles(info); !valid) return valid;
  if (!info.id().value().empty()) {
    if (Status valid = ValidateId(info.id().value(), "'FrameworkInfo.id'"); !valid) return valid;
  }
  std::set<std::string_view> quantities;
  for (const auto& [role, filters] : info.offer_filters()) {
    if (Status valid = ValidateOfferFilters(role, filters, &quantities); !valid) return valid;
  }
  if (quantities.size() > Resources::kMaxNames) {
    return Fail(Code::kInvalid, "The offer filters name more than {} resources",
                Resources::kMaxNames);
  }
  if (!IsDuration(info.failover_timeout())) {
    return Fail(Code::kInvalid, "'FrameworkInfo.failover_timeout' of {} seconds is not a duration",
                info.failover_timeout());
  }
  if (!root_submissions && info.user() == "root") {
    return Fail(Code::kInvalid,
                "Frameworks of user 'root' are not admitted (the master runs without "
                "--root_submissions)");
  }

  const std::vector<std::string> roles = model::RolesOf(info);
  for (const std::string& role : suppressed_roles) {
    if (std::ranges::find(roles, role) == roles.end()) {
      return Fail(Code::kInvalid, "The suppressed role '{}' is not one of the framework's roles",
                  role);
    }
  }
  return {};
}

Status ValidateSubscription(const link::Call::Subscribe& subscribe) {
  if (subscribe.info().hostname().empty()) return Fail(Code::kInvalid, "The agent has no hostname");
  const bool runs = subscribe.tasks_size() > 0 || subscribe.executors_size() > 0 ||
                    subscribe.operations_size() > 0;
  if (subscribe.info().id().value().empty()) {
    if (runs) return Fail(Code::kInvalid, "An agent without an id cannot run anything yet");
  } else if (Status valid = ValidateId(subscribe.info().id().value(), "Agent id"); !valid) {
    return valid;
  }
  std::unordered_set<std::string_view> frameworks;
  for (const v1::FrameworkInfo& info : subscribe.frameworks()) {
    if (Status valid = ValidateId(info.id().value(), "Framework id"); !valid) return valid;
    // The master uses this FrameworkInfo until the framework reregisters. --root_submissions was
    // checked at its first subscription.
    if (Status valid = ValidateFramework(info, {}, /*root_submissions=*/true); !valid) return valid;
    frameworks.insert(info.id().value());
  }
  const std::string* last = nullptr;  // Agents list what they run by framework.
  const auto check_framework = [&](const std::string& id) -> Status {
    if (last != nullptr && *last == id) return {};
    last = &id;
    if (frameworks.contains(id)) return {};
    return Fail(Code::kInvalid,
                "The agent runs something of framework '{}' and does not list the framework", id);
  };
  for (const v1::Task& task : subscribe.tasks()) {
    if (Status valid = check_framework(task.framework_id().value()); !valid) return valid;
    if (Status valid = ValidateId(task.task_id().value(), "Task id"); !valid) return valid;
  }
  for (const link::Call::Executor& executor : subscribe.executors()) {
    if (Status valid = check_framework(executor.framework_id().value()); !valid) return valid;
    if (Status valid = ValidateId(executor.info().executor_id().value(), "Executor id"); !valid) {
      return valid;
    }
  }
  for (const v1::Operation& operation : subscribe.operations()) {
    if (operation.uuid().value().size() != kUuidBytes)
      return Fail(Code::kInvalid, "An operation has no uuid");
  }
  return {};
}

Status ValidateFrameworkUpdate(const v1::FrameworkInfo& old_info,
                               const v1::FrameworkInfo& new_info) {
  if (old_info.has_principal() != new_info.has_principal() ||
      old_info.principal() != new_info.principal()) {
    return Fail(Code::kInvalid, "'FrameworkInfo.principal' cannot be changed");
  }
  if (old_info.user() != new_info.user()) {
    return Fail(Code::kInvalid, "'FrameworkInfo.user' cannot be changed (from '{}' to '{}')",
                old_info.user(), new_info.user());
  }
  if (old_info.checkpoint() != new_info.checkpoint()) {
    return Fail(Code::kInvalid, "'FrameworkInfo.checkpoint' cannot be changed (from {} to {})",
                old_info.checkpoint(), new_info.checkpoint());
  }
  return {};
}

}  // namespace tepui::master::validation
