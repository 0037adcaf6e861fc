// SPDX-License-Identifier: Apache-2.0
#include "simulated_scheduler.h"

#include <fmt/format.h>

#include <utility>

namespace tepui::bench {

SimulatedScheduler::SimulatedScheduler(
    Poller& poller, uint16_t port, const mesos::v1::FrameworkInfo& info,
    const google::protobuf::RepeatedPtrField<std::string>& suppressed_roles, Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      stream_(poller, port, stream_events_),
      calls_(poller, port, calls_events_) {
  Call call;
  call.set_type(Call::SUBSCRIBE);
  if (info.has_id()) *call.mutable_framework_id() = info.id();
  *call.mutable_subscribe()->mutable_framework_info() = info;
  *call.mutable_subscribe()->mutable_suppressed_roles() = suppressed_roles;
  stream_.Send(PostRequest("scheduler", "", call.SerializeAsString()));
}

void SimulatedScheduler::Send(Call* call) {
  *call->mutable_framework_id() = framework_id_;
  calls_.Send(PostRequest("scheduler", stream_id_, call->SerializeAsString()));
}

void SimulatedScheduler::Acknowledge(const mesos::v1::TaskStatus& status) {
  if (!status.has_uuid()) return;
  acknowledge_.set_type(Call::ACKNOWLEDGE);
  Call::Acknowledge& acknowledge = *acknowledge_.mutable_acknowledge();
  *acknowledge.mutable_agent_id() = status.agent_id();
  *acknowledge.mutable_task_id() = status.task_id();
  acknowledge.set_uuid(status.uuid());
  Send(&acknowledge_);
}

void SimulatedScheduler::StreamEvents::OnHead(unsigned status, std::string_view head) {
  if (status != 200) Die(fmt::format("A scheduler's subscription was answered {}", status));
  scheduler.stream_id_ = HeaderOf(head, "Mesos-Stream-Id");
}

void SimulatedScheduler::StreamEvents::OnBody(std::string_view bytes) {
  scheduler.decoder_.Append(bytes);
  while (true) {
    auto record = scheduler.decoder_.Next();
    if (!record) Die(record.error().message);
    if (!*record) return;
    Event& event = scheduler.event_;
    if (!event.ParseFromString(**record)) Die("An event does not parse");
    if (event.type() == Event::SUBSCRIBED) {
      scheduler.framework_id_ = event.subscribed().framework_id();
    } else if (event.type() == Event::ERROR) {
      Die("The master refused a scheduler: " + event.error().message());
    } else if (event.type() != Event::HEARTBEAT) {
      scheduler.callbacks_.on_event(event);
    }
  }
}

void SimulatedScheduler::StreamEvents::OnEnd() { Die("A scheduler's stream ended"); }

void SimulatedScheduler::CallsEvents::OnHead(unsigned status, std::string_view) {
  if (status != 202) Die(fmt::format("A scheduler's call was answered {}", status));
}

}  // namespace tepui::bench
