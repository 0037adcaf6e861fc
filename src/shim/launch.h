// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shim/protocol.h"

namespace tepui::shim {

// A launch description as the agent fills it in; protocol.h explains each part.
struct Launch {
  struct User {
    uint32_t uid = 0;
    uint32_t gid = 0;
    std::vector<uint32_t> groups;
  };

  std::optional<User> user;  // Absent: the agent's own user.
  std::optional<uint64_t> effective_capabilities;
  std::optional<uint64_t> bounding_capabilities;
  bool no_new_privileges = false;
  bool kill_on_disconnect = false;
  bool hold = false;
  int oom_score_adj = 0;
  std::vector<Rlimit> rlimits;
  std::string directory;
  std::string stdout_path;
  std::string stderr_path;
  std::string status_file;
  std::string cgroup2;
  std::vector<std::string> shim_cgroups;
  std::vector<std::string> cgroups;
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // NAME=value.
};

// Returns header and body, or nothing if a bound of the protocol is exceeded or a string contains a
// NUL.
std::optional<std::string> Encode(const Launch& launch);

}  // namespace tepui::shim
