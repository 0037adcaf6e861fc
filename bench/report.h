#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace tepui::bench {

using SteadyClock = std::chrono::steady_clock;

inline double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// The value below which the part `q` (0 to 1) of `values` lies; 0 of none. Of a copy: unsorted
// values are as good.
double Quantile(std::vector<double> values, double q);

// What one measurement of one program found.
struct Measurement {
  std::string name;  // Unique within the program; scripts/bench.py finds its budget by it.
  std::string unit;
  std::vector<double> values;  // One a repeat.
  // What else was seen, by name; of the last repeat.
  std::vector<std::pair<std::string, double>> facts = {};
};

// Latencies in milliseconds as p50, p99 and max, each a fact of the given name and ending.
void AddLatencies(const std::string& name, const std::vector<double>& milliseconds,
                  Measurement* measurement);

// What every program here takes and prints: minimum, median and maximum of the repeats for people,
// or one JSON object a line for scripts/bench.py.
class Report {
 public:
  explicit Report(std::string program) : program_(std::move(program)) {}

  // Declares --json, and --repeats unless the program has no use for it (0).
  void DeclareFlags(CLI::App* app, int default_repeats);
  int repeats() const { return repeats_; }

  void Print(const Measurement& measurement) const;
  // Runs `measure` as often as asked for and prints what it returns; the facts are those of the
  // last.
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
