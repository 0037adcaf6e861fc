// SPDX-License-Identifier: Apache-2.0
#include "shim/launch.h"

#include <string_view>

#include "shim/decode.h"

namespace tepui::shim {
namespace {

class Body {
 public:
  template <class T>
  void Values(const std::vector<T>& values) {
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
  }

  void String(const std::string& string) {
    if (string.find('\0') != std::string::npos) valid_ = false;
    bytes_.append(string.c_str(), string.size() + 1);
  }

  void Strings(const std::vector<std::string>& strings) {
    for (const std::string& string : strings) String(string);
  }

  bool valid() const { return valid_ && bytes_.size() <= kMaxBodyBytes; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  bool valid_ = true;
};

uint32_t Flags(const Launch& launch) {
  return (launch.user ? kSwitchUser : 0) | (launch.no_new_privileges ? kNoNewPrivileges : 0) |
         (launch.effective_capabilities ? kSetEffective : 0) |
         (launch.bounding_capabilities ? kSetBounding : 0) |
         (launch.kill_on_disconnect ? kKillOnDisconnect : 0) | (launch.hold ? kHold : 0);
}

}  // namespace

std::optional<std::string> Encode(const Launch& launch) {
  static const std::vector<uint32_t> kNoGroups;
  const std::vector<uint32_t>& groups = launch.user ? launch.user->groups : kNoGroups;
  Body body;
  body.Values(groups);
  body.Values(launch.rlimits);
  body.String(launch.directory);
  body.String(launch.stdout_path);
  body.String(launch.stderr_path);
  body.String(launch.status_file);
  body.String(launch.cgroup2);
  body.Strings(launch.shim_cgroups);
  body.Strings(launch.cgroups);
  body.String(launch.program);
  body.Strings(launch.arguments);
  body.Strings(launch.environment);

  LaunchHeader header = {};
  header.magic = kMagic;
  header.version = kVersion;
  header.body_bytes = static_cast<uint32_t>(body.bytes().size());
  header.flags = Flags(launch);
  header.uid = launch.user ? launch.user->uid : 0;
  header.gid = launch.user ? launch.user->gid : 0;
  header.oom_score_adj = launch.oom_score_adj;
  header.group_count = static_cast<uint32_t>(groups.size());
  header.rlimit_count = static_cast<uint32_t>(launch.rlimits.size());
  header.shim_cgroup_count = static_cast<uint32_t>(launch.shim_cgroups.size());
  header.cgroup_count = static_cast<uint32_t>(launch.cgroups.size());
  header.argument_count = static_cast<uint32_t>(launch.arguments.size());
  header.variable_count = static_cast<uint32_t>(launch.environment.size());
  header.effective = launch.effective_capabilities.value_or(0);
  header.bounding = launch.bounding_capabilities.value_or(0);
  if (!body.valid() || !CheckHeader(header)) return std::nullopt;

  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  return bytes.append(body.bytes());
}

}  // namespace tepui::shim
