// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "api/operator/operator_api.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::api {

// The description of a server, the same for master and agent.

mesos::v1::VersionInfo VersionInfo();

template <class Api>
Result<typename Api::Response> GetHealth(const OperatorCall<Api>&, const typename Api::View&) {
  typename Api::Response response;
  response.set_type(Api::Response::GET_HEALTH);
  response.mutable_get_health()->set_healthy(true);
  return response;
}

template <class Api>
Result<typename Api::Response> GetVersion(const OperatorCall<Api>&, const typename Api::View&) {
  typename Api::Response response;
  response.set_type(Api::Response::GET_VERSION);
  *response.mutable_get_version()->mutable_version_info() = VersionInfo();
  return response;
}

// The entries of these calls.
template <class Api>
inline constexpr std::array<OperatorEntry<Api>, 2> kAboutCalls = {{
    {Api::Call::GET_HEALTH, EverybodyMay<Api>, GetHealth<Api>},
    {Api::Call::GET_VERSION, EverybodyMay<Api>, GetVersion<Api>},
}};

}  // namespace tepui::api
