// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/rlimits_isolator.h"

#include <sys/resource.h>

#include <limits>

namespace tepui::containers {
namespace {

using RLimit = v1::RLimitInfo::RLimit;

// Returns the kernel's number; -1 for an unknown type.
int ResourceOf(RLimit::Type type) {
  switch (type) {
    case RLimit::RLMT_AS:
      return RLIMIT_AS;
    case RLimit::RLMT_CORE:
      return RLIMIT_CORE;
    case RLimit::RLMT_CPU:
      return RLIMIT_CPU;
    case RLimit::RLMT_DATA:
      return RLIMIT_DATA;
    case RLimit::RLMT_FSIZE:
      return RLIMIT_FSIZE;
    case RLimit::RLMT_LOCKS:
      return RLIMIT_LOCKS;
    case RLimit::RLMT_MEMLOCK:
      return RLIMIT_MEMLOCK;
    case RLimit::RLMT_MSGQUEUE:
      return RLIMIT_MSGQUEUE;
    case RLimit::RLMT_NICE:
      return RLIMIT_NICE;
    case RLimit::RLMT_NOFILE:
      return RLIMIT_NOFILE;
    case RLimit::RLMT_NPROC:
      return RLIMIT_NPROC;
    case RLimit::RLMT_RSS:
      return RLIMIT_RSS;
    case RLimit::RLMT_RTPRIO:
      return RLIMIT_RTPRIO;
    case RLimit::RLMT_RTTIME:
      return RLIMIT_RTTIME;
    case RLimit::RLMT_SIGPENDING:
      return RLIMIT_SIGPENDING;
    case RLimit::RLMT_STACK:
      return RLIMIT_STACK;
    case RLimit::UNKNOWN:
      break;
  }
  return -1;
}

Result<std::vector<shim::Rlimit>> LimitsOf(const v1::RLimitInfo& info) {
  if (info.rlimits_size() > static_cast<int>(shim::kMaxRlimits)) {
    return Fail(Code::kInvalid, "The container has more than {} rlimits", shim::kMaxRlimits);
  }
  std::vector<shim::Rlimit> limits;
  for (const RLimit& limit : info.rlimits()) {
    const int resource = ResourceOf(limit.type());
    if (resource < 0) return Fail(Code::kInvalid, "An rlimit of the container has an unknown type");
    if (limit.has_soft() != limit.has_hard()) {
      return Fail(Code::kInvalid,
                  "Rlimit {} must have both a soft and a hard value, or neither for no limit",
                  RLimit::Type_Name(limit.type()));
    }
    if (limit.soft() > limit.hard()) {
      return Fail(Code::kInvalid, "The soft value of rlimit {} is above the hard one",
                  RLimit::Type_Name(limit.type()));
    }
    constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
    limits.push_back({static_cast<uint32_t>(resource), 0, limit.has_soft() ? limit.soft() : kNone,
                      limit.has_hard() ? limit.hard() : kNone});
  }
  return limits;
}

}  // namespace

std::string RlimitName(uint32_t resource) {
  for (int type = RLimit::Type_MIN; type <= RLimit::Type_MAX; ++type) {
    auto known = static_cast<RLimit::Type>(type);
    if (ResourceOf(known) == static_cast<int>(resource)) return RLimit::Type_Name(known);
  }
  return "unknown";
}

Status RlimitsIsolator::Check(const ContainerContext& context) {
  const auto limits = LimitsOf(context.container().rlimit_info());
  return limits ? Status() : Fail(limits.error());
}

Status RlimitsIsolator::Isolate(const ContainerContext& context, shim::Launch* launch) {
  auto limits = LimitsOf(context.container().rlimit_info());
  if (!limits) return Fail(limits.error());
  launch->rlimits = std::move(*limits);
  return {};
}

}  // namespace tepui::containers
