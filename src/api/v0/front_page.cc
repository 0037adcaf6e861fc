// SPDX-License-Identifier: Apache-2.0
#include "api/v0/front_page.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "api/master_api.h"
#include "base/version.h"
#include "resources/resources.h"

namespace tepui::api {

namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

net::Response Page(std::string_view title, std::string_view body) {
  constexpr std::string_view kStyle =
      "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;"
      "color:#1c2b33;background:#fff}h1{font-size:1.5rem}table{border-collapse:collapse}"
      "td,th{padding:.2rem 1.5rem .2rem 0;text-align:left}td{font-variant-numeric:tabular-nums}"
      "@media(prefers-color-scheme:dark){body{color:#dbe5ea;background:#14191c}a{color:#8ec7ff}}";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kHeaders = {{
      {"Content-Type", "text/html; charset=utf-8"},
      {"Content-Security-Policy",
       "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Cache-Control", "no-store"},
  }};
  net::Response response;
  for (const auto& [name, value] : kHeaders) {
    response.headers.Add(std::string(name), std::string(value));
  }
  response.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>"
      "<style>{}</style></head>\n<body>\n{}</body></html>\n",
      Escaped(title), kStyle, body);
  return response;
}

struct Counts {
  size_t agents = 0;
  size_t active_agents = 0;
  size_t frameworks = 0;
  size_t tasks = 0;
  Resources total;
  Resources used;
  Resources offered;
};

Counts Count(const master::ReadModel& model) {
  Counts counts;
  for (const auto& [id, agent] : model.agents()) {
    ++counts.agents;
    if (!agent->active) continue;
    ++counts.active_agents;
    counts.total += agent->total;
    counts.used += agent->used;
    counts.offered += agent->offered;
  }
  for (const auto& [id, framework] : model.frameworks()) {
    if (framework.record == nullptr || framework.record->completed) continue;
    ++counts.frameworks;
    counts.tasks += framework.active.size();
  }
  return counts;
}

std::string Row(std::string_view name, std::string_view value) {
  return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", name, value);
}

// Returns "used 3, offered 1, of 8".
std::string Share(const Counts& counts, const ResourceName& resource) {
  const auto amount = [&](const Resources& of) { return of.Scalar(resource).ToDouble(); };
  return fmt::format("used {:g}, offered {:g}, of {:g}", amount(counts.used),
                     amount(counts.offered), amount(counts.total));
}

}  // namespace

net::Response FrontPage(const MasterIdentity& master, const master::ReadModel& model) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kDocuments = {{
      {"/state", "everything at once"},
      {"/state-summary", "agents and frameworks with their resources"},
      {"/slaves", "agents"},
      {"/frameworks", "frameworks"},
      {"/tasks", "tasks, newest first"},
      {"/metrics/snapshot", "metrics"},
      {"/flags", "the flags of this master"},
      {"/version", "its version"},
  }};
  const Counts counts = Count(model);
  const std::string title =
      master.cluster.empty() ? std::string("Tepui") : fmt::format("Tepui: {}", master.cluster);
  std::string body = fmt::format(
      "<h1>{}</h1>\n"
      "<p>This is the leading master of a cluster that speaks Apache Mesos. Frameworks connect to "
      "<code>/api/v1/scheduler</code> at this address.</p>\n<table>\n",
      Escaped(title));
  body += Row("Agents", fmt::format("{} active, {} in all", counts.active_agents, counts.agents));
  body += Row("Frameworks", fmt::format("{}", counts.frameworks));
  body += Row("Tasks", fmt::format("{}", counts.tasks));
  body += Row("CPUs", Share(counts, ResourceNames::Cpus()));
  body += Row("Memory (MB)", Share(counts, ResourceNames::Mem()));
  body += Row("Disk (MB)", Share(counts, ResourceNames::Disk()));
  body += Row("Master", Escaped(master.info.pid()));
  body += Row("Version", fmt::format("{} (speaks Mesos {})", kVersion, kMesosVersion));
  body += "</table>\n<h2>Documents (JSON)</h2>\n<table>\n";
  for (const auto& [path, what] : kDocuments) {
    body += fmt::format("<tr><td><a href=\"{0}\">{0}</a></td><td>{1}</td></tr>\n", path, what);
  }
  body += "</table>\n";
  return Page(title, body);
}

net::Response StandbyPage(const std::optional<mesos::v1::MasterInfo>& leader) {
  std::string body =
      "<h1>Tepui</h1>\n<p>This master stands by for a cluster that speaks Apache Mesos.</p>\n";
  if (leader) {
    const std::string url = Escaped(LeaderUrl(*leader));
    body += fmt::format("<p>The leading master is <a href=\"{0}\">{0}</a>.</p>\n", url);
  } else {
    body += "<p>No master leads at the moment.</p>\n";
  }
  return Page("Tepui", body);
}

}  // namespace tepui::api
