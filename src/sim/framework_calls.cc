#include "sim/framework_calls.h"

#include <chrono>
#include <utility>

namespace tepui::sim {

using Call = Framework::Call;

v1::FrameworkInfo MakeInfo(const std::string& name, bool checkpoint,
                           std::span<const v1::FrameworkInfo::Capability::Type> capabilities) {
  v1::FrameworkInfo info;
  info.set_user("nobody");
  info.set_name(name);
  info.set_principal(name);
  info.set_hostname(name);
  info.set_checkpoint(checkpoint);
  info.set_failover_timeout(std::chrono::duration<double>(kFailoverTimeout).count());
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

Duration Between(Random& random, Duration min, Duration max) {
  using std::chrono::milliseconds;
  const auto span = std::chrono::duration_cast<milliseconds>(max - min).count();
  return min + milliseconds(random.Below(static_cast<uint64_t>(span) + 1));
}

bool Rarely(Random& random, uint64_t times) { return random.Below(times) == 0; }

}  // namespace tepui::sim
