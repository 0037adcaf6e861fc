// SPDX-License-Identifier: Apache-2.0
#include "api/executor_api.h"

#include <optional>
#include <utility>

#include "security/executor_token.h"
#include "web/call_decoding.h"
#include "web/responses.h"

namespace tepui::api {

namespace {

std::optional<std::string_view> BearerToken(const net::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* header = request.headers.Find("Authorization");
  if (header == nullptr || !header->starts_with(kScheme)) return std::nullopt;
  return std::string_view(*header).substr(kScheme.size());
}

}  // namespace

std::expected<security::Caller, net::Response> IdentifyExecutor(const net::Request& request,
                                                                std::string_view secret) {
  const auto token = BearerToken(request);
  if (secret.empty() || !token) return security::Caller();
  auto caller = security::VerifyToken(*token, secret);
  if (!caller) return std::unexpected(web::ErrorResponse(caller.error()));
  return std::move(*caller);
}

std::expected<ExecutorRequest, net::Response> ReadExecutorRequest(const net::Request& request) {
  ExecutorRequest read;
  if (auto decoded = web::DecodeCall(request, &read.call); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  if (read.call.type() == mesos::v1::executor::Call::SUBSCRIBE) {
    auto type = web::NegotiateAnswer(request);
    if (!type) return std::unexpected(std::move(type.error()));
    read.events = *type;
  }
  return read;
}

}  // namespace tepui::api
