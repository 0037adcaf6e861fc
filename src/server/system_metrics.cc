// SPDX-License-Identifier: Apache-2.0
#include "server/system_metrics.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdlib>

#include "web/json_writer.h"

namespace tepui::server {

std::map<std::string, double> SystemMetrics() {
  std::map<std::string, double> metrics;
  double load[3] = {};
  if (getloadavg(load, 3) == 3) {
    metrics["system/load_1min"] = load[0];
    metrics["system/load_5min"] = load[1];
    metrics["system/load_15min"] = load[2];
  }
  metrics["system/cpus_total"] = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  struct sysinfo info{};
  if (sysinfo(&info) == 0) {
    metrics["system/mem_total_bytes"] = static_cast<double>(info.totalram) * info.mem_unit;
    metrics["system/mem_free_bytes"] = static_cast<double>(info.freeram) * info.mem_unit;
  }
  return metrics;
}

std::string MetricsJson(const std::map<std::string, double>& metrics) {
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  for (const auto& [name, value] : metrics) writer.Field(name, value);
  writer.EndObject();
  return json;
}

}  // namespace tepui::server
