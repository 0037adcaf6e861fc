#pragma once

#include <expected>
#include <string_view>

#include "master/records/links.h"
#include "mesos/v1/master/master.pb.h"
#include "net/http.h"

namespace tepui::api {

// What a master's endpoints for operators ask of a request before the core hears of it, and what
// Mesos answers otherwise than by the kind of an error (reference 1.4, 1.7). Pure functions.

inline constexpr std::string_view kOperatorPath = "/api/v1";
inline constexpr std::string_view kTeardownPath = "/teardown";

using OperatorRequest = std::expected<mesos::v1::master::Call, net::Response>;

// A call that has a type, and the field that goes with it. An error is the whole answer.
OperatorRequest ReadOperatorRequest(const net::Request& request);

// The same TEARDOWN said by a form, as before there were calls.
OperatorRequest ReadTeardownForm(const net::Request& request);

// To calls that are valid and not served.
net::Response NotServed(mesos::v1::master::Call::Type type);

// A framework that is not there is an invalid request to Mesos: 400, never 404.
master::Reply ReplyToTeardown(master::Reply reply);

}  // namespace tepui::api
