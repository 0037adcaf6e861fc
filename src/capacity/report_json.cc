// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "base/seconds.h"
#include "base/units.h"
#include "capacity/report.h"
#include "wire/json.h"

namespace tepui::capacity {
namespace {

// Writes indented JSON; arrays of numbers stay on one line.
class JsonText {
 public:
  void Open(std::string_view key, char bracket) {
    Next(key);
    text_ += bracket;
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    if (!first_) Indent();
    text_ += bracket;
    first_ = false;
  }
  void Text(std::string_view key, std::string_view value) {
    Next(key);
    wire::AppendJsonString(value, &text_);
  }
  void Count(std::string_view key, uint64_t value) {
    Next(key);
    text_ += fmt::format("{}", value);
  }
  void Number(std::string_view key, double value) {
    Next(key);
    AppendNumber(value);
  }
  void Seconds(std::string_view key, Duration value) { Number(key, tepui::Seconds(value)); }
  void Numbers(std::string_view key, const std::vector<double>& values) {
    Next(key);
    text_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) text_ += ", ";
      AppendNumber(values[i]);
    }
    text_ += ']';
  }
  std::string Take() { return std::move(text_) + "\n"; }

 private:
  // An empty key means an array element.
  void Next(std::string_view key) {
    if (!first_) text_ += ',';
    if (depth_ != 0) Indent();
    first_ = false;
    if (key.empty()) return;
    wire::AppendJsonString(key, &text_);
    text_ += ": ";
  }
  void Indent() {
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }
  // Six digits are more than a simulation can know, but whole numbers stay whole.
  void AppendNumber(double value) {
    text_ += value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value)
                                                                  : fmt::format("{:.6g}", value);
  }

  std::string text_;
  size_t depth_ = 0;
  bool first_ = true;
};

void Write(std::string_view key, const Spread& spread, JsonText* json) {
  json->Open(key, '{');
  json->Number("mean", spread.mean);
  json->Number("p50", spread.p50);
  json->Number("p95", spread.p95);
  json->Number("max", spread.max);
  json->Close('}');
}

void Write(const TaskCounts& tasks, JsonText* json) {
  json->Open("tasks", '{');
  json->Count("arrived", tasks.arrived);
  json->Count("finished", tasks.finished);
  json->Count("running", tasks.running);
  json->Count("waiting", tasks.waiting);
  json->Seconds("longest_waiting_seconds", tasks.longest_waiting);
  json->Close('}');
}

void Write(const OfferCounts& offers, JsonText* json) {
  json->Open("offers", '{');
  json->Count("made", offers.made);
  json->Count("accepted", offers.accepted);
  json->Count("declined", offers.declined);
  json->Count("rescinded", offers.rescinded);
  json->Count("outstanding", offers.outstanding);
  json->Close('}');
}

void Write(const Waits& waits, JsonText* json) {
  json->Open("waiting_seconds", '{');
  json->Count("tasks", waits.tasks);
  json->Seconds("min", waits.min);
  json->Seconds("mean", waits.mean);
  json->Seconds("p50", waits.p50);
  json->Seconds("p95", waits.p95);
  json->Seconds("p99", waits.p99);
  json->Seconds("max", waits.max);
  json->Close('}');
}

void WriteFrameworks(const Report& report, JsonText* json) {
  json->Open("frameworks", '[');
  for (const FrameworkResult& framework : report.frameworks) {
    json->Open("", '{');
    json->Text("name", framework.name);
    json->Count("count", framework.count);
    json->Open("roles", '[');
    for (const std::string& role : framework.roles) json->Text("", role);
    json->Close(']');
    Write(framework.tasks, json);
    Write(framework.waits, json);
    Write(framework.offers, json);
    json->Close('}');
  }
  json->Close(']');
}

void WriteRoles(const Report& report, JsonText* json) {
  json->Open("roles", '[');
  for (const RoleResult& role : report.roles) {
    json->Open("", '{');
    json->Text("name", role.name);
    json->Number("weight", role.weight);
    Write(role.waits, json);
    json->Number("dominant_share_mean", role.mean_share);
    json->Number("dominant_share_max", role.max_share);
    json->Number("waiting", role.waiting);
    json->Number("share_while_waiting", role.share_while_waiting);
    json->Number("fair_share_while_waiting", role.fair_share_while_waiting);
    json->Close('}');
  }
  json->Close(']');
  json->Open("fairness", '{');
  json->Number("contended", report.fairness.contended);
  json->Number("jain_index", report.fairness.jain_index);
  json->Close('}');
}

void WriteSeries(const Report& report, JsonText* json) {
  const Series& series = report.series;
  json->Open("series", '{');
  json->Seconds("interval_seconds", series.interval);
  for (const bool offered : {false, true}) {
    json->Open(offered ? "offered" : "allocated", '{');
    for (size_t i = 0; i < report.resources.size(); ++i) {
      json->Numbers(report.resources[i].name, offered ? series.offered[i] : series.allocated[i]);
    }
    json->Close('}');
  }
  json->Numbers("waiting_tasks", series.waiting);
  json->Numbers("running_tasks", series.running);
  json->Open("dominant_shares", '{');
  for (size_t i = 0; i < report.roles.size(); ++i)
    json->Numbers(report.roles[i].name, series.role_shares[i]);
  json->Close('}');
  json->Close('}');
}

}  // namespace

std::string ToJson(const Report& report) {
  JsonText json;
  json.Open("", '{');
  json.Text("duration", FormatDuration(report.duration));
  json.Count("seed", report.seed);
  json.Count("agents", report.agents);
  json.Open("policy", '{');
  for (const auto& [name, value] : report.policy) json.Text(name, value);
  json.Close('}');
  json.Open("resources", '[');
  for (const ResourceUse& use : report.resources) {
    json.Open("", '{');
    json.Text("name", use.name);
    json.Number("total", use.total);
    Write("allocated", use.allocated, &json);
    Write("offered", use.offered, &json);
    json.Close('}');
  }
  json.Close(']');
  Write(report.tasks, &json);
  Write(report.waits, &json);
  Write(report.offers, &json);
  WriteFrameworks(report, &json);
  WriteRoles(report, &json);
  json.Open("allocation", '{');
  json.Count("runs", report.allocation_runs);
  json.Count("agents_visited", report.agents_visited);
  json.Close('}');
  WriteSeries(report, &json);
  json.Close('}');
  return json.Take();
}

}  // namespace tepui::capacity
