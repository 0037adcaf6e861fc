// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace tepui::server {

// The metrics of the machine that every process shows (reference 10): system/load_1min and the
// like. Reads /proc, which is cheap enough to do for each request.
std::map<std::string, double> SystemMetrics();

// /metrics/snapshot: one flat object of names and numbers, sorted.
std::string MetricsJson(const std::map<std::string, double>& metrics);

}  // namespace tepui::server
