// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <expected>
#include <string_view>

#include "net/http.h"
#include "wire/content_type.h"

namespace tepui::web {

// The common beginning of every v1 endpoint (reference 1.1, trap 5). An error is the complete
// response.

// Reads the body into `call` by its Content-Type. Answers 400 if that is missing or the body does
// not parse, 415 if it is unknown, 413 or 503 if the call would take too much memory, which is
// counted as the request's.
std::expected<void, net::Response> DecodeCall(const net::Request& request,
                                              google::protobuf::Message* call);

// Returns the encoding for an answer or for the events of a subscription; 406 if the client accepts
// neither.
std::expected<wire::ContentType, net::Response> NegotiateAnswer(const net::Request& request);

}  // namespace tepui::web
