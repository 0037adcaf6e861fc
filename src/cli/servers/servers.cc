// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/posix/directory.h"
#include "base/version.h"
#include "cli/servers/agent_parts.h"
#include "containers/host/detect.h"
#include "election/zookeeper_election.h"
#include "server/addresses.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/zookeeper/zookeeper_store.h"

namespace tepui::cli {

int IoThreadCount() {
  constexpr unsigned kMostUseful = 8;
  // Leaves a processor for the core's thread: busy threads beyond the number of processors wait for
  // each other, a tick of the kernel at a time (docs/performance-history.md).
  const unsigned left = std::max(std::thread::hardware_concurrency(), 2u) - 1;
  return static_cast<int>(std::min(left, kMostUseful));
}

void CreateDirectory(const std::string& flag, const std::string& path,
                     std::vector<std::string>* problems) {
  const Result<Directory> made = Directory::Make(path, Directory::kParentMode);
  if (!made) problems->push_back(fmt::format("--{}: {}", flag, made.error().message));
}

Status StartLog(const LogOptions& options) {
  if (!options.directory.empty()) {
    const Result<Directory> made = Directory::Make(options.directory, Directory::kParentMode);
    if (!made) return Fail(made.error());
  }
  return SetUpLog(options);
}

namespace {

// Opens the store that --registry names, in the ZooKeeper of the election if there is one; returns
// an empty function for a registry in memory.
server::MasterServerOptions::OpenStore RegistryStore(const MasterFlags& flags,
                                                     const CommonFlags& common,
                                                     const std::string& work_dir,
                                                     std::vector<std::string>* problems) {
  if (flags.registry == "in_memory") return {};
  if (flags.zk) {
    storage::ZooKeeperStore::Options options{.session_timeout = common.zk_session_timeout,
                                             .connect_timeout = flags.registry_timeouts.fetch};
    return [address = *flags.zk, options](
               Clock& clock, Poster poster,
               const std::string& candidacy) mutable -> Result<std::unique_ptr<storage::Store>> {
      options.guard = candidacy;
      return std::make_unique<storage::ZooKeeperStore>(address, storage::Access::kWrite, options,
                                                       clock, std::move(poster));
    };
  }
  if (work_dir.empty()) {
    problems->push_back(
        "--work_dir is missing: the registry is kept there (or say --registry=in_memory, and "
        "agents register anew after a restart of the master)");
    return {};
  }
  if (problems->empty()) CreateDirectory("work_dir", work_dir, problems);
  return [path = work_dir + "/registry.db"](
             Clock&, Poster poster, const std::string&) -> Result<std::unique_ptr<storage::Store>> {
    return storage::SqliteStore::Open(path, storage::Access::kWrite, std::move(poster));
  };
}

}  // namespace

server::MasterServerOptions ToMasterServer(const MasterFlags& flags, const CommonFlags& common,
                                           const Identity& identity, const std::string& work_dir,
                                           FlagValues values, std::vector<std::string>* problems) {
  server::MasterServerOptions options;
  options.registry = flags.registry_timeouts;
  options.store = RegistryStore(flags, common, work_dir, problems);
  if (flags.zk) {
    options.election = [address = *flags.zk, timeout = common.zk_session_timeout](
                           Clock& clock, const Poster& poster) {
      return election::MakeZooKeeperElection(address, timeout, clock, poster);
    };
  }
  options.master = ToMasterOptions(flags, common, problems);
  options.ip = identity.bind_ip;
  options.port = common.port;
  options.cluster = flags.cluster.value_or("");
  options.flags = std::move(values);

  v1::MasterInfo& info = options.master.info;
  info.set_hostname(identity.hostname);
  info.set_ip(server::PackedIp(identity.ip));
  // If the kernel chooses the port, the server fills in the rest once it listens.
  if (common.port != 0) {
    info.set_pid(fmt::format("master@{}:{}", identity.ip, common.port));
    info.mutable_address()->set_hostname(identity.hostname);
    info.mutable_address()->set_ip(identity.ip);
    info.mutable_address()->set_port(common.port);
  } else if (common.advertise_ip) {
    problems->push_back("--advertise_ip needs a --port other than 0");
  }
  return options;
}

std::function<std::unique_ptr<election::Detector>(Clock&, Poster)> DetectorOf(
    election::MasterAddress master, Duration session_timeout) {
  return [master = std::move(master), session_timeout](Clock& clock, const Poster& poster) {
    return election::MakeDetector(master, session_timeout, clock, poster);
  };
}

server::AgentServerOptions ToAgentServer(const AgentFlags& flags, const CommonFlags& common,
                                         const Identity& identity, const std::string& work_dir,
                                         const std::vector<std::string>& environment,
                                         FlagValues values, std::vector<std::string>* problems) {
  server::AgentServerOptions options;
  CheckIsolation(flags, problems);
  // Nothing is created on disk if the flags are wrong already.
  if (!problems->empty() || work_dir.empty()) return options;
  const std::string absolute = std::filesystem::absolute(work_dir).lexically_normal().string();
  CreateDirectory("work_dir", absolute, problems);
  CreateDirectory("runtime_dir", flags.containerizer.runtime_dir, problems);
  CreateDirectory("fetcher_cache_dir", flags.fetcher_cache_dir, problems);

  options.agent = ToAgentOptions(flags, common, absolute, environment, problems);
  options.agent.info.set_hostname(identity.hostname);
  options.agent.info.set_port(common.port);
  options.agent.address.set_hostname(identity.hostname);
  options.agent.address.set_ip(identity.ip);
  options.agent.address.set_port(common.port);
  options.agent.version = std::string(kMesosVersion);
  options.agent.boot_id = containers::BootId();
  options.ip = identity.bind_ip;
  options.port = common.port;
  options.parts = AgentPartsMaker(flags, RootsOf(options.agent));
  options.flags = std::move(values);
  return options;
}

}  // namespace tepui::cli
