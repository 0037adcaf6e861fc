// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "command_line.h"

namespace tepui::bench {

using SteadyClock = std::chrono::steady_clock;

inline double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// The value below which the fraction `q` (0 to 1) of `values` lies; 0 if there are no values.
// `values` need not be sorted.
double Quantile(std::vector<double> values, double q);

// The result of one measurement of one program.
struct Measurement {
  std::string name;  // Unique within the program; scripts/bench.py finds its budget by it.
  std::string unit;
  std::vector<double> values;  // One for each repeat.
  // Other observations by name, of the last repeat.
  std::vector<std::pair<std::string, double>> facts = {};
};

// Adds latencies in milliseconds as p50, p99 and max, each as a fact of the given name and ending.
void AddLatencies(const std::string& name, const std::vector<double>& milliseconds,
                  Measurement* measurement);

// Flags and output that all programs share: prints minimum, median and maximum of the repeats for
// people, or one JSON object per line for scripts/bench.py.
class Report {
 public:
  explicit Report(std::string program) : program_(std::move(program)) {}

  // Declares --json, and --repeats unless `default_repeats` is 0.
  void DeclareFlags(CommandLine* line, int default_repeats);
  int repeats() const { return repeats_; }

  void Print(const Measurement& measurement) const;
  // Runs `measure` as often as requested and prints its results; the facts are those of the last
  // run.
  template <class Measure>
  void Repeat(Measurement measurement, Measure measure) const {
    for (int i = 0; i < repeats_; ++i) measurement.values.push_back(measure(&measurement));
    Print(measurement);
  }

 private:
  const std::string program_;
  int repeats_ = 1;
  bool json_ = false;
};

}  // namespace tepui::bench
