// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capacity/workload.h"

namespace tepui::capacity {

// Returns the text of a file that a workload names, by its path as written there.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Reads the JSON of a workload file (docs/capacity-planning.md) and the traces that it names. The
// error lists every problem of all of these files, as sentences with file, line, column and path.
// `name` is the file's name, for messages.
//
// Each value is valid in itself; CheckWorkload decides whether the workload can run on its agents.
std::expected<Workload, std::vector<std::string>> ReadWorkload(std::string_view text,
                                                               const std::string& name,
                                                               const ReadFile& read_file);

}  // namespace tepui::capacity
