// SPDX-License-Identifier: Apache-2.0
#include "shim/decode.h"

#include <string.h>

namespace tepui::shim {
namespace {

// The strings of a body, one after the other.
class Strings {
 public:
  Strings(const char* begin, const char* end) : next_(begin), end_(end) {}

  // Returns null if the bytes do not contain another complete string.
  const char* Next() {
    if (next_ == nullptr) return nullptr;
    const char* string = next_;
    const void* terminator = memchr(string, '\0', static_cast<size_t>(end_ - string));
    next_ = terminator == nullptr ? nullptr : static_cast<const char*>(terminator) + 1;
    return next_ == nullptr ? nullptr : string;
  }

  // Fills `count` slots and advances past them.
  const char** Next(uint32_t count, const char*** slots) {
    const char** first = *slots;
    for (uint32_t i = 0; i < count; ++i) *(*slots)++ = Next();
    return first;
  }

  bool AtEnd() const { return next_ == end_; }

 private:
  const char* next_;
  const char* end_;
};

size_t GroupBytes(const LaunchHeader& header) {
  return (header.group_count * sizeof(uint32_t) + 7) & ~size_t{7};
}

}  // namespace

bool CheckHeader(const LaunchHeader& header) {
  return header.magic == kMagic && header.version == kVersion &&
         (header.flags & ~kFlagsMask) == 0 && header.body_bytes <= kMaxBodyBytes &&
         header.group_count <= kMaxGroups && header.rlimit_count <= kMaxRlimits &&
         header.shim_cgroup_count <= kMaxCgroups && header.cgroup_count <= kMaxCgroups &&
         header.argument_count <= kMaxArguments && header.variable_count <= kMaxVariables &&
         GroupBytes(header) + header.rlimit_count * sizeof(Rlimit) <= header.body_bytes;
}

size_t SlotsNeeded(const LaunchHeader& header) {
  return size_t{header.shim_cgroup_count} + header.cgroup_count + header.argument_count + 1 +
         header.variable_count + 1;
}

bool Decode(const LaunchHeader& header, const char* body, const char** slots, LaunchView* view) {
  view->header = &header;
  view->groups = reinterpret_cast<const uint32_t*>(body);
  view->rlimits = reinterpret_cast<const Rlimit*>(body + GroupBytes(header));
  Strings strings(reinterpret_cast<const char*>(view->rlimits + header.rlimit_count),
                  body + header.body_bytes);
  view->directory = strings.Next();
  view->stdout_path = strings.Next();
  view->stderr_path = strings.Next();
  view->status_file = strings.Next();
  view->cgroup2 = strings.Next();
  view->shim_cgroups = strings.Next(header.shim_cgroup_count, &slots);
  view->cgroups = strings.Next(header.cgroup_count, &slots);
  view->program = strings.Next();
  view->arguments = strings.Next(header.argument_count, &slots);
  *slots++ = nullptr;
  view->environment = strings.Next(header.variable_count, &slots);
  *slots++ = nullptr;
  // If a string is missing, no string after it is found either, so the end is not reached.
  return strings.AtEnd();
}

}  // namespace tepui::shim
