#pragma once

#include <map>
#include <string>

namespace tepui::server {

// What every process shows of its machine (reference 10): system/load_1min and the like. Reads
// /proc; cheap enough for each request.
std::map<std::string, double> SystemMetrics();

// /metrics/snapshot: a flat object of names and numbers, sorted.
std::string MetricsJson(const std::map<std::string, double>& metrics);

}  // namespace tepui::server
