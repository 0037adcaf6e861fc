// SPDX-License-Identifier: Apache-2.0
#include "capacity/framework_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/nearest_name.h"
#include "base/units.h"

namespace tepui::capacity {
namespace {

using Capability = v1::FrameworkInfo::Capability;

constexpr size_t kMaxProfileParts = 1440;  // The number of minutes of a day.
constexpr double kMaxRate = 1e12;          // More tasks than any limit allows.
constexpr double kMaxRefuseSeconds = 365.0 * 24 * 3600;

// Returns the one key that is there; adds a problem unless it is exactly one.
std::optional<std::string_view> OneOf(ObjectReader& reader,
                                      std::initializer_list<std::string_view> keys) {
  if (!reader.is_object()) return std::nullopt;
  std::vector<std::string_view> found;
  for (const std::string_view key : keys) {
    if (reader.Has(key)) found.push_back(key);
  }
  if (found.size() == 1) return found.front();
  // Finish reports a misspelled key with the one that was probably meant.
  reader.problems()->Add(fmt::format(
      "{}: expected one of the keys {}, {}", reader.document().Where(reader.path()),
      fmt::join(keys, ", "),
      found.empty() ? "but found none" : fmt::format("but found {} of them", found.size())));
  return std::nullopt;
}

// Reads an array of strings.
std::vector<std::string> Texts(ObjectReader& reader, std::string_view key) {
  std::vector<std::string> texts;
  const boost::json::array* array = reader.Array(key);
  if (array == nullptr) return texts;
  if (array->empty()) reader.Problem(key, "the list is empty");
  for (size_t i = 0; i < array->size(); ++i) {
    const boost::json::value& element = (*array)[i];
    if (element.is_string()) {
      texts.emplace_back(element.get_string().data(), element.get_string().size());
    } else {
      reader.problems()->Add(
          fmt::format("{}: expected a text in double quotes, not {}",
                      reader.document().Where(ElementPath(reader.PathOf(key), i)), Shown(element)));
    }
  }
  return texts;
}

}  // namespace

FrameworkSpec FrameworkReader::Read(const JsonDocument& document, const boost::json::value& value,
                                    const std::string& path) {
  FrameworkSpec spec;
  ObjectReader reader(document, value, path, problems_);
  reader.Require({"name", "workload"});
  spec.where = document.Where(path);
  if (auto name = reader.Text("name")) {
    if (name->empty()) reader.Problem("name", "the name is empty");
    spec.name = std::move(*name);
  }
  if (auto count = reader.Count("count", 1, Limits::kFrameworks)) spec.count = *count;
  ReadRoles(reader, &spec);
  ReadCapabilities(reader, &spec);
  ReadAnswers(reader, &spec);
  ReadLoad(reader, &spec);
  reader.Finish();
  return spec;
}

void FrameworkReader::ReadRoles(ObjectReader& reader, FrameworkSpec* spec) {
  if (reader.Has("role") && reader.Has("roles"))
    reader.Problem("roles", "give either \"role\" or \"roles\", not both");
  spec->roles = Texts(reader, "roles");
  if (auto role = reader.Text("role")) spec->roles = {*role};
  if (spec->roles.empty()) spec->roles = {"*"};
  const std::string_view key = reader.Has("roles") ? "roles" : "role";
  for (size_t i = 0; i < spec->roles.size(); ++i) {
    if (const Status valid = ValidateRole(spec->roles[i]); !valid)
      reader.Problem(key, valid.error().message);
    if (std::find(spec->roles.begin(), spec->roles.begin() + static_cast<ptrdiff_t>(i),
                  spec->roles[i]) != spec->roles.begin() + static_cast<ptrdiff_t>(i)) {
      reader.Problem(key, fmt::format("the role '{}' appears twice", spec->roles[i]));
    }
  }
  if (spec->roles.size() > Limits::kRoles)
    reader.Problem(key, fmt::format("more than {} roles", Limits::kRoles));
}

void FrameworkReader::ReadCapabilities(ObjectReader& reader, FrameworkSpec* spec) {
  if (!reader.Has("capabilities")) {
    reader.Any("capabilities");
    return;
  }
  std::vector<std::string_view> known;
  for (int i = Capability::Type_MIN + 1; i <= Capability::Type_MAX; ++i) {
    if (Capability::Type_IsValid(i))
      known.push_back(Capability::Type_Name(static_cast<Capability::Type>(i)));
  }
  for (const std::string& name : Texts(reader, "capabilities")) {
    Capability::Type type = Capability::UNKNOWN;
    if (Capability::Type_Parse(name, &type) && type != Capability::UNKNOWN) {
      spec->capabilities.push_back(type);
      continue;
    }
    const std::optional<size_t> nearest = NearestName(name, known);
    reader.Problem(
        "capabilities",
        nearest ? fmt::format("'{}' is not a capability; did you mean {}?", name, known[*nearest])
                : fmt::format("'{}' is not a capability; the known ones are {}", name,
                              fmt::join(known, ", ")));
  }
}

void FrameworkReader::ReadAnswers(ObjectReader& reader, FrameworkSpec* spec) {
  if (auto most = reader.Count("max_running", 1, Limits::kTasks)) spec->max_running = *most;
  if (auto seconds = reader.Number("refuse_seconds", 0, kMaxRefuseSeconds))
    spec->refuse_seconds = *seconds;
  if (auto suppress = reader.Truth("suppress")) spec->suppress = *suppress;
  if (auto time = reader.Time("decision_time", Duration::zero(), std::chrono::hours(1)))
    spec->decision_time = *time;
  if (auto time = reader.Time("hold_offers", Duration::zero(), Limits::kLongest))
    spec->hold_offers = *time;
  if (auto text = reader.Text("only_on")) {
    if (auto attributes = ParseAttributes(*text)) {
      spec->only_on = std::move(*attributes);
    } else {
      reader.Problem("only_on", attributes.error().message);
    }
  }
}

// --- The load.

void FrameworkReader::ReadLoad(ObjectReader& parent, FrameworkSpec* spec) {
  const boost::json::value* value = parent.Any("workload");
  if (value == nullptr) return;
  ObjectReader reader(parent.document(), *value, parent.PathOf("workload"), problems_);
  const auto kind = OneOf(reader, {"arrivals", "service", "trace"});
  if (kind == "trace") {
    if (auto trace = ReadTraceLoad(reader, spec)) spec->workload = std::move(*trace);
    if (spec->count != 1)
      reader.Problem("trace", "a trace is played once: leave the framework's \"count\" out");
    reader.Finish();
    return;
  }
  ReadShapes(reader, spec);
  const std::optional<TaskDuration> duration = ReadDuration(reader);
  if (kind == "service") {
    Service service{.tasks = reader.Count("service", 1, Limits::kTasks).value_or(1),
                    .duration = duration};
    spec->workload = service;
  } else {
    const std::optional<Arrivals> arrivals = ReadArrivals(reader);
    if (kind == "arrivals") reader.Require({"duration"});
    if (arrivals && duration) spec->workload = Batch{.arrivals = *arrivals, .duration = *duration};
  }
  // Marks the keys as known, for the error about unknown keys.
  for (const std::string_view key : {"arrivals", "service", "trace"}) reader.Any(key);
  reader.Finish();
}

void FrameworkReader::ReadShapes(ObjectReader& reader, FrameworkSpec* spec) {
  reader.Require({"resources"});
  const boost::json::value* value = reader.Any("resources");
  if (value == nullptr) return;
  if (!value->is_array()) {
    if (auto shape = ReadShape(reader)) spec->shapes.push_back(std::move(*shape));
    return;
  }
  const boost::json::array& array = value->get_array();
  if (array.empty() || array.size() > Limits::kShapes) {
    reader.Problem("resources", fmt::format("expected 1 to {} sizes of tasks, not {}",
                                            Limits::kShapes, array.size()));
    return;
  }
  for (size_t i = 0; i < array.size(); ++i) {
    ObjectReader element(reader.document(), array[i], ElementPath(reader.PathOf("resources"), i),
                         problems_);
    element.Require({"resources"});
    auto shape = ReadShape(element);
    const auto weight = element.Number("weight", 1e-6, 1e9);
    if (shape) {
      shape->weight = weight.value_or(1);
      spec->shapes.push_back(std::move(*shape));
    }
    element.Finish();
  }
}

std::optional<TaskShape> FrameworkReader::ReadShape(ObjectReader& reader) {
  const std::optional<std::string> text = reader.Text("resources");
  if (!text) return std::nullopt;
  Result<Quantities> quantities = Quantities::Parse(*text);
  if (!quantities) {
    reader.Problem("resources", quantities.error().message);
    return std::nullopt;
  }
  if (quantities->empty()) {
    reader.Problem("resources", "a task needs resources: write for example \"cpus:1;mem:1024\"");
    return std::nullopt;
  }
  return TaskShape{
      .resources = std::move(*quantities), .weight = 1, .where = reader.Where("resources")};
}

std::optional<Arrivals> FrameworkReader::ReadArrivals(ObjectReader& parent) {
  const boost::json::value* value = parent.Any("arrivals");
  if (value == nullptr) return std::nullopt;
  ObjectReader reader(parent.document(), *value, parent.PathOf("arrivals"), problems_);
  const auto kind = OneOf(reader, {"at_start", "every", "poisson_per_hour"});
  const auto at_start = reader.Count("at_start", 1, Limits::kTasks);
  const auto every = reader.Time("every", Duration(1), Limits::kLongest);
  std::optional<Arrivals> arrivals;
  if (kind == "at_start" && at_start) arrivals = AllAtStart{*at_start};
  if (kind == "every" && every) arrivals = Regular{*every};
  const std::optional<Poisson> poisson = ReadPoisson(reader);
  if (kind == "poisson_per_hour" && poisson) arrivals = *poisson;
  if (kind && kind != "poisson_per_hour" && reader.Has("daily_profile"))
    reader.Problem("daily_profile", "it can be used only together with \"poisson_per_hour\"");
  reader.Finish();
  return arrivals;
}

std::optional<Poisson> FrameworkReader::ReadPoisson(ObjectReader& reader) {
  const auto rate = reader.Number("poisson_per_hour", 1e-6, kMaxRate);
  const boost::json::array* array = reader.Array("daily_profile");
  std::vector<double> profile;
  if (array != nullptr) {
    bool valid = !array->empty() && array->size() <= kMaxProfileParts;
    double sum = 0;
    for (const boost::json::value& part : *array) {
      const double number = part.is_number() ? part.to_number<double>() : -1;
      valid &= number >= 0 && number <= 1e9;
      sum += number;
      profile.push_back(number);
    }
    if (!valid || sum <= 0) {
      reader.Problem("daily_profile",
                     fmt::format("expected 1 to {} relative rates, as many as the day is to have "
                                 "equal parts: numbers from 0 to 1e9, not all of them 0",
                                 kMaxProfileParts));
      return std::nullopt;
    }
  }
  if (!rate) return std::nullopt;
  return Poisson{.per_hour = *rate, .profile = std::move(profile)};
}

std::optional<TaskDuration> FrameworkReader::ReadDuration(ObjectReader& parent) {
  const boost::json::value* value = parent.Any("duration");
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    const auto fixed = parent.Time("duration", TaskDuration::kShortest, TaskDuration::kLongest);
    return fixed ? std::optional(TaskDuration::Fixed(*fixed)) : std::nullopt;
  }
  ObjectReader reader(parent.document(), *value, parent.PathOf("duration"), problems_);
  std::optional<TaskDuration> duration = ReadDistribution(reader);
  reader.Finish();
  return duration;
}

std::optional<TaskDuration> FrameworkReader::ReadDistribution(ObjectReader& reader) {
  constexpr Duration kLeast = TaskDuration::kShortest;
  constexpr Duration kMost = TaskDuration::kLongest;
  const auto kind = OneOf(reader, {"fixed", "uniform", "exponential", "lognormal"});
  const auto fixed = reader.Time("fixed", kLeast, kMost);
  for (const std::string_view key : {"uniform", "exponential", "lognormal"}) reader.Any(key);
  if (!kind) return std::nullopt;
  if (kind == "fixed") return fixed ? std::optional(TaskDuration::Fixed(*fixed)) : std::nullopt;

  ObjectReader inner(reader.document(), *reader.Any(*kind), reader.PathOf(*kind), problems_);
  std::optional<TaskDuration> duration;
  if (kind == "exponential") {
    inner.Require({"mean"});
    if (const auto mean = inner.Time("mean", kLeast, kMost))
      duration = TaskDuration::Exponential(*mean);
  } else {
    const bool uniform = kind == "uniform";
    const std::string_view low_key = uniform ? "min" : "median";
    const std::string_view high_key = uniform ? "max" : "p95";
    inner.Require({low_key, high_key});
    const auto low = inner.Time(low_key, kLeast, kMost);
    const auto high = inner.Time(high_key, kLeast, kMost);
    if (low && high && *high <= *low) {
      inner.Problem(high_key, fmt::format("expected a value greater than \"{}\", which is {}",
                                          low_key, FormatDuration(*low)));
    } else if (low && high) {
      duration =
          uniform ? TaskDuration::Uniform(*low, *high) : TaskDuration::Lognormal(*low, *high);
    }
  }
  inner.Finish();
  return duration;
}

// --- Traces.

std::optional<Trace> FrameworkReader::ReadTraceLoad(ObjectReader& reader, FrameworkSpec* spec) {
  const std::optional<std::string> path = reader.Text("trace");
  if (!path) return std::nullopt;
  const LoadedTrace& loaded = Load(reader, *path, spec->name);
  if (!loaded.file) return std::nullopt;
  Trace trace = TraceOf(*loaded.file, spec->name, &spec->shapes);
  if (trace.tasks.empty()) {
    reader.Problem("trace",
                   fmt::format("no row of '{}' names the framework '{}'", *path, spec->name));
    return std::nullopt;
  }
  if (trace.tasks.front().arrival >= duration_) {
    reader.Problem("trace",
                   fmt::format("every task of '{}' arrives after the {} that are simulated; "
                               "arrival_seconds counts from their start",
                               *path, FormatDuration(duration_)));
  }
  return trace;
}

const FrameworkReader::LoadedTrace& FrameworkReader::Load(ObjectReader& reader,
                                                          const std::string& path,
                                                          const std::string& framework) {
  const auto [it, is_new] = traces_.try_emplace(path);
  LoadedTrace& loaded = it->second;
  loaded.players.push_back(framework);
  if (!is_new) return loaded;
  const Result<std::string> text = read_file_(path);
  if (text) {
    loaded.file = ReadTrace(*text, path, problems_);
  } else {
    reader.Problem("trace", text.error().message);
  }
  return loaded;
}

void FrameworkReader::Finish() {
  for (const auto& [path, loaded] : traces_) {
    if (!loaded.file || !loaded.file->has_frameworks) continue;
    const std::vector<std::string_view> players(loaded.players.begin(), loaded.players.end());
    for (const auto& [name, where] : loaded.file->frameworks) {
      if (std::ranges::find(players, name) != players.end()) continue;
      const std::optional<size_t> nearest = NearestName(name, players);
      problems_->Add(fmt::format(
          "{}: no framework of the workload is called '{}' and plays this trace{}", where, name,
          nearest ? fmt::format("; did you mean '{}'?", players[*nearest]) : ""));
    }
  }
}

}  // namespace tepui::capacity
