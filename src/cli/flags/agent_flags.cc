// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/agent_flags.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/log.h"
#include "base/units.h"
#include "cli/flags/agent_flags_unsupported.h"
#include "containers/host/detect.h"
#include "containers/isolators/registry.h"
#include "resources/resources.h"

namespace tepui::cli {
namespace {

constexpr size_t kMaxSecretBytes = 64 << 10;
// HMAC-SHA256 requires a key at least as long as its hash (RFC 7518, 3.2).
constexpr size_t kMinSecretBytes = 32;

std::function<Status()> AtMost(const Duration* value, Duration most) {
  return [value, most]() -> Status {
    if (*value <= most) return {};
    return Fail(Code::kInvalid, "must be at most {}, not {}", FormatDuration(most),
                FormatDuration(*value));
  };
}

std::function<Status()> Positive(const Duration* value) {
  return [value]() -> Status {
    if (*value > Duration::zero()) return {};
    return Fail(Code::kInvalid, "must be more than 0");
  };
}

std::string ReadSecret(const std::string& path, std::vector<std::string>* problems) {
  std::ifstream file(path, std::ios::binary);
  std::string secret(kMaxSecretBytes, '\0');
  file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  secret.resize(static_cast<size_t>(file.gcount()));
  secret.erase(secret.find_last_not_of("\r\n") + 1);
  if (secret.size() < kMinSecretBytes) {
    problems->push_back(
        fmt::format("--jwt_secret_key: the file '{}' cannot be read or holds less than {} bytes",
                    path, kMinSecretBytes));
  }
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    spdlog::warn(
        "Every user of this machine can read the file '{}' with the secret for executors' tokens; "
        "run chmod o= on it",
        path);
  }
  return secret;
}

// Variables that configure the agent are not passed to its executors.
TextMap InheritedEnvironment(const std::vector<std::string>& environment) {
  TextMap inherited;
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || entry.starts_with("MESOS_") ||
        entry.starts_with("LIBPROCESS_"))
      continue;
    inherited.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return inherited;
}

void DeclareExecutorFlags(FlagTable* table, AgentFlags* flags) {
  table->Group("Executors");
  table
      ->Add("executor_registration_timeout", &flags->options.executor_registration_timeout,
            "Time a new executor has to subscribe.")
      .Check(Positive(&flags->options.executor_registration_timeout));
  table
      ->Add("executor_reregistration_timeout", &flags->options.executor_reregistration_timeout,
            "Time executors have to subscribe again after a restart of the agent; at most 15secs.")
      .Check(AtMost(&flags->options.executor_reregistration_timeout, std::chrono::seconds(15)));
  table->Add("executor_shutdown_grace_period", &flags->options.executor_shutdown_grace_period,
             "Time an executor has to end before it is killed.");
  table
      ->AddBinding(
          "executor_environment_variables", BindTextMap(&flags->executor_environment_variables),
          R"(Environment of executors and tasks instead of the agent's own: {"NAME": "value"}.)")
      .AlsoPlainPath()
      .Secret();
  table->AddBinding(
      "recover",
      BindChoice(&flags->options.recover, {{"reconnect", agent::Options::Recover::kReconnect},
                                           {"cleanup", agent::Options::Recover::kCleanup}}),
      "What to do after a restart: reconnect (recover the running tasks) or cleanup (kill them and "
      "exit; the next start registers as a new agent).");
  table->Add("strict", &flags->options.strict,
             "Do not start with a damaged checkpoint; without this flag the agent ignores damaged "
             "records.");
  table->AddBinding("reconfiguration_policy",
                    BindChoice(&flags->options.reconfiguration,
                               {{"equal", agent::Options::Reconfiguration::kEqual},
                                {"additive", agent::Options::Reconfiguration::kAdditive}}),
                    "What may change when the agent restarts with running tasks: nothing (equal), "
                    "or more resources and attributes (additive).");
  table->Add("recovery_timeout", &flags->options.recovery_timeout,
             "How long executors wait for their agent to restart.");
  table
      ->Add("max_completed_executors_per_framework",
            &flags->options.max_completed_executors_per_framework,
            "Number of completed executors to keep for the state endpoints.")
      .Check([flags]() -> Status {
        if (flags->options.max_completed_executors_per_framework >= 0) return {};
        return Fail(Code::kInvalid, "must not be negative");
      });
  table->Add("switch_user", &flags->options.switch_user,
             "Run tasks as the user of the task or framework, not as the agent's own; needs root.");
  table->Add("authenticate_http_executors", &flags->authenticate_http_executors,
             "Executors must send the token that the agent gave them; needs --jwt_secret_key.");
  table
      ->Add("jwt_secret_key", &flags->jwt_secret_key,
            "File with the secret that signs executors' tokens.")
      .Alias("executor_secret_key")
      .IsPath();
}

void DeclareContainerFlags(FlagTable* table, AgentFlags* flags) {
  table->Group("Sandboxes and downloads");
  table->Add("gc_delay", &flags->options.gc_delay,
             "Age at which old sandboxes are removed; earlier if the disk fills up.");
  table
      ->Add("gc_disk_headroom", &flags->options.gc_disk_headroom,
            "Fraction of the disk to keep free by removing sandboxes earlier; 0 to 1.")
      .Check([flags]() -> Status {
        if (flags->options.gc_disk_headroom >= 0 && flags->options.gc_disk_headroom <= 1) return {};
        return Fail(Code::kInvalid, "must be from 0 to 1, not {}", flags->options.gc_disk_headroom);
      });
  table
      ->Add("disk_watch_interval", &flags->options.disk_watch_interval,
            "How often to check the disk usage.")
      .Check(Positive(&flags->options.disk_watch_interval));
  table->AddBinding("fetcher_cache_size", BindBytes(&flags->fetcher.cache_size_bytes),
                    "Disk space for the cache of downloads.");
  table
      ->Add("fetcher_cache_dir", &flags->fetcher_cache_dir, "Directory for the cache of downloads.")
      .IsPath();
  table
      ->Add("fetcher_stall_timeout", &flags->fetcher.stall_timeout,
            "A download that makes no progress for this time fails.")
      .Check(Positive(&flags->fetcher.stall_timeout));
  table
      ->Add("frameworks_home", &flags->fetcher.frameworks_home,
            "Directory in which relative URIs are looked up.")
      .IsPath();

  table->Group("Containers");
  table
      ->Add("runtime_dir", &flags->containerizer.runtime_dir,
            "Directory for files that need not outlive a reboot.")
      .IsPath();
  table->Add("isolation", &flags->containerizer.isolation.isolation, containers::IsolationHelp());
  table->Add("launcher", &flags->launcher,
             "How to start tasks: linux (with a cgroup for each) or posix; the default follows "
             "from --isolation.");
  table
      ->Add("cgroups_hierarchy", &flags->containerizer.isolation.cgroups_hierarchy,
            "Where cgroups are mounted.")
      .IsPath();
  table->Add("cgroups_root", &flags->containerizer.isolation.cgroups_root,
             "Name of the cgroup that holds all containers.");
  table->Add("cgroups_enable_cfs", &flags->containerizer.isolation.cgroups_enable_cfs,
             "Limit tasks to their cpus even if other cpus are idle.");
  table->Add("cgroups_limit_swap", &flags->containerizer.isolation.cgroups_limit_swap,
             "Limit memory and swap together.");
  table->Add("cgroups_pids_max", &flags->containerizer.isolation.pids_max,
             "Limit of processes and threads in each container, with the isolator cgroups/pids; 0: "
             "no limit.");
  table
      ->AddBinding("effective_capabilities",
                   BindJson(&flags->containerizer.isolation.capabilities.effective),
                   R"(Capabilities of tasks that ask for none: {"capabilities": ["NET_RAW"]}.)")
      .Alias("allowed_capabilities")
      .AlsoPlainPath();
  table
      ->AddBinding("bounding_capabilities",
                   BindJson(&flags->containerizer.isolation.capabilities.bounding),
                   "Capabilities that tasks can ever have.")
      .AlsoPlainPath();
}

}  // namespace

std::string TemporaryDirectory() {
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

void DeclareAgentFlags(FlagTable* table, AgentFlags* flags) {
  if (geteuid() != 0) flags->containerizer.runtime_dir = TemporaryDirectory() + "/mesos/runtime";
  flags->fetcher_cache_dir = TemporaryDirectory() + "/mesos/fetch";
  table->Group("Agent");
  table->Add("resources", &flags->resources,
             "Resources to offer, as name(role):value;... or JSON; resources not named here are "
             "detected.");
  table->Add("attributes", &flags->attributes, "Attributes of the machine, as name:value;...");
  table->Add("default_role", &flags->default_role,
             "Role for which --resources without a role are reserved; * means unreserved.");
  table
      ->Add("registration_backoff_factor", &flags->options.registration_backoff_factor,
            "Longest random delay before the first registration; later attempts wait longer.")
      .Check(Positive(&flags->options.registration_backoff_factor));
  DeclareExecutorFlags(table, flags);
  DeclareContainerFlags(table, flags);
  DeclareUnsupportedAgentFlags(table);
}

void CheckIsolation(const AgentFlags& flags, std::vector<std::string>* problems) {
  const auto chosen =
      containers::ChooseIsolators(flags.containerizer.isolation.isolation, problems);
  const bool any_cgroups = std::ranges::any_of(
      chosen, [](const containers::IsolatorKind* kind) { return !kind->controller.empty(); });
  if (flags.launcher && *flags.launcher != "posix" && *flags.launcher != "linux") {
    problems->push_back(fmt::format("--launcher: '{}' is not posix or linux", *flags.launcher));
  }
  const bool counts_pids = std::ranges::any_of(
      chosen, [](const containers::IsolatorKind* kind) { return kind->controller == "pids"; });
  if (flags.containerizer.isolation.pids_max != 0 && !counts_pids) {
    problems->push_back("--cgroups_pids_max needs cgroups/pids in --isolation");
  }
  if (flags.launcher == "posix" && any_cgroups) {
    problems->push_back("--launcher=posix cannot put tasks into cgroups, as --isolation requires");
  }
}

agent::Options ToAgentOptions(const AgentFlags& flags, const CommonFlags& common,
                              const std::string& work_dir,
                              const std::vector<std::string>& environment,
                              std::vector<std::string>* problems) {
  agent::Options options = flags.options;
  options.work_dir = work_dir;
  if (common.domain) *options.info.mutable_domain() = *common.domain;

  if (const Status role = ValidateRole(flags.default_role); !role) {
    problems->push_back(fmt::format("--default_role: {}", role.error().message));
  } else {
    const Result<Resources> resources =
        containers::DetectResources(work_dir, flags.resources.value_or(""), flags.default_role);
    if (resources) {
      resources->ToProto(options.info.mutable_resources());
    } else {
      problems->push_back(fmt::format("--resources: {}", resources.error().message));
    }
  }
  if (flags.attributes) {
    auto attributes = ParseAttributes(*flags.attributes);
    if (attributes) {
      *options.info.mutable_attributes() = std::move(*attributes);
    } else {
      problems->push_back(fmt::format("--attributes: {}", attributes.error().message));
    }
  }

  options.executor_environment = flags.executor_environment_variables
                                     ? *flags.executor_environment_variables
                                     : InheritedEnvironment(environment);
  if (flags.authenticate_http_executors) {
    if (flags.jwt_secret_key) {
      options.jwt_secret = ReadSecret(*flags.jwt_secret_key, problems);
    } else {
      problems->push_back("--authenticate_http_executors needs --jwt_secret_key");
    }
  }
  return options;
}

}  // namespace tepui::cli
