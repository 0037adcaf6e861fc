// SPDX-License-Identifier: Apache-2.0
#include "web/call_decoding.h"

#include "web/responses.h"

namespace tepui::web {

std::expected<void, net::Response> DecodeCall(const net::Request& request,
                                              google::protobuf::Message* call) {
  const std::string* header = request.headers.Find("Content-Type");
  if (header == nullptr) {
    return std::unexpected(TextResponse(400, "Expecting 'Content-Type' to be present"));
  }
  const auto type = wire::ParseContentType(*header);
  if (!type) {
    return std::unexpected(
        TextResponse(415, fmt::format("Expecting 'Content-Type' of {} or {}",
                                      wire::kApplicationJson, wire::kApplicationProtobuf)));
  }
  wire::MemoryAsker ask;
  if (request.memory != nullptr) {
    ask = [memory = request.memory.get()](size_t bytes) { return memory->Grow(bytes); };
  }
  if (auto decoded = wire::Decode(request.body, *type, call, ask); !decoded) {
    if (decoded.error().code != Code::kInvalid) {
      return std::unexpected(ErrorResponse(decoded.error()));
    }
    return std::unexpected(TextResponse(
        400, fmt::format("Failed to parse the body as a {} of type {}: {}",
                         *type == wire::ContentType::kJson ? "JSON object" : "protobuf message",
                         call->GetDescriptor()->full_name(), decoded.error().message)));
  }
  return {};
}

std::expected<wire::ContentType, net::Response> NegotiateAnswer(const net::Request& request) {
  const auto type = wire::Negotiate(request.headers.Find("Accept"));
  if (!type) {
    return std::unexpected(
        TextResponse(406, fmt::format("Expecting 'Accept' to allow '{}' or '{}'",
                                      wire::kApplicationProtobuf, wire::kApplicationJson)));
  }
  return *type;
}

}  // namespace tepui::web
