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

containers::UriFetcher::Options ToFetcherOptions(const AgentFlags& flags,
                                                 const std::string& cache_dir) {
  containers::UriFetcher::Options options = flags.fetcher;
  // The fetcher empties its directory, so it must not be one that may hold other files.
  options.cache_dir = cache_dir + "/cache";
  return options;
}

}  // namespace

std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags, const std::string& fetcher_cache_dir) {
  return [flags, fetcher_cache_dir](net::IoThreads&,
                                    const Poster& poster) -> Result<server::AgentParts> {
    auto fetcher = containers::UriFetcher::Create(ToFetcherOptions(flags, fetcher_cache_dir));
    if (!fetcher) return Fail(fetcher.error());
    auto containerizer =
        containers::MesosContainerizer::Create(flags.containerizer, poster, **fetcher);
    if (!containerizer) return Fail(containerizer.error());
    return server::AgentParts{
        .fetcher = std::move(*fetcher),
        .containerizer = std::move(*containerizer),
        .prober = std::make_unique<containers::CurlProber>(poster),
        .disk = std::make_unique<containers::LocalDisk>(poster, flags.containerizer.users)};
  };
}

}  // namespace tepui::cli
