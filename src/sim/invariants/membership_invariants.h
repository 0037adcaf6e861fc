// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Checks which agents belong to the cluster and which master leads it: durable-first,
// gone-stays-gone, one-leader (docs/testing/simulator.md).
class MembershipInvariants {
 public:
  explicit MembershipInvariants(Findings& findings) : findings_(findings) {}

  void OnLeading(const std::string& host, uint64_t epoch);
  void OnCommitted(uint64_t epoch, const std::string& op, const std::string& id);
  void OnMasterSends(const std::string& host, const std::string& framework,
                     const mesos::v1::scheduler::Event& event);
  void OnMasterSends(const std::string& host, const link::Event& event);
  void OnPublished(const std::string& host, const master::Changes& changes);

 private:
  enum class Standing { kUnknown, kAdmitted, kUnreachable, kRemoved };
  static std::string_view Name(Standing standing);

  Standing Of(const std::string& agent) const;
  void OnUpdate(const std::string& framework, const v1::TaskStatus& status);

  Findings& findings_;
  uint64_t epoch_ = 0;
  std::string leader_;  // The leader's host.
  // Standings committed to the registry, by agent.
  std::map<std::string, Standing> standings_;
  // Unreachable agents that the registry made reachable again, until the leader sends something
  // that shows that it knows.
  std::set<std::string> taken_back_;
  std::set<std::string> removed_frameworks_;  // Frameworks whose removal is in the registry.
};

}  // namespace tepui::sim
