// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"
#include "resources/resources.h"

namespace tepui::containers {

// The machine's resources, offered if --resources does not name them (reference 7.3).
struct Machine {
  double cpus = 1;  // Online processors.
  uint64_t memory_bytes = uint64_t{1} << 30;
  uint64_t disk_bytes = uint64_t{10} << 30;  // The size of the work directory's file system.
};

// A value that cannot be read keeps its default, and a warning is logged.
Machine DetectMachine(const std::string& work_dir);

// Returns "cpus:8;mem:15360;...": all cpus; all memory but 1 GB, which is left to the machine (half
// if it has less than 2 GB); all disk but 5 GB (half if it has less than 10 GB); ports 31000 to
// 32000. Amounts are whole megabytes. Resources in `named` are left out.
std::string DefaultResources(const Machine& machine, const std::set<std::string>& named = {});

// Returns the resources of `flag` (the text or JSON of --resources), plus those of the machine for
// each of cpus, mem, disk and ports that the flag does not name (naming one with an amount of zero
// counts). `default_role` is passed to Resources::Parse.
Result<Resources> DetectResources(const std::string& work_dir, const std::string& flag = "",
                                  const std::string& default_role = "*");

// Returns the id of the machine's current boot (/proc/sys/kernel/random/boot_id).
std::string BootId();

}  // namespace tepui::containers
