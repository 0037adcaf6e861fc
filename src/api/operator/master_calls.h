// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "api/operator/operator_api.h"
#include "api/v0/master_json.h"
#include "master/core/master.h"
#include "mesos/v1/master/master.pb.h"

namespace tepui::api {

inline constexpr std::string_view kTeardownPath = "/teardown";

// What calls that read the master see.
struct MasterView {
  const MasterIdentity& identity;
  const master::ReadModel& model;
};

// Calls of operators to the master (reference 1.4).
struct MasterApi {
  using Call = mesos::v1::master::Call;
  using Response = mesos::v1::master::Response;
  using View = MasterView;
  using Core = master::Master;
  static constexpr std::string_view kServer = "master";

  // Returns null for types that are not served.
  static const OperatorEntry<MasterApi>* Find(Call::Type type);
};

using MasterCall = OperatorCall<MasterApi>;
using MasterEntry = OperatorEntry<MasterApi>;

// The entries by subject, each in the file of its name.
std::span<const MasterEntry> AgentCalls();
std::span<const MasterEntry> FrameworkCalls();

// Reads a TEARDOWN from a form (POST /teardown), as it was sent before there were calls. `call` is
// the same as when it comes to /api/v1.
Admission<MasterApi> AdmitTeardownForm(const net::Request& request, security::Caller caller);

}  // namespace tepui::api
