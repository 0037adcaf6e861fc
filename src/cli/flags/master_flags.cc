// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/master_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <functional>
#include <ranges>
#include <string_view>
#include <type_traits>

#include "base/units.h"
#include "resources/resources.h"

namespace tepui::cli {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::function<Status()> Between(const Duration* value, Duration least, Duration most) {
  return [value, least, most]() -> Status {
    if (*value >= least && *value <= most) return {};
    return Fail(Code::kInvalid, "must be from {} to {}, not {}", FormatDuration(least),
                FormatDuration(most), FormatDuration(*value));
  };
}

template <class T>
std::function<Status()> AtLeast(const T* value, std::type_identity_t<T> least) {
  return [value, least]() -> Status {
    if (*value >= least) return {};
    return Fail(Code::kInvalid, "must be at least {}, not {}", least, *value);
  };
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(text, separator)) {
    if (!part.empty()) parts.emplace_back(part.begin(), part.end());
  }
  return parts;
}

void DeclareUnsupported(FlagTable* table) {
  const std::string registry =
      "the registry is kept in SQLite or ZooKeeper, not in a log of its own";
  const std::string authentication = "there is no authentication yet";
  const std::string authorization = "there is no authorization yet";
  const std::string modules =
      "Mesos modules are shared objects built against Mesos and cannot be loaded";
  const std::string quota = "there is no quota yet";
  const std::string constraints = "there are no offer constraints yet";
  table->AddUnsupported("master_contender", "", modules);
  table->AddUnsupported("registry_strict", "false", "Mesos does not support it either");
  table->AddUnsupported("log_auto_initialize", "true", registry);
  table->AddUnsupported("whitelist", "", "every agent that registers is offered");
  table->AddUnsupported("allocator", "hierarchical", modules);
  table->AddUnsupported("roles", "", "every role may be used");
  table->AddUnsupported("allocator_agent_recovery_factor", "0.8", quota);
  table->AddUnsupported("allocator_recovery_timeout", "10mins", quota);
  table->AddUnsupported("offer_constraints_re2_max_mem", "4KB", constraints);
  table->AddUnsupported("offer_constraints_re2_max_program_size", "100", constraints);
  table->AddUnsupported("authenticate_frameworks", "false", authentication).Alias("authenticate");
  table->AddUnsupported("authenticate_agents", "false", authentication)
      .Alias("authenticate_slaves");
  table->AddUnsupported("authenticate_http_frameworks", "false", authentication);
  table->AddUnsupported("authentication_v0_timeout", "15secs", authentication);
  table->AddUnsupported("authenticators", "crammd5", authentication);
  table->AddUnsupported("http_framework_authenticators", "", authentication);
  table->AddUnsupported("credentials", "", authentication);
  table->AddUnsupported("authorizers", "local", authorization);
  table->AddUnsupported("rate_limits", "", "frameworks are not rate limited");
  table->AddUnsupported("webui_dir", "", "there is no web UI yet");
  table->AddUnsupported("max_operator_event_stream_subscribers", "1000",
                        "there is no operator event stream yet");
  table->AddUnsupported("publish_per_framework_metrics", "true",
                        "all metrics are always published");
}

FlagBinding BindSorter(allocator::SorterPolicy* target) {
  return BindChoice(target, {{"drf", allocator::SorterPolicy::kDrf},
                             {"random", allocator::SorterPolicy::kRandom}});
}

// Names separated by commas.
FlagBinding BindNames(std::vector<std::string>* target) {
  return {.value_name = "TEXT",
          .parse = [target](std::string_view text) -> Status {
            const std::vector<std::string_view> names = Split(text, ',');
            target->assign(names.begin(), names.end());
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (target->empty()) return std::nullopt;
            return fmt::format("{}", fmt::join(*target, ","));
          }};
}

// A fraction, written as "90%".
FlagBinding BindPercentage(double* target) {
  return {.value_name = "TEXT",
          .parse = [target](std::string_view text) -> Status {
            double percent = 0;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, percent);
            if (error != std::errc() || std::string_view(stop, end) != "%" ||
                !(percent >= 0 && percent <= 100)) {
              return Fail(Code::kInvalid, "'{}' is not a percentage from 0% to 100%", text);
            }
            *target = percent / 100;
            return {};
          },
          .format = [target] { return fmt::format("{:g}%", *target * 100); }};
}

// A number of agents per time, written as "1/10mins".
FlagBinding BindRate(std::optional<master::RemovalRate>* target) {
  return {.value_name = "TEXT",
          .parse = [target](std::string_view text) -> Status {
            master::RemovalRate rate;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, rate.agents);
            const auto per = error == std::errc() && stop != end && *stop == '/'
                                 ? ParseDuration(std::string_view(stop + 1, end))
                                 : Result<Duration>(Fail(Code::kInvalid, "no duration"));
            if (!per || rate.agents <= 0 || *per <= Duration::zero()) {
              return Fail(Code::kInvalid,
                          "'{}' is not a number of agents per time, such as 1/10mins", text);
            }
            rate.per = *per;
            *target = rate;
            return {};
          },
          .format = [target]() -> std::optional<std::string> {
            if (!*target) return std::nullopt;
            return fmt::format("{}/{}", (*target)->agents, FormatDuration((*target)->per));
          }};
}

// Parses "role=weight,role=weight".
void ReadWeights(const std::string& text, std::unordered_map<std::string, double>* weights,
                 std::vector<std::string>* problems) {
  for (const std::string_view entry : Split(text, ',')) {
    const size_t equals = entry.find('=');
    double weight = 0;
    const std::string_view number =
        equals == std::string_view::npos ? "" : entry.substr(equals + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
    // The bounds keep sums and quotients of weights finite.
    if (error != std::errc() || end != number.data() + number.size() ||
        !(weight >= 1e-9 && weight <= 1e9)) {
      problems->push_back(fmt::format(
          "--weights: '{}' is not of the form role=weight with a weight from 1e-9 to 1e9", entry));
      continue;
    }
    const std::string role(entry.substr(0, equals));
    if (const Status valid = ValidateRole(role); !valid) {
      problems->push_back(fmt::format("--weights: {}", valid.error().message));
    } else if (!weights->emplace(role, weight).second) {
      problems->push_back(fmt::format("--weights: the role '{}' has two weights", role));
    }
  }
}

// Parses "cpus:1;mem:32|disk:1": an offer must contain all amounts of at least one of the sets.
void ReadMinAllocatable(const std::string& text, std::vector<Quantities>* sets,
                        std::vector<std::string>* problems) {
  for (const std::string_view part : Split(text, '|')) {
    Result<Quantities> quantities = Quantities::Parse(part);
    if (quantities) {
      sets->push_back(std::move(*quantities));
    } else {
      problems->push_back(
          fmt::format("--min_allocatable_resources: {}", quantities.error().message));
    }
  }
}

void DeclareRegistryFlags(FlagTable* table, MasterFlags* flags) {
  table->Group("Registry and election");
  table
      ->Add("zk", &flags->zk_text,
            "The ZooKeeper in which several masters elect their leader and keep the registry: "
            "zk://user:password@host:port,host:port/path, or file:///path of a file that holds "
            "this address. Without it this is the only master.")
      .Secret()
      .Check([flags]() -> Status {
        auto address = zookeeper::ParseAddress(*flags->zk_text);
        if (!address) return Fail(Code::kInvalid, "cannot be used: {}", address.error().message);
        flags->zk = std::move(*address);
        return {};
      });
  table
      ->Add(
          "registry", &flags->registry,
          "Where the list of agents is kept: replicated_log (durable: in --work_dir, or with --zk "
          "in ZooKeeper) or in_memory (forgotten at a restart of the master).")
      .Check([flags]() -> Status {
        if (flags->registry == "in_memory" || flags->registry == "replicated_log") return {};
        return Fail(Code::kInvalid, "must be replicated_log or in_memory, not '{}'",
                    flags->registry);
      });
  table->Add("quorum", &flags->quorum,
             "Accepted for compatibility, without effect: there is no log to replicate.");
  table
      ->Add("registry_fetch_timeout", &flags->registry_timeouts.fetch,
            "A new leader that cannot read the registry within this time exits.")
      .Check(Between(&flags->registry_timeouts.fetch, seconds(1), std::chrono::hours(1)));
  table
      ->Add("registry_store_timeout", &flags->registry_timeouts.store,
            "A leader that cannot write a change within this time exits.")
      .Check(Between(&flags->registry_timeouts.store, seconds(1), std::chrono::hours(1)));
  table
      ->Add("registry_gc_interval", &flags->options.registry_gc_interval,
            "How often to look for unreachable and gone agents to forget.")
      .Check(Between(&flags->options.registry_gc_interval, seconds(1), std::chrono::weeks(1)));
  table
      ->Add("registry_max_agent_age", &flags->options.registry_max_agent_age,
            "Unreachable and gone agents are forgotten after this time.")
      .Check(Between(&flags->options.registry_max_agent_age, minutes(1), std::chrono::weeks(520)));
  table
      ->Add("registry_max_agent_count", &flags->options.registry_max_agent_count,
            "Number of unreachable agents, and number of gone agents, to remember; the oldest are "
            "forgotten first.")
      .Check(AtLeast(&flags->options.registry_max_agent_count, 1));
}

}  // namespace

void DeclareAllocationFlags(FlagTable* table, AllocationFlags* flags, allocator::Options* options,
                            std::optional<Duration>* offer_timeout) {
  table->Group("Allocation");
  table->Add("allocation_interval", &options->allocation_interval, "Time between allocation runs.")
      .Check(Between(&options->allocation_interval, std::chrono::milliseconds(1),
                     std::chrono::hours(24)));
  table
      ->AddBinding("role_sorter", BindSorter(&options->role_sorter),
                   "How roles share: drf (fairly) or random.")
      .Alias("user_sorter");
  table->AddBinding("framework_sorter", BindSorter(&options->framework_sorter),
                    "How the frameworks of a role share: drf or random.");
  table->Add("weights", &flags->weights,
             "Weights of roles, as role=weight,role=weight; the default weight is 1.");
  table->Add("offer_timeout", offer_timeout,
             "Offers that are not used within this time are rescinded.");
  table->Add("min_allocatable_resources", &flags->min_allocatable_resources,
             "An offer holds at least one of these sets of amounts, separated by |.");
  table->AddBinding("fair_sharing_excluded_resource_names",
                    BindNames(&options->fair_sharing_excluded_resource_names),
                    "Resources that do not count for fair shares, separated by commas.");
  table->Add("filter_gpu_resources", &options->filter_gpu_resources,
             "Offer agents with GPUs only to frameworks with the capability GPU_RESOURCES.");
}

void DeclareMasterFlags(FlagTable* table, MasterFlags* flags) {
  table->Group("Master");
  table->Add("cluster", &flags->cluster, "Name of the cluster, for display.");
  table->Add("root_submissions", &flags->options.root_submissions,
             "Frameworks may run their tasks as root.");
  table
      ->Add("max_completed_frameworks", &flags->options.max_completed_frameworks,
            "Number of completed frameworks to keep for the state endpoints.")
      .Check(AtLeast(&flags->options.max_completed_frameworks, 0));
  table
      ->Add("max_completed_tasks_per_framework", &flags->options.max_completed_tasks_per_framework,
            "Number of completed tasks to keep for each framework.")
      .Check(AtLeast(&flags->options.max_completed_tasks_per_framework, 0));
  table
      ->Add("max_unreachable_tasks_per_framework",
            &flags->options.max_unreachable_tasks_per_framework,
            "Number of unreachable tasks to keep for each framework.")
      .Check(AtLeast(&flags->options.max_unreachable_tasks_per_framework, 0));

  DeclareRegistryFlags(table, flags);
  table->Group("Agents");
  table
      ->Add("agent_reregister_timeout", &flags->options.agent_reregister_timeout,
            "A disconnected agent that does not reregister within this time becomes unreachable; "
            "at least 10mins.")
      .Alias("slave_reregister_timeout")
      .Check(Between(&flags->options.agent_reregister_timeout, minutes(10), Duration::max()));
  table
      ->Add("agent_ping_timeout", &flags->options.agent_ping_timeout,
            "Time an agent has to answer a ping; 1secs to 15mins.")
      .Alias("slave_ping_timeout")
      .Check(Between(&flags->options.agent_ping_timeout, seconds(1), minutes(15)));
  table
      ->Add("max_agent_ping_timeouts", &flags->options.max_agent_ping_timeouts,
            "An agent that misses this many pings in a row becomes unreachable.")
      .Alias("max_slave_ping_timeouts")
      .Check(AtLeast(&flags->options.max_agent_ping_timeouts, 1));
  table
      ->Add("max_executors_per_agent", &flags->options.max_executors_per_agent,
            "Number of executors that one agent may run.")
      .Alias("max_executors_per_slave")
      .Check([flags]() -> Status {
        if (*flags->options.max_executors_per_agent >= 0) return {};
        return Fail(Code::kInvalid, "must not be negative");
      });
  table->Add("require_agent_domain", &flags->options.require_agent_domain,
             "Only agents with a fault domain may register.");
  table
      ->AddBinding("recovery_agent_removal_limit",
                   BindPercentage(&flags->options.recovery_agent_removal_limit),
                   "If more than this percentage of the agents does not reregister after a "
                   "failover, the master exits instead of marking them unreachable.")
      .Alias("recovery_slave_removal_limit");
  table
      ->AddBinding("agent_removal_rate_limit", BindRate(&flags->options.agent_removal_rate),
                   "Agents that do not answer are marked unreachable no faster than this, such as "
                   "1/10mins; without it, at once.")
      .Alias("slave_removal_rate_limit");

  DeclareAllocationFlags(table, &flags->allocation, &flags->options.allocator,
                         &flags->options.offer_timeout);
  DeclareUnsupported(table);
}

void FillAllocatorOptions(const AllocationFlags& flags, allocator::Options* options,
                          std::vector<std::string>* problems) {
  ReadMinAllocatable(flags.min_allocatable_resources, &options->min_allocatable, problems);
  if (flags.weights) ReadWeights(*flags.weights, &options->weights, problems);
}

master::Options ToMasterOptions(const MasterFlags& flags, const CommonFlags& common,
                                std::vector<std::string>* problems) {
  master::Options options = flags.options;
  FillAllocatorOptions(flags.allocation, &options.allocator, problems);
  options.allocator.domain = common.domain;
  if (common.domain) *options.info.mutable_domain() = *common.domain;
  return options;
}

}  // namespace tepui::cli
