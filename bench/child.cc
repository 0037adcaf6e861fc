// SPDX-License-Identifier: Apache-2.0
#include "child.h"

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace tepui::bench {

namespace {

// Writes line by line: the value, then each fact as "name value".
void Write(int fd, double value, const Measurement& measurement) {
  std::string text = fmt::format("{}\n", value);
  for (const auto& [name, fact] : measurement.facts) text += fmt::format("{} {}\n", name, fact);
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(2);
}

}  // namespace

double MeasureInChild(Measurement* measurement,
                      const std::function<double(Measurement*)>& measure) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    Measurement own;
    const double value = measure(&own);
    Write(ends[1], value, own);
    _exit(0);
  }
  ::close(ends[1]);
  FILE* const from = ::fdopen(ends[0], "r");
  double value = 0;
  bool read = std::fscanf(from, "%lf", &value) == 1;
  measurement->facts.clear();
  char name[64];
  double fact = 0;
  while (std::fscanf(from, "%63s %lf", name, &fact) == 2)
    measurement->facts.emplace_back(name, fact);
  std::fclose(from);

  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child || status != 0 || !read) {
    std::fprintf(stderr, "The measurement '%s' failed\n", measurement->name.c_str());
    std::exit(1);
  }
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  measurement->facts.emplace_back("peak_mib", static_cast<double>(usage.ru_maxrss) / 1024);
  measurement->facts.emplace_back("cpu_s", seconds(usage.ru_utime) + seconds(usage.ru_stime));
  return value;
}

double HeapInUse() {
  // jemalloc's numbers date from the last "epoch".
  uint64_t epoch = 1;
  size_t bytes = 0, size = sizeof(epoch);
  ::mallctl("epoch", &epoch, &size, &epoch, size);
  size = sizeof(bytes);
  ::mallctl("stats.allocated", &bytes, &size, nullptr, 0);
  return static_cast<double>(bytes);
}

double ResidentMib(int pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace tepui::bench
