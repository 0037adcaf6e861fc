// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace tepui {

// Returns how much memory this process may use: the least of what the machine has, the limits of
// its cgroup and of those above (v1 and v2), and its resource limits.
size_t MemoryLimit();

// The least limit of a cgroup and of those above it. `mount` is where its hierarchy is mounted,
// `path` its own path there, `file` the name of the file with the limit. Returns the largest number
// if there is no limit. Public for tests.
size_t CgroupMemoryLimit(const std::string& mount, std::string path, const std::string& file);

}  // namespace tepui
