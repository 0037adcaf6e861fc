#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_port.h"
#include "base/result.h"

namespace tepui::zookeeper {

// Where in which ZooKeeper, and as whom: zk://user:password@h1:p1,h2:p2/path (reference 4).
struct Address {
  static constexpr uint16_t kDefaultPort = 2181;
  static constexpr size_t kMaxPathBytes = 128;

  std::vector<HostPort> servers;           // At least one.
  std::optional<std::string> credentials;  // "user:password" of the scheme digest; a secret.
  std::string path;                        // Absolute, never "/", no "/" at its end.

  // "h1:p1,h2:p2".
  std::string Servers() const;
  // For logs and messages: without the password.
  std::string ToString() const;
};

// The credentials end at the last "@" before the path, which begins at the first "/"; a port that
// is not there is 2181. `file:///name` stands for what is in that file. kInvalid with what is wrong
// and how it should look; the sentence does not show the password.
Result<Address> ParseAddress(std::string_view text);

}  // namespace tepui::zookeeper
