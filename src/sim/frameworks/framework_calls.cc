// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/framework_calls.h"

#include <chrono>
#include <utility>

#include "base/seconds.h"

namespace tepui::sim {

using Call = Framework::Call;

namespace {

using namespace std::chrono_literals;

// The kinds are COMMAND, HTTP and TCP checks.
constexpr uint64_t kCheckTypes = 3;

// Sets the fields that both kinds of checks share.
template <class Check>
void SetTimes(Random& random, Check* check) {
  const auto seconds = [&](Duration min, Duration max) {
    return Seconds(Between(random, min, max));
  };
  check->set_delay_seconds(seconds(0s, 5s));
  check->set_interval_seconds(seconds(2s, 20s));
  check->set_timeout_seconds(seconds(400ms, 2s));
}

void AddCheck(Random& random, v1::TaskInfo* task) {
  v1::CheckInfo& check = *task->mutable_check();
  SetTimes(random, &check);
  switch (random.Below(kCheckTypes)) {
    case 0:
      check.set_type(v1::CheckInfo::COMMAND);
      check.mutable_command()->mutable_command()->set_value("true");
      return;
    case 1:
      check.set_type(v1::CheckInfo::HTTP);
      check.mutable_http()->set_port(80);
      return;
    default:
      check.set_type(v1::CheckInfo::TCP);
      check.mutable_tcp()->set_port(80);
  }
}

void AddHealthCheck(Random& random, v1::TaskInfo* task) {
  v1::HealthCheck& check = *task->mutable_health_check();
  SetTimes(random, &check);
  check.set_grace_period_seconds(static_cast<double>(random.Below(10)));
  check.set_consecutive_failures(static_cast<uint32_t>(1 + random.Below(3)));
  switch (random.Below(kCheckTypes)) {
    case 0:
      check.set_type(v1::HealthCheck::COMMAND);
      check.mutable_command()->set_value("true");
      return;
    case 1:
      check.set_type(v1::HealthCheck::HTTP);
      check.mutable_http()->set_port(80);
      return;
    default:
      check.set_type(v1::HealthCheck::TCP);
      check.mutable_tcp()->set_port(80);
  }
}

}  // namespace

v1::FrameworkInfo MakeInfo(const std::string& name, bool checkpoint,
                           std::span<const v1::FrameworkInfo::Capability::Type> capabilities) {
  v1::FrameworkInfo info;
  info.set_user("nobody");
  info.set_name(name);
  info.set_principal(name);
  info.set_hostname(name);
  info.set_checkpoint(checkpoint);
  info.set_failover_timeout(Seconds(kFailoverTimeout));
  for (const auto type : capabilities) info.add_capabilities()->set_type(type);
  return info;
}

Call MakeCall(Call::Type type) {
  Call call;
  call.set_type(type);
  return call;
}

Call MakeAccept(const std::vector<v1::Offer>& offers, double refuse_seconds) {
  Call call = MakeCall(Call::ACCEPT);
  for (const v1::Offer& offer : offers) *call.mutable_accept()->add_offer_ids() = offer.id();
  call.mutable_accept()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

Call MakeDecline(const std::vector<v1::Offer>& offers, double refuse_seconds) {
  Call call = MakeCall(Call::DECLINE);
  for (const v1::Offer& offer : offers) *call.mutable_decline()->add_offer_ids() = offer.id();
  call.mutable_decline()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

Call MakeKill(const std::string& task, Duration grace) {
  Call call = MakeCall(Call::KILL);
  call.mutable_kill()->mutable_task_id()->set_value(task);
  if (grace >= Duration::zero()) {
    call.mutable_kill()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        grace.count());
  }
  return call;
}

v1::TaskInfo MakeTask(const std::string& id, const v1::Offer& offer, OfferPool::List resources) {
  v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  *task.mutable_agent_id() = offer.agent_id();
  *task.mutable_resources() = std::move(resources);
  return task;
}

v1::CommandInfo MakeCommand(const ContainerScript& script) {
  v1::CommandInfo command;
  command.set_value(script.ToString());
  return command;
}

void AddChecks(Random& random, v1::TaskInfo* task) {
  if (Rarely(random, 4)) AddCheck(random, task);
  if (Rarely(random, 3)) AddHealthCheck(random, task);
}

Duration Between(Random& random, Duration min, Duration max) {
  using std::chrono::milliseconds;
  const auto span = std::chrono::duration_cast<milliseconds>(max - min).count();
  return min + milliseconds(random.Below(static_cast<uint64_t>(span) + 1));
}

bool Rarely(Random& random, uint64_t times) { return random.Below(times) == 0; }

}  // namespace tepui::sim
