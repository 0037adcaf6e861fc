// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string_view>

#include "master/records/links.h"
#include "mesos/v1/master/master.pb.h"
#include "net/http.h"

namespace tepui::api {

// Checks requests to a master's endpoints for operators before they reach the core, and gives the
// answers in which Mesos deviates from the status of an error's kind (reference 1.4, 1.7). Pure
// functions.

inline constexpr std::string_view kOperatorPath = "/api/v1";
inline constexpr std::string_view kTeardownPath = "/teardown";

using OperatorRequest = std::expected<mesos::v1::master::Call, net::Response>;

// Reads a call that has a type and the field that goes with it. An error is the complete response.
OperatorRequest ReadOperatorRequest(const net::Request& request);

// Reads a TEARDOWN from a form, as it was sent before there were calls.
OperatorRequest ReadTeardownForm(const net::Request& request);

// The answer to calls that are valid but not served.
net::Response NotServed(mesos::v1::master::Call::Type type);

// Mesos treats an unknown framework as an invalid request: 400, never 404.
master::Reply ReplyToTeardown(master::Reply reply);

}  // namespace tepui::api
