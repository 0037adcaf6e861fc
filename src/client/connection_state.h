// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::client {

// The state of a scheduler's connection to its master, or of an executor's to its agent.
enum class ConnectionState {
  kDisconnected,  // Waiting to connect.
  kConnecting,
  kConnected,    // SUBSCRIBE may be sent.
  kSubscribing,  // SUBSCRIBE is in flight.
  kSubscribed,   // All other calls may be sent.
};

// The name as used in a sentence: "subscribing".
std::string_view Name(ConnectionState state);

// A refusal as used in a sentence: "'403 Forbidden' (the framework is not subscribed)".
std::string Describe(const net::Response& response);

}  // namespace tepui::client
