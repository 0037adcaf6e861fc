// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/allocator.h"
#include "base/flags.h"
#include "cli/flags/common_flags.h"
#include "master/core/leadership.h"
#include "master/core/master.h"
#include "zookeeper/address.h"

namespace tepui::cli {

// Flags that control allocation (reference 7.2): the master's flags that `tepui simulate` has too.
// Those that are plain values are bound to the options themselves.
struct AllocationFlags {
  std::optional<std::string> weights;
  std::string min_allocatable_resources = "cpus:0.01|mem:32";
};

void DeclareAllocationFlags(FlagTable* table, AllocationFlags* flags, allocator::Options* options,
                            std::optional<Duration>* offer_timeout);

// Completes options to which these flags are bound, except the domain. Every further problem is
// added to `problems`.
void FillAllocatorOptions(const AllocationFlags& flags, allocator::Options* options,
                          std::vector<std::string>* problems);

// The master's own flags (reference 7.2). Flags that are plain values are bound to the options
// themselves, which hold their defaults. Flags shared with the agent are declared elsewhere, and so
// is work_dir, which has another meaning for `tepui local`.
struct MasterFlags {
  master::Options options;
  master::RegistryTimeouts registry_timeouts;

  // Where the masters elect their leader, if there are several.
  std::optional<zookeeper::Address> zk;
  std::optional<std::string> zk_text;
  std::string registry = "replicated_log";
  std::optional<int> quorum;
  std::optional<std::string> cluster;
  AllocationFlags allocation;
};

void DeclareMasterFlags(FlagTable* table, MasterFlags* flags);

// Returns the options of a master with these flags and adds every further problem to `problems`.
// The caller sets the identity fields of `info`.
master::Options ToMasterOptions(const MasterFlags& flags, const CommonFlags& common,
                                std::vector<std::string>* problems);

}  // namespace tepui::cli
