// SPDX-License-Identifier: Apache-2.0
#include "api/executor_api.h"

#include <utility>

#include "web/call_decoding.h"

namespace tepui::api {

namespace {

std::optional<std::string> BearerToken(const net::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* header = request.headers.Find("Authorization");
  if (header == nullptr || !header->starts_with(kScheme)) return std::nullopt;
  return header->substr(kScheme.size());
}

}  // namespace

std::expected<ExecutorRequest, net::Response> ReadExecutorRequest(const net::Request& request) {
  ExecutorRequest read;
  if (auto decoded = web::DecodeCall(request, &read.call); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  read.token = BearerToken(request);
  if (read.call.type() == mesos::v1::executor::Call::SUBSCRIBE) {
    auto type = web::NegotiateAnswer(request);
    if (!type) return std::unexpected(std::move(type.error()));
    read.events = *type;
  }
  return read;
}

}  // namespace tepui::api
