// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "net/http.h"
#include "tepui/link.pb.h"
#include "wire/content_type.h"

namespace tepui::api {

// Checks requests to a master's API endpoints before they reach the core: which are refused, with
// which sentences, and how a master that does not lead answers. Pure functions, shared by the
// server and by the simulator's masters, so that simulated clients meet the real rules (reference
// 1.1, 1.2).

inline constexpr std::string_view kSchedulerPath = "/api/v1/scheduler";
inline constexpr std::string_view kAgentPath = "/api/v1/agent";

// What a master that does not serve calls knows of itself and the leader.
struct NotLeading {
  const mesos::v1::MasterInfo& self;
  // Elected, but the registry is not read yet.
  bool elected = false;
  const std::optional<mesos::v1::MasterInfo>& leader;
};

// "//host:port": the client's scheme is kept.
std::string LeaderUrl(const mesos::v1::MasterInfo& leader);

// Redirects with 307 to the same target at the leader; 503 if there is none. A leader at this
// master's own address is this master before its restart: it is not redirected to, which would make
// a circle.
net::Response SendOn(const NotLeading& master, std::string_view target);

struct SchedulerRequest {
  mesos::v1::scheduler::Call call;
  std::optional<std::string> stream_uuid;   // Empty for a SUBSCRIBE.
  std::optional<wire::ContentType> events;  // For a SUBSCRIBE, the encoding of its stream.
  unsigned success = 202;                   // The status that answers any call but SUBSCRIBE.
};
// An error is the complete response.
std::expected<SchedulerRequest, net::Response> ReadSchedulerRequest(const net::Request& request);

struct AgentRequest {
  link::Calls calls;                        // Exactly one valid SUBSCRIBE, or none.
  std::string stream_uuid;                  // Set for calls other than SUBSCRIBE.
  std::optional<wire::ContentType> events;  // Set for a SUBSCRIBE.
};
std::expected<AgentRequest, net::Response> ReadAgentRequest(const net::Request& request);

}  // namespace tepui::api
