#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace tepui::client {

// How far a scheduler is with its master, or an executor with its agent.
enum class ConnectionState {
  kDisconnected,  // Waiting to connect.
  kConnecting,
  kConnected,    // SUBSCRIBE may be sent.
  kSubscribing,  // SUBSCRIBE is in flight.
  kSubscribed,   // The other calls may be sent.
};

// As in a sentence: "subscribing".
std::string_view Name(ConnectionState state);

// A refusal as in a sentence: "'403 Forbidden' (the framework is not subscribed)".
std::string Describe(const net::Response& response);

}  // namespace tepui::client
