// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/simulate_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/flags/json_flag.h"

namespace tepui::cli {
namespace {

// Flags that a report need not repeat.
constexpr std::array<std::string_view, 3> kNotPolicy = {"seed", "format", "plot"};

}  // namespace

void DeclareSimulateFlags(FlagTable* table, SimulateFlags* flags) {
  table->Group("Simulation");
  table->Add("seed", &flags->settings.seed,
             "Seed of all random numbers. With the same seed every framework has the same load, "
             "whatever the other flags are.");
  table->Add("format", &flags->format, "Format of the report: table or json.")
      .Check([flags]() -> Status {
        if (flags->format == "table" || flags->format == "json") return {};
        return Fail(Code::kInvalid, "must be table or json, not '{}'", flags->format);
      });
  table
      ->Add("plot", &flags->plot,
            "Also draw utilisation, waiting tasks and the shares of roles over time, into a file "
            "that ends in .svg or .html.")
      .IsPath()
      .Check([flags]() -> Status {
        if (flags->plot->ends_with(".svg") || flags->plot->ends_with(".html")) return {};
        return Fail(Code::kInvalid, "must end in .svg or .html: '{}'", *flags->plot);
      });
  DeclareAllocationFlags(table, &flags->allocation, &flags->settings.allocation,
                         &flags->settings.offer_timeout);
  table->AddBinding(
      "domain", BindJson(&flags->settings.allocation.domain),
      R"(Fault domain of the master: {"fault_domain": {"region": {"name": "r"}, )"
      R"("zone": {"name": "z"}}}. Agents of other regions are offered only to frameworks with )"
      R"(the capability REGION_AWARE.)");
}

SimulatePlan ToSimulatePlan(const SimulateFlags& flags, const std::vector<std::string>& arguments,
                            std::vector<std::string>* problems) {
  SimulatePlan plan;
  if (arguments.empty()) {
    problems->push_back("The workload file, which describes the cluster and its load, is missing");
  } else if (arguments.size() > 1) {
    problems->push_back(
        fmt::format("Give only one workload file; '{}' is another one", arguments[1]));
  } else {
    plan.workload_path = arguments[0];
  }
  plan.settings = flags.settings;
  FillAllocatorOptions(flags.allocation, &plan.settings.allocation, problems);
  const auto& domain = plan.settings.allocation.domain;
  if (domain && !domain->has_fault_domain()) problems->push_back("--domain has no fault_domain");
  plan.json = flags.format == "json";
  plan.plot_path = flags.plot;
  plan.plot_html = flags.plot && flags.plot->ends_with(".html");
  return plan;
}

std::vector<std::pair<std::string, std::string>> PolicyOf(const FlagTable& table) {
  std::vector<std::pair<std::string, std::string>> policy = table.Values();
  std::erase_if(policy, [](const auto& flag) {
    return std::ranges::find(kNotPolicy, flag.first) != kNotPolicy.end();
  });
  return policy;
}

}  // namespace tepui::cli
