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

// What a master's API endpoints ask of a request before the core hears of it: who is refused, in
// which words, and what is answered by a master that does not lead. Pure functions, shared by the
// server and by the simulator's masters, so that simulated clients meet the real rules
// (reference 1.1, 1.2).

inline constexpr std::string_view kSchedulerPath = "/api/v1/scheduler";
inline constexpr std::string_view kAgentPath = "/api/v1/agent";

// What is known to a master that does not serve calls.
struct NotLeading {
  const mesos::v1::MasterInfo& self;
  // Elected, but without the registry yet.
  bool elected = false;
  const std::optional<mesos::v1::MasterInfo>& leader;
};

// "//host:port": the scheme is the client's.
std::string LeaderUrl(const mesos::v1::MasterInfo& leader);

// 307 to the leader with the same target, 503 without one. A leader at one's own address is what
// one was in an earlier life: nobody is sent in a circle.
net::Response SendOn(const NotLeading& master, std::string_view target);

struct SchedulerRequest {
  mesos::v1::scheduler::Call call;
  std::optional<std::string> stream_uuid;   // Never of a SUBSCRIBE.
  std::optional<wire::ContentType> events;  // Of a SUBSCRIBE: what its stream is encoded in.
  unsigned success = 202;                   // The status of a call that is no SUBSCRIBE.
};
// An error is the whole answer.
std::expected<SchedulerRequest, net::Response> ReadSchedulerRequest(const net::Request& request);

struct AgentRequest {
  link::Calls calls;                        // Either one SUBSCRIBE, valid, or none.
  std::string stream_uuid;                  // Of calls that are no SUBSCRIBE.
  std::optional<wire::ContentType> events;  // Of a SUBSCRIBE.
};
std::expected<AgentRequest, net::Response> ReadAgentRequest(const net::Request& request);

}  // namespace tepui::api
