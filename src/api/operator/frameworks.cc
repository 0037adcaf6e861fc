// SPDX-License-Identifier: Apache-2.0
// Calls about frameworks.

#include <array>
#include <string>

#include "api/operator/master_calls.h"

namespace tepui::api {

namespace {

constexpr std::string_view kForm = "application/x-www-form-urlencoded";

// Mesos treats an unknown framework as an invalid request: 400, never 404.
void Teardown(const MasterCall& call, master::Master& master, MasterEntry::Reply reply) {
  master.Teardown(call.caller, FrameworkId(call.call.teardown().framework_id().value()),
                  [reply = WithoutBody<MasterApi>(std::move(reply))](Status status) mutable {
                    if (!status && status.error().code == Code::kNotFound)
                      status.error().code = Code::kInvalid;
                    reply(std::move(status));
                  });
}

constexpr std::array<MasterEntry, 1> kCalls = {{
    {MasterApi::Call::TEARDOWN, EverybodyMay<MasterApi>, Teardown},
}};

}  // namespace

std::span<const MasterEntry> FrameworkCalls() { return kCalls; }

Admission<MasterApi> AdmitTeardownForm(const net::Request& request, security::Caller caller) {
  const std::string* type = request.headers.Find("Content-Type");
  if (type != nullptr && !type->starts_with(kForm)) {
    return std::unexpected(
        web::TextResponse(415, fmt::format("Expecting 'Content-Type' of {}", kForm)));
  }
  const auto form = net::ParseFields(request.body);
  if (!form) return std::unexpected(web::ErrorResponse(form.error()));
  const std::string* framework = net::FindField(*form, "frameworkId");
  if (framework == nullptr) {
    return std::unexpected(
        web::TextResponse(400, "The body must be a form that names the framework: frameworkId=ID"));
  }
  MasterCall call{.caller = std::move(caller), .call = {}};
  call.call.set_type(MasterApi::Call::TEARDOWN);
  call.call.mutable_teardown()->mutable_framework_id()->set_value(*framework);
  return Admit(std::move(call));
}

}  // namespace tepui::api
