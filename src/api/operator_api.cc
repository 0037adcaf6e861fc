// SPDX-License-Identifier: Apache-2.0
#include "api/operator_api.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "web/call_decoding.h"
#include "web/responses.h"

namespace tepui::api {

namespace {

using mesos::v1::master::Call;

// Returns the field for the data of a type, which has the type's name in lower case.
const google::protobuf::FieldDescriptor* FieldOf(Call::Type type) {
  std::string name = Call::Type_Name(type);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return Call::descriptor()->FindFieldByName(name);
}

}  // namespace

OperatorRequest ReadOperatorRequest(const net::Request& request) {
  Call call;
  if (auto decoded = web::DecodeCall(request, &call); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  if (!call.has_type()) {
    return std::unexpected(
        web::TextResponse(400, "The call must have a 'type' that is known here"));
  }
  const auto* field = FieldOf(call.type());
  if (field != nullptr && !Call::GetReflection()->HasField(call, field)) {
    return std::unexpected(
        web::TextResponse(400, fmt::format("A call of type {} must have the field '{}'",
                                           Call::Type_Name(call.type()), field->name())));
  }
  if (auto type = web::NegotiateAnswer(request); !type)
    return std::unexpected(std::move(type.error()));
  return call;
}

OperatorRequest ReadTeardownForm(const net::Request& request) {
  const auto form = net::ParseFields(request.body);
  if (!form) return std::unexpected(web::ErrorResponse(form.error()));
  const std::string* framework = net::FindField(*form, "frameworkId");
  if (framework == nullptr) {
    return std::unexpected(web::TextResponse(
        400, "The body must be a form that says which framework: frameworkId=ID"));
  }
  Call call;
  call.set_type(Call::TEARDOWN);
  call.mutable_teardown()->mutable_framework_id()->set_value(*framework);
  return call;
}

net::Response NotServed(Call::Type type) {
  return web::TextResponse(
      501, fmt::format("Calls of type {} are not served by this master", Call::Type_Name(type)));
}

master::Reply ReplyToTeardown(master::Reply reply) {
  return [reply = std::move(reply)](Status status) mutable {
    if (!status && status.error().code == Code::kNotFound) status.error().code = Code::kInvalid;
    reply(std::move(status));
  };
}

}  // namespace tepui::api
