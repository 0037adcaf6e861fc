// SPDX-License-Identifier: Apache-2.0
#include "agent/services/process_record.h"

namespace tepui::agent {

checkpoint::Process ToRecord(const containers::Launched& process) {
  checkpoint::Process record;
  record.set_pid(process.pid);
  record.set_start_ticks(process.start_ticks);
  record.set_shim_pid(process.shim_pid);
  record.set_shim_start_ticks(process.shim_start_ticks);
  record.set_boot_id(process.boot_id);
  return record;
}

containers::Launched FromRecord(const checkpoint::Process& record) {
  return {.pid = record.pid(),
          .start_ticks = record.start_ticks(),
          .shim_pid = record.shim_pid(),
          .shim_start_ticks = record.shim_start_ticks(),
          .boot_id = record.boot_id()};
}

}  // namespace tepui::agent
