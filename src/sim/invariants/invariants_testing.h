// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/make_resources.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

// Facts written by hand, for the tests of the invariants.

using SchedulerCall = mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

// Names of the violated invariants.
inline std::vector<std::string> NamesOf(const Findings& findings) {
  std::vector<std::string> names;
  for (const Violation& violation : findings.violations()) names.push_back(violation.invariant);
  return names;
}

inline v1::TaskInfo TaskOn(const std::string& agent, const std::string& id,
                           const std::string& resources = "cpus:1") {
  v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  task.mutable_agent_id()->set_value(agent);
  R(resources).ToProto(task.mutable_resources());
  return task;
}

inline SchedulerCall AcceptOf(const std::string& framework, const std::vector<std::string>& offers,
                              const std::vector<v1::TaskInfo>& tasks) {
  SchedulerCall call;
  call.set_type(SchedulerCall::ACCEPT);
  call.mutable_framework_id()->set_value(framework);
  for (const std::string& offer : offers) call.mutable_accept()->add_offer_ids()->set_value(offer);
  v1::Offer::Operation& operation = *call.mutable_accept()->add_operations();
  operation.set_type(v1::Offer::Operation::LAUNCH);
  for (const v1::TaskInfo& task : tasks) *operation.mutable_launch()->add_task_infos() = task;
  return call;
}

// A status from an agent has a uuid; a status from the master has none.
inline v1::TaskStatus StatusOf(const std::string& task, v1::TaskState state,
                               const std::string& uuid = "") {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value(task);
  status.set_state(state);
  status.set_source(uuid.empty() ? v1::TaskStatus::SOURCE_MASTER : v1::TaskStatus::SOURCE_EXECUTOR);
  if (!uuid.empty()) status.set_uuid(uuid);
  return status;
}

inline v1::TaskStatus Because(v1::TaskStatus status, v1::TaskStatus::Reason reason) {
  status.set_reason(reason);
  return status;
}

inline SchedulerEvent UpdateOf(v1::TaskStatus status) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::UPDATE);
  *event.mutable_update()->mutable_status() = std::move(status);
  return event;
}

inline link::Call SentOf(const std::string& framework, v1::TaskStatus status) {
  link::Call call;
  call.set_type(link::Call::STATUS_UPDATE);
  call.mutable_status_update()->mutable_framework_id()->set_value(framework);
  *call.mutable_status_update()->mutable_status() = std::move(status);
  return call;
}

inline link::Event AcknowledgementOf(const std::string& task, const std::string& uuid) {
  link::Event event;
  event.set_type(link::Event::STATUS_ACKNOWLEDGEMENT);
  event.mutable_status_acknowledgement()->mutable_framework_id()->set_value("f");
  event.mutable_status_acknowledgement()->mutable_task_id()->set_value(task);
  event.mutable_status_acknowledgement()->set_uuid(uuid);
  return event;
}

inline link::Event RunTaskOf(const std::string& framework, v1::TaskInfo task,
                             bool launch_executor = true) {
  link::Event event;
  event.set_type(link::Event::RUN_TASK);
  event.mutable_run_task()->mutable_framework_info()->mutable_id()->set_value(framework);
  event.mutable_run_task()->set_launch_executor(launch_executor);
  *event.mutable_run_task()->mutable_task() = std::move(task);
  return event;
}

inline SchedulerEvent SubscribedOf(const std::string& framework) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::SUBSCRIBED);
  event.mutable_subscribed()->mutable_framework_id()->set_value(framework);
  return event;
}

inline SchedulerEvent OfferOf(const std::string& id, const std::string& framework,
                              const std::string& agent, const std::string& resources) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::OFFERS);
  v1::Offer& offer = *event.mutable_offers()->add_offers();
  offer.mutable_id()->set_value(id);
  offer.mutable_framework_id()->set_value(framework);
  offer.mutable_agent_id()->set_value(agent);
  offer.set_hostname(agent);
  R(resources).ToProto(offer.mutable_resources());
  return event;
}

inline SchedulerEvent RescindOf(const std::string& offer) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::RESCIND);
  event.mutable_rescind()->mutable_offer_id()->set_value(offer);
  return event;
}

inline SchedulerEvent AgentLostOf(const std::string& agent) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::FAILURE);
  event.mutable_failure()->mutable_agent_id()->set_value(agent);
  return event;
}

}  // namespace tepui::sim
