// SPDX-License-Identifier: Apache-2.0
#include "api/master_api.h"

#include <algorithm>

#include "master/rules/validation.h"
#include "web/call_decoding.h"
#include "web/responses.h"

namespace tepui::api {

namespace {

using mesos::v1::scheduler::Call;

std::optional<std::string> StreamIdOf(const net::Request& request) {
  const std::string* header = request.headers.Find("Mesos-Stream-Id");
  return header == nullptr ? std::nullopt : std::optional(*header);
}

}  // namespace

std::string LeaderUrl(const mesos::v1::MasterInfo& leader) {
  const std::string& host = leader.has_hostname() ? leader.hostname() : leader.address().hostname();
  return host.contains(':') ? fmt::format("//[{}]:{}", host, leader.port())
                            : fmt::format("//{}:{}", host, leader.port());
}

net::Response SendOn(const NotLeading& master, std::string_view target) {
  if (master.elected) return web::TextResponse(503, "Leading master has not finished recovery");
  if (!master.leader || LeaderUrl(*master.leader) == LeaderUrl(master.self)) {
    return web::TextResponse(503, "No leader elected");
  }
  net::Response response = web::TextResponse(307, "");
  response.headers.Add("Location", fmt::format("{}{}", LeaderUrl(*master.leader), target));
  return response;
}

std::expected<SchedulerRequest, net::Response> ReadSchedulerRequest(const net::Request& request) {
  SchedulerRequest out;
  if (auto decoded = web::DecodeCall(request, &out.call); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  out.stream_uuid = StreamIdOf(request);
  if (out.call.type() == Call::UPDATE_FRAMEWORK) out.success = 200;
  if (out.call.type() != Call::SUBSCRIBE) return out;
  const auto type = web::NegotiateAnswer(request);
  if (!type) return std::unexpected(type.error());
  out.events = *type;
  if (!out.stream_uuid) return out;
  return std::unexpected(
      web::TextResponse(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header"));
}

std::expected<AgentRequest, net::Response> ReadAgentRequest(const net::Request& request) {
  AgentRequest out;
  if (auto decoded = web::DecodeCall(request, &out.calls); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  const auto& calls = out.calls.calls();
  const bool subscribes = std::ranges::any_of(
      calls, [](const link::Call& call) { return call.type() == link::Call::SUBSCRIBE; });
  if (!subscribes) {
    auto stream_uuid = StreamIdOf(request);
    if (!stream_uuid) {
      return std::unexpected(web::TextResponse(
          400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header"));
    }
    out.stream_uuid = std::move(*stream_uuid);
    return out;
  }
  if (calls.size() != 1 || !calls.at(0).has_subscribe()) {
    return std::unexpected(web::TextResponse(
        400, "SUBSCRIBE must be the only call in the request and must carry the agent's info"));
  }
  const auto type = web::NegotiateAnswer(request);
  if (!type) return std::unexpected(type.error());
  out.events = *type;
  const Status valid = master::validation::ValidateSubscription(calls.at(0).subscribe());
  if (!valid) return std::unexpected(web::ErrorResponse(valid.error()));
  return out;
}

}  // namespace tepui::api
