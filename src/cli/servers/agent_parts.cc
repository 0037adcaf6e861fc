// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/agent_parts.h"

#include <memory>
#include <utility>

#include "containers/fetch/uri_fetcher.h"
#include "containers/host/prober.h"
#include "containers/mesos/mesos_containerizer.h"
#include "containers/sandbox/local_disk.h"

namespace tepui::cli {
namespace {

containers::UriFetcher::Options ToFetcherOptions(const AgentFlags& flags) {
  containers::UriFetcher::Options options;
  // The fetcher empties its directory, so it must not be one that may hold other files.
  options.cache_dir = flags.fetcher_cache_dir + "/cache";
  options.cache_size_bytes = flags.fetcher_cache_size.value;
  options.stall_timeout = flags.fetcher_stall_timeout;
  options.frameworks_home = flags.frameworks_home;
  return options;
}

containers::MesosContainerizer::Options ToContainerizerOptions(const AgentFlags& flags) {
  containers::MesosContainerizer::Options options;
  options.isolation.isolation = flags.isolation;
  options.isolation.cgroups_hierarchy = flags.cgroups_hierarchy;
  options.isolation.cgroups_root = flags.cgroups_root;
  options.isolation.cgroups_enable_cfs = flags.cgroups_enable_cfs;
  options.isolation.cgroups_limit_swap = flags.cgroups_limit_swap;
  options.isolation.capabilities.effective = flags.effective_capabilities;
  options.isolation.capabilities.bounding = flags.bounding_capabilities;
  options.runtime_dir = flags.runtime_dir;
  return options;
}

}  // namespace

std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags) {
  return [flags](net::IoThreads&, const Poster& poster) -> Result<server::AgentParts> {
    auto fetcher = std::make_unique<containers::UriFetcher>(ToFetcherOptions(flags));
    containers::MesosContainerizer::Options options = ToContainerizerOptions(flags);
    const std::shared_ptr<containers::Users> users = options.users;
    auto containerizer =
        containers::MesosContainerizer::Create(std::move(options), poster, *fetcher);
    if (!containerizer) return Fail(std::move(containerizer.error()));
    return server::AgentParts{.fetcher = std::move(fetcher),
                              .containerizer = std::move(*containerizer),
                              .prober = std::make_unique<containers::CurlProber>(poster),
                              .disk = std::make_unique<containers::LocalDisk>(poster, users)};
  };
}

}  // namespace tepui::cli
