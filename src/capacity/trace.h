// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capacity/object_reader.h"
#include "capacity/workload.h"

namespace tepui::capacity {

// A history of tasks as comma-separated values (docs/capacity-planning.md). The first line names
// the columns: arrival_seconds and duration_seconds, one column for each resource (cpus, mem, ...),
// and `framework` if the tasks belong to several frameworks. A field may be in double quotes, in
// which two quotes stand for one; it must not span lines.
struct TraceFile {
  struct Row {
    TraceTask task;
    uint32_t framework = 0;  // Index into `frameworks`; 0 if there is no such column.
  };
  std::vector<Row> rows;  // In the order of the file.
  // The distinct shapes of all rows; `where` is the first row of each.
  std::vector<TaskShape> shapes;
  bool has_frameworks = false;
  struct Named {
    std::string name;
    std::string where;  // The first row that names it.
  };
  std::vector<Named> frameworks;  // In the order in which they appear.
};

// Reads at most Limits::kTasks rows, Limits::kTraceShapes shapes, kMaxTraceBytes of text. Every
// problem (up to Problems::kMax) names line and column; nothing is returned then. `name` is the
// file's name, for messages.
inline constexpr size_t kMaxTraceBytes = size_t{1} << 30;
std::optional<TraceFile> ReadTrace(std::string_view text, const std::string& name,
                                   Problems* problems);

// The tasks of framework `name`: its rows, or all rows if the file names no frameworks. Shapes get
// new numbers and are written into `shapes`.
Trace TraceOf(const TraceFile& file, std::string_view name, std::vector<TaskShape>* shapes);

}  // namespace tepui::capacity
