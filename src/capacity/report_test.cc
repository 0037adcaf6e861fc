// SPDX-License-Identifier: Apache-2.0
// Tests of the report as table and as JSON, and of the plot.

#include "capacity/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "capacity/meter.h"
#include "capacity/plot.h"
#include "capacity/testing.h"

namespace tepui::capacity {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Returns what is wrong with `text`, or nothing if it is well-formed XML as far as a picture needs
// it (one root, tags that match, attributes in quotes and once each, no bare & or <).
std::string XmlProblem(std::string_view text) {
  std::vector<std::string> open;
  size_t roots = 0;
  while (!text.empty()) {
    const size_t tag = std::min(text.find('<'), text.size());
    std::string_view content = text.substr(0, tag);
    for (size_t at = content.find('&'); at != content.npos; at = content.find('&', at + 1)) {
      const std::string_view entity = content.substr(at, content.find(';', at) - at);
      if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot")
        return "bare & in: " + std::string(content);
    }
    if (open.empty() && content.find_first_not_of(" \n") != content.npos)
      return "text outside: " + std::string(content);
    text.remove_prefix(tag);
    if (text.empty()) break;
    const size_t end = text.find('>');
    if (end == text.npos) return "a tag does not end";
    std::string_view inside = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (inside.starts_with('!')) continue;  // The document type.
    if (inside.starts_with('/')) {
      if (open.empty() || open.back() != inside.substr(1))
        return "unexpected </" + std::string(inside.substr(1)) + ">";
      open.pop_back();
      continue;
    }
    const bool empty = inside.ends_with('/');
    if (empty) inside.remove_suffix(1);
    const size_t name_end = std::min(inside.find(' '), inside.size());
    const std::string name(inside.substr(0, name_end));
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != name.npos)
      return "tag '" + name + "'";
    std::string_view attributes = inside.substr(name_end);
    std::vector<std::string_view> seen;
    while (attributes.find_first_not_of(' ') != attributes.npos) {
      attributes.remove_prefix(attributes.find_first_not_of(' '));
      const size_t equals = attributes.find("=\"");
      if (equals == attributes.npos) return "attributes of " + name;
      const std::string_view key = attributes.substr(0, equals);
      if (std::ranges::find(seen, key) != seen.end()) return "twice: " + std::string(key);
      seen.push_back(key);
      const size_t quote = attributes.find('"', equals + 2);
      if (quote == attributes.npos) return "attributes of " + name;
      attributes.remove_prefix(quote + 1);
    }
    if (open.empty() && ++roots > 1) return "a second root";
    if (!empty) open.push_back(name);
  }
  return open.empty() ? "" : "<" + open.back() + "> does not end";
}

TEST(XmlProblemTest, FindsWhatIsWrong) {
  EXPECT_EQ(XmlProblem("<a b=\"c\"><d/>x &lt; y</a>\n"), "");
  for (const char* wrong : {"<a>", "<a></b>", "<a b=c/>", "<a>&</a>", "<a/><b/>",
                            "<a b=\"1\" "
                            "b=\"2\"/>",
                            "x", "<a", "<A/>"}) {
    EXPECT_NE(XmlProblem(wrong), "") << wrong;
  }
}

Report Sample() {
  static const Report report = [] {
    Report made = ReportOf(
        Read(R"({"duration": "2hrs", "agents": [{"count": 1200, "resources": "cpus:1.5;mem:1024"}],
      "weights": {"a&b": 2},
      "frameworks": [
        {"name": "ten <", "role": "a&b", "count": 2, "hold_offers": "1mins",
         "workload": {"arrivals": {"at_start": 3000}, "resources": "cpus:1;mem:512",
                      "duration": {"uniform": {"min": "1mins", "max": "9mins"}}}},
        {"name": "eight", "role": "c/d", "suppress": true,
         "workload": {"arrivals": {"at_start": 2000}, "resources": "cpus:1", "duration": "9mins"}}
      ]})"));
    made.policy = {{"role_sorter", "drf"}};
    return made;
  }();
  return report;
}

TEST(ReportTest, TheTableShowsEverything) {
  const std::string table = ToTable(Sample());
  for (const char* part :
       {"Simulated 2hrs: agents 1,200, frameworks 3, roles 2, seed 1", "  --role_sorter=drf",
        "Utilisation", "1,800", "1,228,800", "framework ten < x 2", "8,000", "role a&b", "role c/d",
        "Jain's index", "Offers", "allocation runs looked at"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  for (size_t begin = 0; begin < table.size();) {
    const size_t end = table.find('\n', begin);
    EXPECT_LE(end - begin, 110u) << table.substr(begin, end - begin);
    EXPECT_NE(table[end - 1], ' ');
    begin = end + 1;
  }
}

TEST(ReportTest, LongListsAreCutAndSaySo) {
  Report report = Sample();
  for (int i = 0; i < 60; ++i) report.frameworks.push_back(report.frameworks[0]);
  EXPECT_THAT(ToTable(report), HasSubstr("... and 22 frameworks more: see --format=json"));
}

TEST(ReportTest, TheJsonHoldsTheReport) {
  const Report report = Sample();
  const boost::json::value json = boost::json::parse(ToJson(report));
  EXPECT_EQ(json.at("duration"), "2hrs");
  EXPECT_EQ(json.at("agents").as_int64(), 1200);
  EXPECT_EQ(json.at("policy").at("role_sorter"), "drf");
  EXPECT_EQ(json.at("resources").at(0).at("total").as_int64(), 1800);
  EXPECT_NEAR(json.at("resources").at(1).at("allocated").at("mean").to_number<double>(),
              report.resources[1].allocated.mean, 1e-5);
  EXPECT_EQ(json.at("frameworks").at(0).at("name"), "ten <");
  EXPECT_EQ(json.at("frameworks").at(0).at("roles").at(0), "a&b");
  EXPECT_EQ(json.at("frameworks").at(0).at("tasks").at("arrived").as_int64(), 6000);
  EXPECT_EQ(json.at("tasks").at("arrived").as_int64(), 8000);
  EXPECT_EQ(json.at("tasks").at("finished").to_number<uint64_t>(), report.tasks.finished);
  EXPECT_EQ(json.at("offers").at("made").to_number<uint64_t>(), report.offers.made);
  EXPECT_NEAR(json.at("waiting_seconds").at("p95").to_number<double>(),
              std::chrono::duration<double>(report.waits.p95).count(), 1e-3);
  EXPECT_EQ(json.at("roles").at(0).at("weight").as_int64(), 2);
  EXPECT_EQ(json.at("allocation").at("runs").to_number<uint64_t>(), report.allocation_runs);
  const auto& series = json.at("series");
  EXPECT_EQ(series.at("interval_seconds").as_int64(), 10);
  EXPECT_EQ(series.at("allocated").at("cpus").as_array().size(), size_t{Meter::kIntervals});
  EXPECT_EQ(series.at("offered").at("mem").as_array().size(), size_t{Meter::kIntervals});
  EXPECT_EQ(series.at("dominant_shares").at("c/d").as_array().size(), size_t{Meter::kIntervals});
  EXPECT_EQ(series.at("waiting_tasks").at(0).to_number<double>(), report.series.waiting[0]);
}

TEST(PlotTest, IsWellFormed) {
  EXPECT_EQ(XmlProblem(ToSvg(Sample())), "");
  EXPECT_EQ(XmlProblem(ToHtml(Sample())), "");
}

TEST(PlotTest, HasAxesUnitsAndLegend) {
  const std::string svg = ToSvg(Sample());
  for (const char* part :
       {"Utilisation, % of the cluster", "100%", "time, minutes", "cpus allocated", "cpus offered",
        "Waiting tasks", "Dominant shares of roles, %", ">a&amp;b<", ">c/d<",
        "prefers-color-scheme: dark"}) {
    EXPECT_THAT(svg, HasSubstr(part));
  }
  // The picture loads nothing from elsewhere.
  EXPECT_THAT(svg, Not(HasSubstr("href")));
  EXPECT_THAT(svg, Not(HasSubstr("url(")));
  for (size_t at = svg.find(" d=\""); at != std::string::npos; at = svg.find(" d=\"", at + 4)) {
    const std::string path = svg.substr(at + 4, svg.find('"', at + 4) - at - 4);
    EXPECT_EQ(path.find_first_not_of("MHV0123456789. "), std::string::npos) << path;
  }
}

TEST(PlotTest, ThePageHasTheTableToo) {
  const std::string html = ToHtml(Sample());
  EXPECT_THAT(html, HasSubstr("framework ten &lt; x 2"));
  EXPECT_THAT(html, HasSubstr("<svg "));
}

TEST(PlotTest, OneRoleNeedsNoPanelOfShares) {
  const std::string svg = ToSvg(ReportOf(Read(Json("10secs", 1, "cpus:1",
                                                   R"({"name": "f", "workload": {"service": 1,
                                                  "resources": "cpus:1"}})"))));
  EXPECT_THAT(svg, Not(HasSubstr("Dominant shares")));
  EXPECT_THAT(svg, HasSubstr("time, seconds"));
  EXPECT_EQ(XmlProblem(svg), "");
}

TEST(PlotTest, ManyRolesAreCut) {
  Report report = Sample();
  while (report.roles.size() < 9) {
    report.roles.push_back(report.roles[0]);
    report.series.role_shares.push_back(report.series.role_shares[0]);
  }
  EXPECT_THAT(ToSvg(report), HasSubstr("(the largest 6 of 9)"));
  EXPECT_EQ(XmlProblem(ToSvg(report)), "");
}

}  // namespace
}  // namespace tepui::capacity
