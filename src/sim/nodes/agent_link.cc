// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/agent_link.h"

#include <utility>

#include "wire/content_type.h"

namespace tepui::sim {

AgentLink::AgentLink(Network& network, Process& process, Host from, Events events)
    : network_(network), process_(process), from_(std::move(from)), events_(std::move(events)) {}

AgentLink::~AgentLink() {
  drained_ = nullptr;
  Disconnect();
}

net::Request AgentLink::MakeRequest(const link::Calls& calls) const {
  net::Request request;
  request.method = "POST";
  request.target = "/api/v1/agent";
  request.headers.Add("Host", to_);
  request.headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
  request.headers.Add("Accept", std::string(wire::kApplicationProtobuf));
  if (!stream_id_.empty()) request.headers.Add("Mesos-Stream-Id", stream_id_);
  // Like the real link: the master refuses a message with a missing part.
  request.body = calls.SerializePartialAsString();
  return request;
}

void AgentLink::Subscribe(link::Call::Subscribe subscribe) {
  Disconnect();
  to_ = master_;
  link::Calls calls;
  link::Call* call = calls.add_calls();
  call->set_type(link::Call::SUBSCRIBE);
  *call->mutable_subscribe() = std::move(subscribe);

  Network::ResponseHandler handler;
  handler.on_response = [this](const net::Response& response) { OnResponse(response); };
  handler.on_record = [this](const std::string& record) { OnRecord(record); };
  handler.on_end = [this](const std::string& reason) { Break(reason); };
  network_.Connect(
      process_, from_, to_,
      current_->Bind([this, request = MakeRequest(calls), handler = std::move(handler)](
                         Result<std::unique_ptr<Network::Connection>> connection) mutable {
        if (!connection) return Break(connection.error().message);
        stream_ = std::move(*connection);
        stream_->Send(std::move(request), std::move(handler));
      }));
}

void AgentLink::OnResponse(const net::Response& response) {
  const std::string* stream_id = response.headers.Find("Mesos-Stream-Id");
  if (response.status != 200 || stream_id == nullptr) {
    return Break(
        fmt::format("the master at {} answered {}: {}", to_, response.status, response.body));
  }
  stream_id_ = *stream_id;
  open_ = true;
}

void AgentLink::OnRecord(const std::string& record) {
  link::Event event;
  if (!event.ParseFromString(record)) {
    return Break(fmt::format("the master at {} sent an event that does not parse", to_));
  }
  events_.on_event(event);
}

bool AgentLink::Send(link::Call call) {
  if (!open_) return false;
  if (!calls_.Add(std::move(call))) {
    open_ = false;
    process_.Post(current_->Bind([this] {
      Break(fmt::format("the master at {} does not read the calls that the agent sends", to_));
    }));
    return false;
  }
  Flush();
  return true;
}

void AgentLink::Flush() {
  const auto batch = calls_.Take();
  if (!batch) return;
  net::Request request = MakeRequest(*batch);
  if (batches_ != nullptr) return SendBatch(std::move(request));
  network_.Connect(
      process_, from_, to_,
      current_->Bind([this, request = std::move(request)](
                         Result<std::unique_ptr<Network::Connection>> connection) mutable {
        if (!connection) return Break(connection.error().message);
        batches_ = std::move(*connection);
        SendBatch(std::move(request));
      }));
}

void AgentLink::SendBatch(net::Request request) {
  Network::ResponseHandler handler;
  handler.on_response = [this](const net::Response& response) { OnBatchAnswer(response); };
  handler.on_end = [this](const std::string& reason) { Break(reason); };
  batches_->Send(std::move(request), std::move(handler));
}

void AgentLink::OnBatchAnswer(const net::Response& response) {
  calls_.OnAnswered();
  if (response.status != 202) {
    return Break(fmt::format("the master at {} refused a call with {}: {}", to_, response.status,
                             response.body));
  }
  Flush();
  if (calls_.empty()) EndDrain();
}

void AgentLink::Disconnect() {
  current_.emplace();
  open_ = false;
  stream_id_.clear();
  calls_.Clear();
  stream_.reset();
  batches_.reset();
  EndDrain();
}

void AgentLink::Break(const std::string& reason) {
  Disconnect();
  events_.on_disconnected(reason);
}

void AgentLink::Drain(std::move_only_function<void()> done) {
  drained_ = std::move(done);
  if (calls_.empty()) EndDrain();
}

void AgentLink::EndDrain() {
  if (drained_) std::exchange(drained_, nullptr)();
}

}  // namespace tepui::sim
