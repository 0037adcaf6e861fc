// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shim/protocol.h"

namespace tepui::shim {

// A launch description decoded in place: every pointer points into the body.
struct LaunchView {
  const LaunchHeader* header;
  const uint32_t* groups;
  const Rlimit* rlimits;
  const char* directory;
  const char* stdout_path;
  const char* stderr_path;
  const char* status_file;
  const char* cgroup2;
  const char** shim_cgroups;
  const char** cgroups;
  const char* program;
  const char** arguments;    // Ends with a null pointer.
  const char** environment;  // Ends with a null pointer.
};

// Returns true if the header's version and every count and length are within the bounds of the
// protocol.
bool CheckHeader(const LaunchHeader& header);

// Returns how many pointers Decode needs room for. The header must have been checked.
size_t SlotsNeeded(const LaunchHeader& header);

// Decodes the body (header.body_bytes, aligned to 8) of a checked header. Returns false if the body
// does not contain exactly what the header describes. Allocates nothing.
bool Decode(const LaunchHeader& header, const char* body, const char** slots, LaunchView* view);

}  // namespace tepui::shim
