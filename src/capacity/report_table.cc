// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/units.h"
#include "capacity/report.h"
#include "capacity/text.h"

namespace tepui::capacity {
namespace {

constexpr size_t kMaxRows = 40;  // Limit of each table; the JSON has all rows.
class Table {
 public:
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void AppendTo(std::string* out) const {
    std::vector<size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows_) {
      std::string line = fmt::format("  {:<{}}", row[0], widths[0]);
      for (size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", row[i], widths[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      *out += line + "\n";
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string Amount(double total) {
  return total == std::floor(total) ? Grouped(static_cast<uint64_t>(total))
                                    : fmt::format("{}", total);
}

std::string Called(const FrameworkResult& framework) {
  if (framework.count == 1) return framework.name;
  return fmt::format("{} x {}", framework.name, framework.count);
}

void AppendLeftOut(size_t rows, std::string_view what, std::string* out) {
  if (rows > kMaxRows)
    *out += fmt::format("  ... and {} {} more: see --format=json\n", rows - kMaxRows, what);
}

void AppendResources(const Report& report, std::string* out) {
  *out += "\nUtilisation\n";
  Table table;
  table.Row(
      {"", "total", "allocated: mean", "p50", "p95", "max", "offered: mean", "p50", "p95", "max"});
  for (const ResourceUse& use : report.resources) {
    std::vector<std::string> cells = {use.name, Amount(use.total)};
    for (const Spread* spread : {&use.allocated, &use.offered}) {
      for (const double part : {spread->mean, spread->p50, spread->p95, spread->max})
        cells.push_back(Percent(part));
    }
    table.Row(std::move(cells));
  }
  table.AppendTo(out);
}

std::vector<std::string> TaskCells(std::string name, const TaskCounts& tasks) {
  return {std::move(name),         Grouped(tasks.arrived),
          Grouped(tasks.finished), Grouped(tasks.running),
          Grouped(tasks.waiting),  tasks.waiting == 0 ? "-" : ShortDuration(tasks.longest_waiting)};
}

void AppendTasks(const Report& report, std::string* out) {
  *out += "\nTasks\n";
  Table table;
  table.Row({"", "arrived", "finished", "running", "waiting", "the longest for"});
  table.Row(TaskCells("all", report.tasks));
  for (const FrameworkResult& framework :
       std::span(report.frameworks).first(std::min(report.frameworks.size(), kMaxRows))) {
    table.Row(TaskCells("framework " + Called(framework), framework.tasks));
  }
  table.AppendTo(out);
  AppendLeftOut(report.frameworks.size(), "frameworks", out);
}

std::vector<std::string> WaitCells(std::string name, const Waits& waits) {
  std::vector<std::string> cells = {std::move(name), Grouped(waits.tasks)};
  for (const Duration time : {waits.min, waits.mean, waits.p50, waits.p95, waits.p99, waits.max}) {
    cells.push_back(waits.tasks == 0 ? "-" : ShortDuration(time));
  }
  return cells;
}

void AppendWaits(const Report& report, std::string* out) {
  *out += "\nWaiting times of launched tasks\n";
  Table table;
  table.Row({"", "tasks", "min", "mean", "p50", "p95", "p99", "max"});
  table.Row(WaitCells("all", report.waits));
  for (size_t i = 0; i < std::min(report.frameworks.size(), kMaxRows); ++i)
    table.Row(WaitCells("framework " + Called(report.frameworks[i]), report.frameworks[i].waits));
  for (size_t i = 0; i < std::min(report.roles.size(), kMaxRows); ++i)
    table.Row(WaitCells("role " + report.roles[i].name, report.roles[i].waits));
  table.AppendTo(out);
  AppendLeftOut(report.frameworks.size(), "frameworks", out);
  AppendLeftOut(report.roles.size(), "roles", out);
}

void AppendRoles(const Report& report, std::string* out) {
  *out += "\nFairness: dominant shares\n";
  Table table;
  table.Row({"", "weight", "mean", "max", "tasks wait", "share then", "fair share then"});
  for (size_t i = 0; i < std::min(report.roles.size(), kMaxRows); ++i) {
    const RoleResult& role = report.roles[i];
    const bool waits = role.waiting > 0;
    table.Row({"role " + role.name, fmt::format("{}", role.weight), Percent(role.mean_share),
               Percent(role.max_share), Percent(role.waiting) + " of the time",
               waits ? Percent(role.share_while_waiting) : "-",
               waits ? Percent(role.fair_share_while_waiting) : "-"});
  }
  table.AppendTo(out);
  AppendLeftOut(report.roles.size(), "roles", out);
  if (report.fairness.contended == 0) {
    *out += "  At no time did more than one role have waiting tasks.\n";
  } else {
    *out +=
        fmt::format("  Jain's index {:.3f}, over the {} of the time in which roles contended.\n",
                    report.fairness.jain_index, Percent(report.fairness.contended));
  }
}

std::vector<std::string> OfferCells(std::string name, const OfferCounts& offers) {
  return {std::move(name),          Grouped(offers.made),      Grouped(offers.accepted),
          Grouped(offers.declined), Grouped(offers.rescinded), Grouped(offers.outstanding)};
}

void AppendOffers(const Report& report, std::string* out) {
  *out += "\nOffers\n";
  Table table;
  table.Row({"", "made", "accepted", "declined", "rescinded", "outstanding"});
  table.Row(OfferCells("all", report.offers));
  for (size_t i = 0; i < std::min(report.frameworks.size(), kMaxRows); ++i)
    table.Row(OfferCells("framework " + Called(report.frameworks[i]), report.frameworks[i].offers));
  table.AppendTo(out);
  AppendLeftOut(report.frameworks.size(), "frameworks", out);
  *out += fmt::format("  {} allocation runs looked at {} agents.\n",
                      Grouped(report.allocation_runs), Grouped(report.agents_visited));
}

}  // namespace

std::string ToTable(const Report& report) {
  uint64_t frameworks = 0;
  for (const FrameworkResult& framework : report.frameworks) frameworks += framework.count;
  std::string out = fmt::format("Simulated {}: agents {}, frameworks {}, roles {}, seed {}\n",
                                FormatDuration(report.duration), Grouped(report.agents),
                                Grouped(frameworks), report.roles.size(), report.seed);
  for (const auto& [name, value] : report.policy) out += fmt::format("  --{}={}\n", name, value);
  AppendResources(report, &out);
  AppendTasks(report, &out);
  AppendWaits(report, &out);
  AppendRoles(report, &out);
  AppendOffers(report, &out);
  return out;
}

}  // namespace tepui::capacity
