// SPDX-License-Identifier: Apache-2.0
#pragma once

// Helpers that the tests of this folder share.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "capacity/simulation.h"
#include "capacity/workload_reader.h"

namespace tepui::capacity {

using Files = std::map<std::string, std::string>;  // Text by path.

inline std::expected<Workload, std::vector<std::string>> TryRead(const std::string& json,
                                                                 const Files& files = {}) {
  return ReadWorkload(json, "w.json", [&](const std::string& path) -> Result<std::string> {
    const auto file = files.find(path);
    if (file == files.end()) return Fail(Code::kNotFound, "the file '{}' cannot be opened", path);
    return file->second;
  });
}

inline Workload Read(const std::string& json, const Files& files = {}) {
  auto workload = TryRead(json, files);
  if (workload) return std::move(*workload);
  for (const std::string& problem : workload.error()) ADD_FAILURE() << problem;
  return {};
}

// A workload file with one group of agents and the frameworks given as the elements of a JSON
// array.
inline std::string Json(const std::string& duration, int agents, const std::string& resources,
                        const std::string& frameworks) {
  return R"({"duration": ")" + duration + R"(", "agents": [{"count": )" + std::to_string(agents) +
         R"(, "resources": ")" + resources + R"("}], "frameworks": [)" + frameworks + "]}";
}

inline Report ReportOf(const Workload& workload, const Settings& settings = {}) {
  Result<Report> report = Simulate(workload, settings, [](double) {});
  EXPECT_TRUE(report) << report.error().message;
  return report ? std::move(*report) : Report();
}

}  // namespace tepui::capacity
