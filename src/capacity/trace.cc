// SPDX-License-Identifier: Apache-2.0
#include "capacity/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "base/seconds.h"
#include "base/units.h"

namespace tepui::capacity {
namespace {

constexpr size_t kMaxColumns = 64;
constexpr std::string_view kArrival = "arrival_seconds";
constexpr std::string_view kDuration = "duration_seconds";
constexpr std::string_view kFramework = "framework";
constexpr double kMaxSeconds = 100.0 * 366 * 24 * 3600;

struct Field {
  std::string text;
  size_t column = 1;  // Column within the line, from 1.
};

// Reads one line after the other.
class TraceReader {
 public:
  TraceReader(std::string_view text, const std::string& name, Problems* problems)
      : rest_(text), name_(name), problems_(problems) {}

  std::optional<TraceFile> Read() {
    if (!NextLine() || !ReadHeader()) return std::nullopt;
    while (!problems_->full() && NextLine()) {
      if (!fields_.empty()) ReadRow();
    }
    if (problems_->empty() && file_.rows.empty()) Problem(1, "the file has no tasks");
    if (!problems_->empty()) return std::nullopt;
    return std::move(file_);
  }

 private:
  enum class Meaning { kArrival, kDuration, kFramework, kResource };
  struct Column {
    Meaning meaning = Meaning::kResource;
    std::string name;
    ResourceName resource;
  };

  void Problem(size_t column, std::string_view sentence) {
    problems_->Add(fmt::format("{}:{}:{}: {}", name_, line_, column, sentence));
  }

  // Reads the next line into fields_, which stays empty for an empty line. Returns false after the
  // last line.
  bool NextLine() {
    fields_.clear();
    if (rest_.empty()) {
      if (line_ == 0) {
        line_ = 1;
        Problem(1, "the file is empty: its first line names the columns");
      }
      return false;
    }
    ++line_;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!Trimmed(line).empty()) Split(line);
    return true;
  }

  void Split(std::string_view line) {
    size_t next = 0;
    for (;;) {
      Field field{.text = "", .column = next + 1};
      if (fields_.size() == kMaxColumns) {
        Problem(field.column, fmt::format("more than {} columns", kMaxColumns));
        fields_.clear();
        return;
      }
      if (next < line.size() && line[next] == '"') {
        if (!TakeQuoted(line, &next, &field.text)) {
          fields_.clear();
          return;
        }
      } else {
        const size_t end = std::min(line.find(',', next), line.size());
        field.text = Trimmed(line.substr(next, end - next));
        next = end;
      }
      fields_.push_back(std::move(field));
      if (next == line.size()) return;
      ++next;  // Skips the comma.
    }
  }

  // Reads from the opening quote to the comma or the end.
  bool TakeQuoted(std::string_view line, size_t* next, std::string* text) {
    const size_t begin = (*next)++;
    for (;; ++*next) {
      const size_t quote = line.find('"', *next);
      if (quote == std::string_view::npos) {
        Problem(begin + 1, "the text that begins here lacks the closing '\"'");
        return false;
      }
      *text += line.substr(*next, quote - *next);
      *next = quote + 1;
      if (*next < line.size() && line[*next] == '"') {
        *text += '"';
        continue;
      }
      if (*next < line.size() && line[*next] != ',') {
        Problem(*next + 1, fmt::format("expected ',' after the text, not '{}'", line[*next]));
        return false;
      }
      return true;
    }
  }

  bool ReadHeader() {
    for (const Field& field : fields_) {
      Column column{.meaning = Meaning::kResource, .name = field.text, .resource = {}};
      if (std::ranges::find(columns_, field.text, &Column::name) != columns_.end()) {
        Problem(field.column, fmt::format("the column {} appears twice", field.text));
      }
      if (field.text == kArrival) {
        column.meaning = Meaning::kArrival;
      } else if (field.text == kDuration) {
        column.meaning = Meaning::kDuration;
      } else if (field.text == kFramework) {
        column.meaning = Meaning::kFramework;
        file_.has_frameworks = true;
      } else if (const auto resource = ResourceName::Of(field.text)) {
        column.resource = *resource;
      } else {
        Problem(field.column,
                fmt::format("the name of a column is not valid: {}", resource.error().message));
      }
      columns_.push_back(std::move(column));
    }
    for (const std::string_view needed : {kArrival, kDuration}) {
      if (std::ranges::find(columns_, needed, &Column::name) == columns_.end())
        Problem(1, fmt::format("the column {} is missing", needed));
    }
    if (std::ranges::find(columns_, Meaning::kResource, &Column::meaning) == columns_.end())
      Problem(1, "there is no column for a resource, such as cpus or mem");
    return problems_->empty();
  }

  void ReadRow() {
    if (fields_.size() != columns_.size()) {
      Problem(fields_.back().column, fmt::format("{} fields, but the first line names {} columns",
                                                 fields_.size(), columns_.size()));
      return;
    }
    if (file_.rows.size() == Limits::kTasks) {
      Problem(1, fmt::format("more than {} tasks", Limits::kTasks));
      rest_ = {};
      return;
    }
    TraceFile::Row row;
    Quantities resources;
    for (size_t i = 0; i < fields_.size(); ++i)
      ReadField(columns_[i], fields_[i], &row, &resources);
    if (resources.empty()) Problem(1, "the task has no resources");
    row.task.shape = ShapeOf(resources);
    file_.rows.push_back(row);
  }

  void ReadField(const Column& column, const Field& field, TraceFile::Row* row,
                 Quantities* resources) {
    if (column.meaning == Meaning::kFramework) {
      row->framework = FrameworkOf(field);
      return;
    }
    double number = 0;
    const char* const end = field.text.data() + field.text.size();
    const auto [rest, error] = std::from_chars(field.text.data(), end, number);
    const bool empty = field.text.empty() && column.meaning == Meaning::kResource;  // None used.
    if (!empty && (error != std::errc() || rest != end || !std::isfinite(number))) {
      Problem(field.column,
              fmt::format("expected a number for {}, not '{}'", column.name, field.text));
      return;
    }
    switch (column.meaning) {
      case Meaning::kArrival:
        row->task.arrival = Time(field, 0, number);
        break;
      case Meaning::kDuration:
        row->task.duration = Time(field, Seconds(TaskDuration::kShortest), number);
        break;
      default:
        if (const auto amount = Amount::Checked(number)) {
          resources->Set(column.resource, *amount);
        } else {
          Problem(field.column, fmt::format("{}: {}", column.name, amount.error().message));
        }
    }
  }

  Duration Time(const Field& field, double least, double seconds) {
    if (seconds >= least && seconds <= kMaxSeconds)
      return std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
    Problem(field.column, fmt::format("expected from {} to {:.0f} seconds, not {}", least,
                                      kMaxSeconds, field.text));
    return TaskDuration::kShortest;
  }

  uint32_t FrameworkOf(const Field& field) {
    const auto [it, is_new] =
        framework_numbers_.emplace(field.text, static_cast<uint32_t>(file_.frameworks.size()));
    if (is_new) {
      if (field.text.empty()) Problem(field.column, "the name of the framework is missing");
      file_.frameworks.push_back({field.text, fmt::format("{}:{}:{}", name_, line_, field.column)});
    }
    return it->second;
  }

  uint32_t ShapeOf(const Quantities& resources) {
    const auto [it, is_new] =
        shape_numbers_.emplace(resources.ToString(), static_cast<uint32_t>(file_.shapes.size()));
    if (is_new) {
      if (file_.shapes.size() == Limits::kTraceShapes) {
        Problem(1, fmt::format("more than {} different sizes of tasks", Limits::kTraceShapes));
        rest_ = {};
        return 0;
      }
      file_.shapes.push_back(
          {.resources = resources, .weight = 1, .where = fmt::format("{}:{}:1", name_, line_)});
    }
    return it->second;
  }

  std::string_view rest_;
  const std::string& name_;
  Problems* const problems_;
  size_t line_ = 0;
  std::vector<Field> fields_;  // Fields of the current line.
  std::vector<Column> columns_;
  std::unordered_map<std::string, uint32_t> framework_numbers_;
  std::unordered_map<std::string, uint32_t> shape_numbers_;  // Keyed by Quantities::ToString.
  TraceFile file_;
};

}  // namespace

std::optional<TraceFile> ReadTrace(std::string_view text, const std::string& name,
                                   Problems* problems) {
  Problems own;  // Separate, so that problems of other files do not count against its limit.
  std::optional<TraceFile> file = TraceReader(text, name, &own).Read();
  for (std::string& sentence : own.Take()) problems->Add(std::move(sentence));
  return file;
}

Trace TraceOf(const TraceFile& file, std::string_view name, std::vector<TaskShape>* shapes) {
  Trace trace;
  std::vector<std::optional<uint32_t>> numbers(file.shapes.size());
  for (const TraceFile::Row& row : file.rows) {
    if (file.has_frameworks && file.frameworks[row.framework].name != name) continue;
    std::optional<uint32_t>& number = numbers[row.task.shape];
    if (!number) {
      number = static_cast<uint32_t>(shapes->size());
      shapes->push_back(file.shapes[row.task.shape]);
    }
    trace.tasks.push_back(row.task);
    trace.tasks.back().shape = *number;
  }
  std::ranges::stable_sort(trace.tasks, {}, &TraceTask::arrival);
  return trace;
}

}  // namespace tepui::capacity
