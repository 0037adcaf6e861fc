// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "mesos/v1/executor/executor.pb.h"
#include "net/http.h"
#include "security/caller.h"
#include "wire/content_type.h"

namespace tepui::api {

// Checks requests to an agent's endpoint for executors before they reach the core. Pure functions,
// shared by the server and by the simulator's agents (reference 1.1, 1.3).

inline constexpr std::string_view kExecutorPath = "/api/v1/executor";

// Returns who sends `request`: with a bearer token that was signed with `secret`, a caller who has
// its claims; without one, or if `secret` is empty, anonymous. An error is the complete response.
std::expected<security::Caller, net::Response> IdentifyExecutor(const net::Request& request,
                                                                std::string_view secret);

struct ExecutorRequest {
  mesos::v1::executor::Call call;
  std::optional<wire::ContentType> events;  // The encoding of the stream that a SUBSCRIBE opens.
};
// An error is the complete response.
std::expected<ExecutorRequest, net::Response> ReadExecutorRequest(const net::Request& request);

}  // namespace tepui::api
