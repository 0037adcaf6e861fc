// SPDX-License-Identifier: Apache-2.0
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

// The servers of a ZooKeeper, the credentials to use, and a path in it:
// zk://user:password@h1:p1,h2:p2/path (reference 4).
struct Address {
  static constexpr uint16_t kDefaultPort = 2181;
  static constexpr size_t kMaxPathBytes = 128;

  std::vector<HostPort> servers;           // At least one.
  std::optional<std::string> credentials;  // "user:password" of the scheme digest; a secret.
  std::string path;                        // Absolute, never "/", no "/" at its end.

  // "h1:p1,h2:p2".
  std::string Servers() const;
  // For logs and messages: leaves out the password.
  std::string ToString() const;
};

// The credentials end at the last "@" before the path, which begins at the first "/"; a missing
// port is 2181. `file:///name` stands for the contents of that file. kInvalid names what is wrong
// and the expected form; its sentence does not show the password.
Result<Address> ParseAddress(std::string_view text);

}  // namespace tepui::zookeeper
