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
// and if the tasks are of several frameworks, framework. A field may stand in double quotes, in
// which two of them stand for one; it does not span lines.
struct TraceFile {
  struct Row {
    TraceTask task;
    uint32_t framework = 0;  // Index of `frameworks`; 0 if there is no such column.
  };
  std::vector<Row> rows;          // As in the file.
  std::vector<TaskShape> shapes;  // Those of all rows, each once, where it first is.
  bool has_frameworks = false;
  struct Named {
    std::string name;
    std::string where;  // It is first.
  };
  std::vector<Named> frameworks;  // As they appear.
};

// At most Limits::kTasks rows, Limits::kTraceShapes shapes, kMaxTraceBytes of text. Every problem
// (up to Problems::kMax) names line and column; nothing then. `name` is the file's, for messages.
inline constexpr size_t kMaxTraceBytes = size_t{1} << 30;
std::optional<TraceFile> ReadTrace(std::string_view text, const std::string& name,
                                   Problems* problems);

// What framework `name` does of it: its rows, or all of them if the file names no frameworks.
// Shapes are numbered anew, into `shapes`.
Trace TraceOf(const TraceFile& file, std::string_view name, std::vector<TaskShape>* shapes);

}  // namespace tepui::capacity
