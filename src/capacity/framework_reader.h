// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "capacity/object_reader.h"
#include "capacity/trace.h"
#include "capacity/workload.h"
#include "capacity/workload_reader.h"

namespace tepui::capacity {

// Reads the frameworks of a workload file, each with its load. A trace is read once, however many
// frameworks use it.
class FrameworkReader {
 public:
  // All references outlive this. `duration` is that of the simulation.
  FrameworkReader(Duration duration, const ReadFile& read_file, Problems* problems)
      : duration_(duration), read_file_(read_file), problems_(problems) {}

  // Returns an incomplete framework if there are problems.
  FrameworkSpec Read(const JsonDocument& document, const boost::json::value& value,
                     const std::string& path);

  // Must be called after the last Read; reports names in traces that no framework has.
  void Finish();

 private:
  struct LoadedTrace {
    std::optional<TraceFile> file;  // Absent if it could not be read.
    std::vector<std::string> players;
  };

  void ReadRoles(ObjectReader& reader, FrameworkSpec* spec);
  void ReadCapabilities(ObjectReader& reader, FrameworkSpec* spec);
  void ReadAnswers(ObjectReader& reader, FrameworkSpec* spec);
  void ReadLoad(ObjectReader& parent, FrameworkSpec* spec);
  void ReadShapes(ObjectReader& reader, FrameworkSpec* spec);
  std::optional<TaskShape> ReadShape(ObjectReader& reader);
  std::optional<Arrivals> ReadArrivals(ObjectReader& parent);
  std::optional<Poisson> ReadPoisson(ObjectReader& reader);
  std::optional<TaskDuration> ReadDuration(ObjectReader& parent);
  std::optional<TaskDuration> ReadDistribution(ObjectReader& reader);
  std::optional<Trace> ReadTraceLoad(ObjectReader& reader, FrameworkSpec* spec);
  const LoadedTrace& Load(ObjectReader& reader, const std::string& path,
                          const std::string& framework);

  const Duration duration_;
  const ReadFile& read_file_;
  Problems* const problems_;
  std::map<std::string, LoadedTrace> traces_;  // By path.
};

}  // namespace tepui::capacity
