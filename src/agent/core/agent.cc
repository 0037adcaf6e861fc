// SPDX-License-Identifier: Apache-2.0
#include "agent/core/agent.h"

#include <utility>

#include "agent/core/agent_impl.h"
#include "base/log.h"

namespace tepui::agent {

Agent::Agent(Options options, const Parts& parts, std::function<void(Status)> exit)
    : impl_(std::make_unique<Impl>(std::move(options), parts, std::move(exit))) {}

Agent::~Agent() = default;

void Agent::Recover() { impl_->Recover(); }

void Agent::OnMasterDetected() { impl_->OnMasterDetected(); }

void Agent::OnMasterLost() { impl_->OnMasterLost(); }

void Agent::OnMasterDisconnected(const std::string& reason) {
  impl_->registration().OnDisconnected(reason);
}

void Agent::OnMasterEvent(const link::Event& event) { impl_->OnMasterEvent(event); }

void Agent::OnExecutorSubscribe(StreamId stream, const security::Caller& caller,
                                const mesos::v1::executor::Call& call, Reply reply) {
  impl_->OnExecutorSubscribe(stream, caller, call, std::move(reply));
}

void Agent::OnExecutorCall(const security::Caller& caller, const mesos::v1::executor::Call& call,
                           Reply reply) {
  impl_->OnExecutorCall(caller, call, std::move(reply));
}

void Agent::OnStreamClosed(StreamId stream) { impl_->OnStreamClosed(stream); }

void Agent::Shutdown(bool unregister, const std::string& reason) {
  spdlog::info("The agent is ending: {}", reason);
  impl_->Shutdown(unregister, {});
}

void Agent::Leave(const std::string& reason) {
  spdlog::info("The agent leaves its checkpointed tasks to its next start: {}", reason);
  impl_->Leave();
}

void Agent::OnDiskFull(bool full) { impl_->OnDiskFull(full); }
std::shared_ptr<const AgentState> Agent::Snapshot() const { return impl_->Snapshot(); }

Status Agent::CheckInvariants() const { return impl_->CheckInvariants(); }

}  // namespace tepui::agent
