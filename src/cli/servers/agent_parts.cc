// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/agent_parts.h"

#include <memory>
#include <utility>

#include "agent/services/paths.h"
#include "containers/fetch/uri_fetcher.h"
#include "containers/host/prober.h"
#include "containers/mesos/mesos_containerizer.h"
#include "containers/sandbox/local_disk.h"

namespace tepui::cli {
namespace {

containers::UriFetcher::Options ToFetcherOptions(const AgentFlags& flags) {
  containers::UriFetcher::Options options = flags.fetcher;
  // The fetcher empties its directory, so it must not be one that may hold other files.
  options.cache_dir = flags.fetcher_cache_dir + "/cache";
  return options;
}

}  // namespace

std::shared_ptr<const containers::Roots> RootsOf(const agent::Options& options) {
  std::vector<std::string> paths = {options.work_dir};
  for (const v1::Resource& resource : options.info.resources()) {
    if (auto root = agent::DiskRoot(options.work_dir, resource)) paths.push_back(std::move(*root));
  }
  return std::make_shared<const containers::Roots>(std::move(paths));
}

std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags, std::shared_ptr<const containers::Roots> roots) {
  return [flags, roots = std::move(roots)](net::IoThreads&,
                                           const Poster& poster) -> Result<server::AgentParts> {
    auto fetcher = std::make_unique<containers::UriFetcher>(ToFetcherOptions(flags));
    containers::MesosContainerizer::Options options = flags.containerizer;
    options.roots = roots;
    auto containerizer =
        containers::MesosContainerizer::Create(std::move(options), poster, *fetcher);
    if (!containerizer) return Fail(containerizer.error());
    return server::AgentParts{
        .fetcher = std::move(fetcher),
        .containerizer = std::move(*containerizer),
        .prober = std::make_unique<containers::CurlProber>(poster),
        .disk = std::make_unique<containers::LocalDisk>(poster, flags.containerizer.users, roots)};
  };
}

}  // namespace tepui::cli
