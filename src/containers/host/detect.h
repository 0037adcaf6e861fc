#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"
#include "resources/resources.h"

namespace tepui::containers {

// What the agent offers where its --resources flag names nothing (reference 7.3).
struct Machine {
  double cpus = 1;  // Online processors.
  uint64_t memory_bytes = uint64_t{1} << 30;
  uint64_t disk_bytes = uint64_t{10} << 30;  // Of the file system that holds the work directory.
};

// What cannot be read keeps its default, with a warning in the log.
Machine DetectMachine(const std::string& work_dir);

// "cpus:8;mem:15360;...": all cpus; memory but for 1 GB that is left to the machine (half, if it
// has less than 2 GB); disk but for 5 GB (half, if below 10 GB); whole megabytes; ports 31000 to
// 32000. Without the names in `named`.
std::string DefaultResources(const Machine& machine, const std::set<std::string>& named = {});

// The resources of `flag` (the text or JSON of --resources), and for each of cpus, mem, disk and
// ports that it does not name, even with an amount of zero, what the machine has. `default_role` as
// Resources::Parse takes it.
Result<Resources> DetectResources(const std::string& work_dir, const std::string& flag = "",
                                  const std::string& default_role = "*");

// Which boot of the machine this is (/proc/sys/kernel/random/boot_id).
std::string BootId();

}  // namespace tepui::containers
