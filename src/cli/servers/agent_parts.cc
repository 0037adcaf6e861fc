// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/agent_parts.h"

#include <memory>
#include <utility>

#include "containers/host/prober.h"
#include "containers/mesos/fetching.h"
#include "containers/mesos/mesos_containerizer.h"
#include "containers/sandbox/local_disk.h"

namespace tepui::cli {
namespace {

containers::Fetcher::Options ToFetcherOptions(const AgentFlags& flags) {
  containers::Fetcher::Options options = flags.fetcher;
  // The fetcher empties its directory, so it must not be one that may hold other files.
  options.cache_dir = flags.fetcher_cache_dir + "/cache";
  return options;
}

}  // namespace

std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags) {
  // The server keeps this function, and with it the fetcher, until the parts that use it are
  // destroyed.
  auto fetcher = std::make_shared<std::unique_ptr<containers::Fetcher>>();
  return [flags, fetcher](net::IoThreads&, Poster poster) -> Result<server::AgentParts> {
    *fetcher = std::make_unique<containers::Fetcher>(ToFetcherOptions(flags));
    auto containerizer = containers::MesosContainerizer::Create(flags.containerizer, poster,
                                                                containers::FetchWith(**fetcher));
    if (!containerizer) return Fail(containerizer.error());
    return server::AgentParts{
        .containerizer = std::move(*containerizer),
        .prober = std::make_unique<containers::CurlProber>(poster),
        .disk = std::make_unique<containers::LocalDisk>(poster, flags.containerizer.users)};
  };
}

}  // namespace tepui::cli
