// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "allocator/allocator.h"
#include "base/flags.h"
#include "cli/flags/common_flags.h"
#include "master/core/master.h"
#include "zookeeper/address.h"

namespace tepui::cli {

// Flags that control allocation (reference 7.2): the master's flags that `tepui simulate` has too.
struct AllocationFlags {
  std::string role_sorter = "drf";
  std::string framework_sorter = "drf";
  Duration allocation_interval = std::chrono::seconds(1);
  std::optional<std::string> weights;
  std::optional<Duration> offer_timeout;
  std::string min_allocatable_resources = "cpus:0.01|mem:32";
  std::optional<std::string> fair_sharing_excluded_resource_names;
  bool filter_gpu_resources = true;
};

void DeclareAllocationFlags(FlagTable* table, AllocationFlags* flags);

// Returns the options of an allocator with these flags, except the domain; the caller sets
// offer_timeout. Every further problem is added to `problems`.
allocator::Options ToAllocatorOptions(const AllocationFlags& flags,
                                      std::vector<std::string>* problems);

// The master's own flags (reference 7.2). Flags shared with the agent are declared elsewhere, and
// so is work_dir, which has another meaning for `tepui local`.
struct MasterFlags {
  // Where the masters elect their leader, if there are several.
  std::optional<zookeeper::Address> zk;
  std::optional<std::string> zk_text;
  std::string registry = "replicated_log";
  std::optional<int> quorum;
  Duration registry_fetch_timeout = std::chrono::minutes(1);
  Duration registry_store_timeout = std::chrono::seconds(20);
  Duration registry_gc_interval = std::chrono::minutes(15);
  Duration registry_max_agent_age = std::chrono::weeks(2);
  int registry_max_agent_count = 102'400;
  std::string recovery_agent_removal_limit = "100%";
  std::optional<std::string> agent_removal_rate_limit;
  std::optional<std::string> cluster;

  Duration agent_reregister_timeout = std::chrono::minutes(10);
  Duration agent_ping_timeout = std::chrono::seconds(15);
  int max_agent_ping_timeouts = 5;
  std::optional<int> max_executors_per_agent;
  bool require_agent_domain = false;

  AllocationFlags allocation;

  bool root_submissions = true;
  int max_completed_frameworks = 50;
  int max_completed_tasks_per_framework = 1000;
  int max_unreachable_tasks_per_framework = 1000;
};

void DeclareMasterFlags(FlagTable* table, MasterFlags* flags);

// Returns the options of a master with these flags and adds every further problem to `problems`.
// The caller sets the identity fields of `info`.
master::Options ToMasterOptions(const MasterFlags& flags, const CommonFlags& common,
                                std::vector<std::string>* problems);

}  // namespace tepui::cli
