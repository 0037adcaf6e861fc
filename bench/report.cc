// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace tepui::bench {

namespace {

// Three significant digits, and no more zeros than needed.
std::string Short(double value) {
  return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

}  // namespace

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<size_t>(index)];
}

void AddLatencies(const std::string& name, const std::vector<double>& milliseconds,
                  Measurement* measurement) {
  for (const auto& [ending, q] : {std::pair("p50_ms", 0.5), {"p99_ms", 0.99}, {"max_ms", 1.0}}) {
    measurement->facts.emplace_back(name + "_" + ending, Quantile(milliseconds, q));
  }
}

void Report::DeclareFlags(CommandLine* line, int default_repeats) {
  line->Add("json", &json_, "Print one JSON object per line, for scripts/bench.py");
  if (default_repeats == 0) return;
  repeats_ = default_repeats;
  line->AddNumber("repeats", &repeats_, 1, 1000, "Number of times to repeat each measurement");
}

void Report::Print(const Measurement& measurement) const {
  const auto& values = measurement.values;
  const double least = Quantile(values, 0);
  const double median = Quantile(values, 0.5);
  const double most = Quantile(values, 1);
  std::string line;
  if (json_) {
    line = fmt::format(
        R"({{"program":"{}","name":"{}","unit":"{}","values":[{}],"min":{},"median":{},"max":{})",
        program_, measurement.name, measurement.unit, fmt::join(values, ","), least, median, most);
    line += R"(,"facts":{)";
    for (const auto& [name, value] : measurement.facts) {
      line += fmt::format(R"({}"{}":{})", line.ends_with('{') ? "" : ",", name, value);
    }
    line += "}}";
  } else {
    line = values.size() == 1
               ? fmt::format("{:<48} {:>10} {}", measurement.name, Short(median), measurement.unit)
               : fmt::format("{:<48} {:>10} / {} / {} {}", measurement.name, Short(least),
                             Short(median), Short(most), measurement.unit);
    for (const auto& [name, value] : measurement.facts)
      line += fmt::format("  {} {}", name, Short(value));
  }
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace tepui::bench
