// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/health_check.h"

#include <chrono>
#include <utility>

#include "base/seconds.h"

namespace tepui::agent {

namespace {

// A health check is a check whose result is judged.
PeriodicCheck::What WhatOf(const v1::HealthCheck& health, const ContainerId& container) {
  PeriodicCheck::What what;
  what.container = container;
  v1::CheckInfo& check = what.check;
  check.set_delay_seconds(health.delay_seconds());
  check.set_interval_seconds(health.interval_seconds());
  check.set_timeout_seconds(health.timeout_seconds());
  switch (health.type()) {
    case v1::HealthCheck::COMMAND:
      check.set_type(v1::CheckInfo::COMMAND);
      *check.mutable_command()->mutable_command() = health.command();
      break;
    case v1::HealthCheck::HTTP:
      check.set_type(v1::CheckInfo::HTTP);
      check.mutable_http()->set_port(health.http().port());
      check.mutable_http()->set_path(health.http().path());
      if (health.http().has_scheme()) what.scheme = health.http().scheme();
      what.ipv6 = health.http().protocol() == v1::NetworkInfo::IPv6;
      break;
    case v1::HealthCheck::TCP:
      check.set_type(v1::CheckInfo::TCP);
      check.mutable_tcp()->set_port(health.tcp().port());
      what.ipv6 = health.tcp().protocol() == v1::NetworkInfo::IPv6;
      break;
    case v1::HealthCheck::UNKNOWN:
      break;
  }
  return what;
}

bool IsHealthy(const v1::CheckStatusInfo& found) {
  switch (found.type()) {
    case v1::CheckInfo::COMMAND:
      return found.command().exit_code() == 0;
    case v1::CheckInfo::HTTP:
      return found.http().status_code() >= 200 && found.http().status_code() < 400;
    case v1::CheckInfo::TCP:
      return found.tcp().succeeded();
    case v1::CheckInfo::UNKNOWN:
      break;
  }
  return false;
}

}  // namespace

HealthChecker::HealthChecker(const Services& services, const v1::HealthCheck& check,
                             const ContainerId& container, OnHealth on_health)
    : services_(services),
      health_check_(check),
      on_health_(std::move(on_health)),
      start_(services.clock.Now()),
      check_(services, WhatOf(check, container),
             [this](const Result<v1::CheckStatusInfo>& result) { OnResult(result); }) {}

bool HealthChecker::InGrace() const {
  const double grace = health_check_.grace_period_seconds();
  return !ever_healthy_ && grace > 0 && Seconds(services_.clock.Now() - start_) <= grace;
}

void HealthChecker::OnResult(const Result<v1::CheckStatusInfo>& result) {
  if (result && IsHealthy(*result)) {
    // A success is reported only if it changes the task's health.
    const bool news = !ever_healthy_ || failures_ > 0;
    ever_healthy_ = true;
    failures_ = 0;
    if (news) on_health_({.healthy = true});
    return;
  }
  if (InGrace()) return;
  ++failures_;
  on_health_({.healthy = false, .kill = failures_ >= health_check_.consecutive_failures()});
}

}  // namespace tepui::agent
