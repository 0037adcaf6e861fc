#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capacity/workload.h"

namespace tepui::capacity {

// The text of a file that a workload names, by its path as written there.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Reads the JSON of a workload file (docs/capacity-planning.md) and the traces that it names. On
// failure every problem of all of these files, as a sentence with file, line, column and path.
// `name` is the file's, for messages.
//
// What is read is valid in itself; whether it can run on its agents is CheckWorkload's to say.
std::expected<Workload, std::vector<std::string>> ReadWorkload(std::string_view text,
                                                               const std::string& name,
                                                               const ReadFile& read_file);

}  // namespace tepui::capacity
