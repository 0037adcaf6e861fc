// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "container/isolator.h"

namespace tepui::containers {

// linux/nnp: keeps the task's processes from gaining privileges by exec (setuid programs, file
// capabilities).
class NoNewPrivilegesIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "linux/nnp"; }
  Status Isolate(const ContainerContext&, shim::Launch* launch) override {
    launch->no_new_privileges = true;
    return {};
  }
};

}  // namespace tepui::containers
