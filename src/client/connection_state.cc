// SPDX-License-Identifier: Apache-2.0
#include "client/connection_state.h"

#include <fmt/format.h>

namespace tepui::client {

std::string_view Name(ConnectionState state) {
  switch (state) {
    case ConnectionState::kDisconnected:
      return "disconnected";
    case ConnectionState::kConnecting:
      return "connecting";
    case ConnectionState::kConnected:
      return "connected";
    case ConnectionState::kSubscribing:
      return "subscribing";
    case ConnectionState::kSubscribed:
      return "subscribed";
  }
  return "unknown";
}

std::string Describe(const net::Response& response) {
  return fmt::format("'{} {}' ({})", response.status, net::ReasonPhrase(response.status),
                     response.body);
}

}  // namespace tepui::client
