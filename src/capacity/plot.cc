// SPDX-License-Identifier: Apache-2.0
#include "capacity/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "capacity/text.h"

namespace tepui::capacity {
namespace {

// Pixels of the picture, which can be scaled.
constexpr int kWidth = 960;
constexpr int kLeft = 72;
constexpr int kRight = 24;
constexpr int kPlotWidth = kWidth - kLeft - kRight;
constexpr int kPlotHeight = 180;
constexpr int kHeading = 56;        // Height of title and legend above a panel's plot.
constexpr int kPanelBottom = 56;    // Height of the time axis below it.
constexpr int kTop = 40;            // Height of the picture's title.
constexpr int kCharacter = 7;       // Approximate width of a character.
constexpr double kVisible = 0.002;  // Smaller shares get no line of their own.

// Uses classes instead of variables, so that viewers without support for variables still show the
// light picture.
constexpr std::string_view kStyle = R"(
.paper { fill: #ffffff; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.axis { stroke: #57606a; stroke-width: 1; }
text { fill: #1f2328; font: 12px system-ui, sans-serif; }
.title { font-size: 16px; font-weight: 600; }
.panel { font-size: 14px; font-weight: 600; }
.tick { fill: #57606a; }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.offered { stroke-dasharray: 4 3; }
.c0 { stroke: #0b62b8; } .c1 { stroke: #b35900; } .c2 { stroke: #1a7f37; }
.c3 { stroke: #8250df; } .c4 { stroke: #cf222e; } .c5 { stroke: #0e7a7a; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; }
  .grid { stroke: #30363d; }
  .axis { stroke: #9198a1; }
  text { fill: #e6edf3; }
  .tick { fill: #9198a1; }
  .c0 { stroke: #58a6ff; } .c1 { stroke: #f0883e; } .c2 { stroke: #3fb950; }
  .c3 { stroke: #bc8cff; } .c4 { stroke: #ff7b72; } .c5 { stroke: #39c5cf; }
}
)";

// Escapes user text for XML.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n') {
      out += "\xef\xbf\xbd";  // XML does not allow these characters.
    } else {
      out += c;
    }
  }
  return out;
}

// The time axis: a mark every `step`, in a unit that makes the numbers short.
struct TimeAxis {
  Duration step{};
  Duration unit{};
  std::string_view unit_name;
};

TimeAxis AxisFor(Duration duration) {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds, std::chrono::milliseconds;
  constexpr int kMostMarks = 12;
  constexpr Duration kDay = hours(24);
  constexpr std::array<TimeAxis, 24> kAxes = {{{milliseconds(100), seconds(1), "seconds"},
                                               {milliseconds(500), seconds(1), "seconds"},
                                               {seconds(1), seconds(1), "seconds"},
                                               {seconds(2), seconds(1), "seconds"},
                                               {seconds(5), seconds(1), "seconds"},
                                               {seconds(10), seconds(1), "seconds"},
                                               {seconds(30), minutes(1), "minutes"},
                                               {minutes(1), minutes(1), "minutes"},
                                               {minutes(2), minutes(1), "minutes"},
                                               {minutes(5), minutes(1), "minutes"},
                                               {minutes(10), minutes(1), "minutes"},
                                               {minutes(15), hours(1), "hours"},
                                               {minutes(30), hours(1), "hours"},
                                               {hours(1), hours(1), "hours"},
                                               {hours(2), hours(1), "hours"},
                                               {hours(3), hours(1), "hours"},
                                               {hours(6), hours(1), "hours"},
                                               {hours(12), kDay, "days"},
                                               {kDay, kDay, "days"},
                                               {2 * kDay, kDay, "days"},
                                               {5 * kDay, kDay, "days"},
                                               {10 * kDay, kDay, "days"},
                                               {20 * kDay, kDay, "days"},
                                               {50 * kDay, kDay, "days"}}};
  const auto fits = [&](const TimeAxis& axis) { return duration / axis.step <= kMostMarks; };
  const auto axis = std::ranges::find_if(kAxes, fits);
  return axis == kAxes.end() ? kAxes.back() : *axis;
}

// The distance of marks that divide 0 to `most` into at most five parts: 1, 2 or 5 times a power of
// ten.
double NiceStep(double most) {
  const double rough = most / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

struct Line {
  std::string name;
  const std::vector<double>* values;
  size_t color = 0;
  bool offered = false;  // Drawn as a dashed line.
};

struct Panel {
  std::string title;
  std::vector<Line> lines;
  bool percent = false;  // The values are fractions of 1, shown as percent.
  double most = 1;       // The end of the axis.
};

// The end of an axis: a mark at or above `most`.
double RoundedUp(double most) {
  const double step = NiceStep(most);
  return step * std::ceil(most / step * (1 - 1e-9));
}

double LargestOf(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(std::max<size_t>(values.size(), 1));
}

Panel UtilisationPanel(const Report& report) {
  Panel panel{.title = "Utilisation, % of the cluster", .lines = {}, .percent = true, .most = 1};
  for (size_t i = 0; i < std::min(report.resources.size(), kMaxLines); ++i) {
    panel.lines.push_back(
        {report.resources[i].name + " allocated", &report.series.allocated[i], i, false});
    if (LargestOf(report.series.offered[i]) >= kVisible) {
      panel.lines.push_back(
          {report.resources[i].name + " offered", &report.series.offered[i], i, true});
    }
  }
  return panel;
}

Panel TasksPanel(const Report& report) {
  Panel panel{.title = "Waiting tasks", .lines = {}, .percent = false, .most = 1};
  panel.lines.push_back({"waiting to be launched", &report.series.waiting, 4, false});
  panel.most = RoundedUp(std::max(1.0, LargestOf(report.series.waiting)));
  return panel;
}

// The roles with the largest shares, in the order of the report.
Panel RolesPanel(const Report& report) {
  Panel panel{.title = "Dominant shares of roles, %", .lines = {}, .percent = true, .most = 0.05};
  std::vector<size_t> order(report.roles.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](size_t role) { return MeanOf(report.series.role_shares[role]); });
  order.resize(std::min(order.size(), kMaxLines));
  std::ranges::sort(order);
  for (const size_t role : order) {
    const std::vector<double>& shares = report.series.role_shares[role];
    panel.lines.push_back({report.roles[role].name, &shares, panel.lines.size(), false});
    panel.most = std::max(panel.most, LargestOf(shares));
  }
  panel.most = std::min(RoundedUp(panel.most), 1.0);
  if (report.roles.size() > kMaxLines)
    panel.title += fmt::format(" (the largest {} of {})", kMaxLines, report.roles.size());
  return panel;
}

// Writes the elements of a picture.
class Picture {
 public:
  explicit Picture(Duration duration) : duration_(duration), axis_(AxisFor(duration)) {}

  void Add(const Panel& panel) {
    const int top = next_ + kHeading;
    Text(kLeft, next_ + 16, "panel", "start", panel.title);
    Legend(panel, next_ + 38);
    ValueAxis(panel, top);
    TimeMarks(top);
    for (const Line& line : panel.lines) Draw(panel, line, top);
    next_ = top + kPlotHeight + kPanelBottom;
  }

  std::string Take(const std::string& title) {
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\">\n"
        "<title>{}</title>\n<style>{}</style>\n"
        "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
        kWidth, next_, Escaped(title), kStyle);
    out +=
        fmt::format("<text class=\"title\" x=\"{}\" y=\"26\">{}</text>\n", kLeft, Escaped(title));
    return out + body_ + "</svg>\n";
  }

 private:
  void Text(int x, int y, std::string_view style, std::string_view anchor, std::string_view text) {
    body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n",
                         style, x, y, anchor, Escaped(text));
  }

  void Segment(std::string_view style, int x1, int y1, int x2, int y2) {
    body_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", style,
                         x1, y1, x2, y2);
  }

  // Shows as many entries as there is space for.
  void Legend(const Panel& panel, int y) {
    constexpr int kSample = 22;
    int x = kLeft;
    for (const Line& line : panel.lines) {
      const int end = x + kSample + 6 + kCharacter * static_cast<int>(line.name.size());
      if (end > kWidth - kRight) return;
      Segment(StyleOf(line), x, y - 4, x + kSample, y - 4);
      Text(x + kSample + 6, y, "legend", "start", line.name);
      x = end + 14;
    }
  }

  static std::string StyleOf(const Line& line) {
    return fmt::format("line c{}{}", line.color, line.offered ? " offered" : "");
  }

  static double Height(const Panel& panel, double value) {
    return kPlotHeight * std::min(value / panel.most, 1.0);
  }

  void ValueAxis(const Panel& panel, int top) {
    const double scale = panel.percent ? 100 : 1;
    const double step = NiceStep(panel.most * scale);
    for (int i = 0; i * step <= panel.most * scale * (1 + 1e-9); ++i) {
      const int y =
          top + kPlotHeight - static_cast<int>(std::lround(Height(panel, i * step / scale)));
      Segment(i == 0 ? "axis" : "grid", kLeft, y, kWidth - kRight, y);
      Text(kLeft - 8, y + 4, "tick", "end", Mark(i * step, panel.percent));
    }
  }

  static std::string Mark(double value, bool percent) {
    if (percent) return fmt::format("{:.4g}%", value);
    if (value == std::floor(value)) return Grouped(static_cast<uint64_t>(value));
    return fmt::format("{:.4g}", value);
  }

  void TimeMarks(int top) {
    for (Duration at{}; at <= duration_; at += axis_.step) {
      const double part = static_cast<double>(at.count()) / static_cast<double>(duration_.count());
      const int x = kLeft + static_cast<int>(std::lround(part * kPlotWidth));
      Segment("axis", x, top + kPlotHeight, x, top + kPlotHeight + 4);
      const double number =
          static_cast<double>(at.count()) / static_cast<double>(axis_.unit.count());
      Text(x, top + kPlotHeight + 18, "tick", "middle", fmt::format("{:.4g}", number));
    }
    Text(kLeft + kPlotWidth / 2, top + kPlotHeight + 36, "tick", "middle",
         fmt::format("time, {}", axis_.unit_name));
  }

  // Draws steps: each value is the mean of its interval.
  void Draw(const Panel& panel, const Line& line, int top) {
    const double width = static_cast<double>(kPlotWidth) / static_cast<double>(line.values->size());
    std::string path;
    double last = -1;
    for (size_t i = 0; i < line.values->size(); ++i) {
      const double y = top + kPlotHeight - Height(panel, (*line.values)[i]);
      if (i == 0) {
        path = fmt::format("M{} {:.1f}", kLeft, y);
      } else if (std::abs(y - last) >= 0.05) {
        path += fmt::format("H{:.1f}V{:.1f}", kLeft + width * static_cast<double>(i), y);
      } else {
        continue;
      }
      last = y;
    }
    body_ +=
        fmt::format("<path class=\"{}\" d=\"{}H{}\"/>\n", StyleOf(line), path, kWidth - kRight);
  }

  const Duration duration_;
  const TimeAxis axis_;
  int next_ = kTop;
  std::string body_;
};

std::string TitleOf(const Report& report) {
  return fmt::format("{} simulated, {} agents, seed {}", FormatDuration(report.duration),
                     Grouped(report.agents), report.seed);
}

}  // namespace

std::string ToSvg(const Report& report) {
  Picture picture(report.duration);
  picture.Add(UtilisationPanel(report));
  picture.Add(TasksPanel(report));
  if (report.roles.size() > 1) picture.Add(RolesPanel(report));
  return picture.Take(TitleOf(report));
}

std::string ToHtml(const Report& report) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>{}</title>\n<style>\n"
      "body {{ margin: 0 auto; max-width: 1100px; padding: 16px; }}\n"
      "pre {{ overflow-x: auto; font-size: 13px; }}\n"
      "@media (prefers-color-scheme: dark) {{ body {{ background: #0d1117; color: #e6edf3; }} }}\n"
      "</style>\n</head>\n<body>\n{}<pre>{}</pre>\n</body>\n</html>\n",
      Escaped(TitleOf(report)), ToSvg(report), Escaped(ToTable(report)));
}

}  // namespace tepui::capacity
