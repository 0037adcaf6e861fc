// SPDX-License-Identifier: Apache-2.0
#include "api/operator/operator_api.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "web/call_decoding.h"

namespace tepui::api {

namespace {

// Returns the name of a call's type; nothing if it has none that is known here.
std::optional<std::string> TypeOf(const google::protobuf::Message& call) {
  const auto* field = call.GetDescriptor()->FindFieldByName("type");
  if (!call.GetReflection()->HasField(call, field)) return std::nullopt;
  return call.GetReflection()->GetEnum(call, field)->name();
}

// Returns the field for the data of a type, which has the type's name in lower case; null if calls
// of this type have none.
const google::protobuf::FieldDescriptor* FieldOf(const google::protobuf::Message& call,
                                                 std::string type) {
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  return call.GetDescriptor()->FindFieldByName(type);
}

}  // namespace

std::expected<wire::ContentType, net::Response> ReadCall(const net::Request& request,
                                                         google::protobuf::Message* call) {
  if (auto decoded = web::DecodeCall(request, call); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  const auto type = TypeOf(*call);
  if (!type) {
    return std::unexpected(web::TextResponse(400, "The call must have a known 'type'"));
  }
  const auto* field = FieldOf(*call, *type);
  if (field != nullptr && !call->GetReflection()->HasField(*call, field)) {
    return std::unexpected(web::TextResponse(
        400, fmt::format("A call of type {} must have the field '{}'", *type, field->name())));
  }
  return web::NegotiateAnswer(request);
}

net::Response EncodedResponse(const google::protobuf::Message& message, wire::ContentType type) {
  net::Response response;
  response.headers.Add("Content-Type", std::string(wire::Name(type)));
  response.body = wire::Encode(message, type);
  return response;
}

net::Response NotServed(std::string_view call_type, std::string_view server) {
  return web::TextResponse(
      501, fmt::format("Calls of type {} are not served by this {}", call_type, server));
}

}  // namespace tepui::api
