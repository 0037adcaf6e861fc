// SPDX-License-Identifier: Apache-2.0
#include "master/view/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "master/records/task_status.h"

namespace tepui::master {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Counter::kCount)> kCounterNames = {
    "dropped_messages",
    "messages_register_framework",
    "messages_reregister_framework",
    "messages_unregister_framework",
    "messages_kill_task",
    "messages_status_update_acknowledgement",
    "messages_operation_status_update_acknowledgement",
    "messages_resource_request",
    "messages_launch_tasks",
    "messages_decline_offers",
    "messages_revive_offers",
    "messages_suppress_offers",
    "messages_reconcile_operations",
    "messages_reconcile_tasks",
    "messages_framework_to_executor",
    "messages_executor_to_framework",
    "messages_register_slave",
    "messages_reregister_slave",
    "messages_unregister_slave",
    "messages_status_update",
    "messages_operation_status_update",
    "messages_exited_executor",
    "valid_framework_to_executor_messages",
    "invalid_framework_to_executor_messages",
    "valid_executor_to_framework_messages",
    "invalid_executor_to_framework_messages",
    "valid_status_updates",
    "invalid_status_updates",
    "valid_status_update_acknowledgements",
    "invalid_status_update_acknowledgements",
    "valid_operation_status_updates",
    "invalid_operation_status_updates",
    "valid_operation_status_update_acknowledgements",
    "invalid_operation_status_update_acknowledgements",
    "recovery_slave_removals",
    "slave_registrations",
    "slave_reregistrations",
    "slave_removals",
    "slave_removals/reason_unhealthy",
    "slave_removals/reason_unregistered",
    "slave_removals/reason_registered",
    "slave_unreachable_scheduled",
    "slave_unreachable_completed",
    "slave_unreachable_canceled",
};
static_assert(!kCounterNames.back().empty());

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// Returns the value of an enum as metrics name it. They kept the old word for agents:
// REASON_AGENT_REMOVED becomes reason_slave_removed.
std::string MetricName(const std::string& value) {
  std::string name = Lower(value);
  constexpr std::string_view kAgent = "_agent";
  if (const size_t at = name.find(kAgent); at != std::string::npos) {
    name.replace(at, kAgent.size(), "_slave");
  }
  return name;
}

// Counted in Mesos for what never happens here: messages of the old protocol and of oversubscribed
// agents, and agents that are shut down instead of marked unreachable. Dashboards expect the names.
constexpr std::array<std::string_view, 8> kAlwaysZero = {
    "http_cache_hits",
    "messages_authenticate",
    "messages_deactivate_framework",
    "messages_update_slave",
    "operator_event_stream_subscribers",
    "slave_shutdowns_canceled",
    "slave_shutdowns_completed",
    "slave_shutdowns_scheduled",
};

// Escapes the part of a metric's name that a framework chose: everything but unreserved characters
// (RFC 3986).
std::string PercentEncode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void WriteResource(const Gauges& gauges, ResourceName name, Metrics* out) {
  const auto write = [&](std::string_view kind, const Quantities& total, const Quantities& used) {
    const double all = total.Get(name).ToDouble();
    const double taken = used.Get(name).ToDouble();
    const std::string prefix = fmt::format("master/{}{}_", name.text(), kind);
    (*out)[prefix + "total"] = all;
    (*out)[prefix + "used"] = taken;
    (*out)[prefix + "percent"] = all > 0 ? taken / all : 0;
  };
  write("", gauges.total, gauges.used);
  write("_revocable", gauges.revocable_total, gauges.revocable_used);
}

// UNREACHABLE tasks count as live, because they may return.
bool IsGauge(v1::TaskState state) { return !IsTerminal(state) && state != v1::TASK_UNKNOWN; }

}  // namespace

void Counters::TaskLeaves(v1::TaskState state) {
  if (!IsTerminal(state)) --tasks_[state];
}

void Counters::TaskReason(const v1::TaskStatus& status) {
  if (status.has_reason()) ++reasons_[{status.state(), status.source(), status.reason()}];
}

void Counters::OperationEnters(v1::Offer::Operation::Type type, v1::OperationState state) {
  ++operations_[type][state];
  // Operations that the master refuses or silently completes were never pending, but were received.
  if (state == v1::OPERATION_PENDING || state == v1::OPERATION_ERROR ||
      state == v1::OPERATION_DROPPED) {
    ++operation_totals_[type];
  }
}

void Counters::OperationLeaves(v1::Offer::Operation::Type type, v1::OperationState state) {
  if (!IsTerminal(state)) --operations_[type][state];
}

void Counters::Write(Metrics* out) const {
  for (size_t i = 0; i < counts_.size(); ++i)
    (*out)[fmt::format("master/{}", kCounterNames[i])] = counts_[i];
  for (const std::string_view name : kAlwaysZero) (*out)[fmt::format("master/{}", name)] = 0;

  for (int i = 0; i < static_cast<int>(kTaskStates); ++i) {
    if (!v1::TaskState_IsValid(i) || i == v1::TASK_UNKNOWN) continue;
    // TASK_RUNNING becomes tasks_running.
    const std::string name = Lower(v1::TaskState_Name(static_cast<v1::TaskState>(i))).substr(5);
    (*out)["master/tasks_" + name] = static_cast<double>(tasks_[i]);
  }
  for (const auto& [key, count] : reasons_) {
    (*out)[fmt::format(
        "master/{}/{}/{}", Lower(v1::TaskState_Name(static_cast<v1::TaskState>(key[0]))),
        MetricName(v1::TaskStatus::Source_Name(static_cast<v1::TaskStatus::Source>(key[1]))),
        MetricName(v1::TaskStatus::Reason_Name(static_cast<v1::TaskStatus::Reason>(key[2]))))] =
        count;
  }

  std::array<int64_t, kOperationStates> by_state{};
  uint64_t total = 0;
  for (size_t type = 1; type < kOperationTypes; ++type) {
    const std::string name =
        v1::Offer::Operation::Type_Name(static_cast<v1::Offer::Operation::Type>(type));
    // Launches are not counted as operations; their tasks are.
    if (name.empty() || type == v1::Offer::Operation::LAUNCH ||
        type == v1::Offer::Operation::LAUNCH_GROUP)
      continue;
    const std::string prefix = "master/operations/" + Lower(name) + "/";
    (*out)[prefix + "total"] = operation_totals_[type];
    total += operation_totals_[type];
    for (size_t state = v1::OPERATION_PENDING; state < kOperationStates; ++state) {
      if (state == v1::OPERATION_UNKNOWN) continue;
      // OPERATION_PENDING becomes .../pending.
      const std::string state_name =
          Lower(v1::OperationState_Name(static_cast<v1::OperationState>(state))).substr(10);
      (*out)[prefix + state_name] = static_cast<double>(operations_[type][state]);
      by_state[state] += operations_[type][state];
      (*out)["master/operations/" + state_name] = static_cast<double>(by_state[state]);
    }
  }
  (*out)["master/operations/total"] = total;
}

void Write(const Gauges& gauges, Metrics* out) {
  Metrics& m = *out;
  m["master/uptime_secs"] = gauges.uptime_seconds;
  m["master/elected"] = 1;
  // The allocator offers an agent exactly while it is connected.
  m["master/slaves_connected"] = m["master/slaves_active"] = gauges.agents_connected;
  m["master/slaves_disconnected"] = m["master/slaves_inactive"] = gauges.agents_disconnected;
  m["master/slaves_unreachable"] = gauges.agents_unreachable;
  m["master/frameworks_active"] = gauges.frameworks_active;
  m["master/frameworks_inactive"] = gauges.frameworks_inactive;
  m["master/frameworks_connected"] = gauges.frameworks_connected;
  m["master/frameworks_disconnected"] = gauges.frameworks_disconnected;
  m["master/outstanding_offers"] = gauges.outstanding_offers;
  for (const ResourceName name : {ResourceNames::Cpus(), ResourceNames::Gpus(),
                                  ResourceNames::Mem(), ResourceNames::Disk()}) {
    WriteResource(gauges, name, out);
  }
}

void WriteFramework(const Framework& framework, Metrics* out) {
  using ::mesos::v1::scheduler::Call;
  using ::mesos::v1::scheduler::Event;
  const FrameworkCounters& counters = framework.counters;
  const std::string prefix =
      fmt::format("master/frameworks/{}/{}/", PercentEncode(framework.info.name()), framework.id);
  const auto set = [&](std::string_view name, double value) {
    (*out)[fmt::format("{}{}", prefix, name)] = value;
  };
  // Writes one entry for each value of an enum, and their sum.
  const auto set_all = [&](const std::string& kind, const auto& counts, auto name_of) {
    uint64_t total = 0;
    for (size_t i = 1; i < counts.size(); ++i) {
      total += counts[i];
      const std::string name = Lower(name_of(static_cast<int>(i)));
      if (!name.empty()) set(kind + "/" + name, static_cast<double>(counts[i]));
    }
    set(kind, total);
  };
  set("subscribed", framework.connected() ? 1 : 0);
  set_all("calls", counters.calls,
          [](int i) { return Call::Type_Name(static_cast<Call::Type>(i)); });
  set_all("events", counters.events,
          [](int i) { return Event::Type_Name(static_cast<Event::Type>(i)); });
  set_all("operations", counters.operations, [](int i) {
    return v1::Offer::Operation::Type_Name(static_cast<v1::Offer::Operation::Type>(i));
  });
  for (int i = 0; i < static_cast<int>(kTaskStates); ++i) {
    const auto state = static_cast<v1::TaskState>(i);
    const std::string name = Lower(v1::TaskState_Name(state));
    if (!name.empty())
      set((IsGauge(state) ? "tasks/active/" : "tasks/terminal/") + name, counters.tasks[i]);
  }
  set("offers/sent", counters.offers_sent);
  set("offers/accepted", counters.offers_accepted);
  set("offers/declined", counters.offers_declined);
  set("offers/rescinded", counters.offers_rescinded);
  for (const std::string& role : framework.roles) {
    set(fmt::format("roles/{}/suppressed", role),
        framework.suppressed_roles.contains(role) ? 1 : 0);
  }
}

}  // namespace tepui::master
