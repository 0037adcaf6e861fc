// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/check.h"

#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/services/statuses.h"
#include "base/seconds.h"
#include "base/units.h"

namespace tepui::agent {

namespace {

// A timeout of zero seconds means no limit; no time of a check is longer than this.
constexpr Duration kForever = std::chrono::hours(24 * 365);

Duration TimeOf(double seconds) { return std::min(FromSeconds(seconds), kForever); }

Duration TimeoutOf(const v1::CheckInfo& check) {
  const Duration timeout = TimeOf(check.timeout_seconds());
  return timeout == Duration::zero() ? kForever : timeout;
}

}  // namespace

PeriodicCheck::PeriodicCheck(const Services& services, What what, OnResult on_result)
    : services_(services),
      what_(std::move(what)),
      on_result_(std::move(on_result)),
      next_(services.clock) {
  Schedule(TimeOf(what_.check.delay_seconds()));
}

void PeriodicCheck::Stop() {
  stopped_ = true;
  next_.Cancel();
}

void PeriodicCheck::Schedule(Duration delay) {
  next_.Set(delay, [this] { Perform(); });
}

void PeriodicCheck::Perform() {
  switch (what_.check.type()) {
    case v1::CheckInfo::COMMAND:
      return PerformCommand();
    case v1::CheckInfo::HTTP:
      return PerformHttp();
    case v1::CheckInfo::TCP:
      return PerformTcp();
    case v1::CheckInfo::UNKNOWN:
      return;  // Validation refuses such a check.
  }
}

void PeriodicCheck::PerformCommand() {
  const Duration timeout = TimeoutOf(what_.check);
  services_.containerizer.Exec(
      what_.container, what_.check.command().command(), timeout,
      lifetime_.Bind([this, timeout](Result<containers::ExecResult> result) {
        if (!result) return Finish(Fail(result.error()));
        if (result->timed_out) {
          return Finish(Fail(Code::kUnavailable, "The command did not end within {}",
                             FormatDuration(timeout)));
        }
        if (!WIFEXITED(result->status)) {
          return Finish(
              Fail(Code::kInternal, "The command {}", DescribeWaitStatus(result->status)));
        }
        v1::CheckStatusInfo found = EmptyCheckStatus(what_.check);
        found.mutable_command()->set_exit_code(WEXITSTATUS(result->status));
        Finish(found);
      }));
}

void PeriodicCheck::PerformHttp() {
  const v1::CheckInfo::Http& http = what_.check.http();
  // The address is not "localhost", which may resolve to an address family that the task does not
  // listen on.
  services_.prober.Http(what_.scheme, what_.ipv6 ? "::1" : "127.0.0.1",
                        static_cast<uint16_t>(http.port()), http.path(), TimeoutOf(what_.check),
                        lifetime_.Bind([this](Result<int> result) {
                          if (!result) return Finish(Fail(result.error()));
                          v1::CheckStatusInfo found = EmptyCheckStatus(what_.check);
                          found.mutable_http()->set_status_code(static_cast<uint32_t>(*result));
                          Finish(found);
                        }));
}

void PeriodicCheck::PerformTcp() {
  services_.prober.Tcp(what_.ipv6 ? "::1" : "127.0.0.1",
                       static_cast<uint16_t>(what_.check.tcp().port()), TimeoutOf(what_.check),
                       lifetime_.Bind([this](Result<bool> result) {
                         if (!result) return Finish(Fail(result.error()));
                         v1::CheckStatusInfo found = EmptyCheckStatus(what_.check);
                         found.mutable_tcp()->set_succeeded(*result);
                         Finish(found);
                       }));
}

void PeriodicCheck::Finish(const Result<v1::CheckStatusInfo>& result) {
  if (stopped_) return;
  // The next check is scheduled before the callback, which may stop or destroy this.
  Schedule(TimeOf(what_.check.interval_seconds()));
  on_result_(result);
}

Checker::Checker(const Services& services, const v1::CheckInfo& check, const ContainerId& container,
                 OnChange on_change)
    : nothing_(EmptyCheckStatus(check)),
      on_change_(std::move(on_change)),
      check_(services, {.check = check, .container = container},
             [this](const Result<v1::CheckStatusInfo>& result) { OnResult(result); }) {
  // The task's first statuses carry an empty check status already.
  last_ = nothing_.SerializeAsString();
}

void Checker::OnResult(const Result<v1::CheckStatusInfo>& result) {
  const v1::CheckStatusInfo& found = result ? *result : nothing_;
  std::string bytes = found.SerializeAsString();
  if (bytes == last_) return;
  last_ = std::move(bytes);
  on_change_(found);
}

}  // namespace tepui::agent
