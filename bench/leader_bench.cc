// SPDX-License-Identifier: Apache-2.0
// Failover as operators see it: two masters in processes of their own, a ZooKeeper ensemble of
// three servers, agents with sockets. The leader is killed. The time is measured from the end of
// its session, when its node vanishes, until the other master serves and has all agents back; the
// agents connect to it as soon as they detect it.

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/mutex.h"
#include "base/owner_thread.h"
#include "cluster.h"
#include "election/zookeeper_election.h"
#include "http_load.h"
#include "report.h"
#include "server_process.h"
#include "simulated_agents.h"
#include "storage/zookeeper/zookeeper_store.h"
#include "zookeeper/test_server.h"

namespace tepui::bench {
namespace {

constexpr Duration kSession = std::chrono::seconds(2);

server::MasterServerOptions MasterOptions(const zookeeper::Address& address) {
  server::MasterServerOptions options;
  options.master.info.set_hostname("127.0.0.1");
  options.election = [address](Clock& clock, const Poster& poster) {
    return election::MakeZooKeeperElection(address, kSession, clock, poster);
  };
  options.store = [address](
                      Clock& clock, Poster poster,
                      const std::string& candidacy) -> Result<std::unique_ptr<storage::Store>> {
    return std::make_unique<storage::ZooKeeperStore>(
        address, storage::Access::kWrite,
        storage::ZooKeeperStore::Options{.session_timeout = kSession, .guard = candidacy}, clock,
        std::move(poster));
  };
  return options;
}

// The present leader, and since when it leads.
class Leaders {
 public:
  explicit Leaders(const zookeeper::Address& address) {
    owner_.loop().Run([&] {
      detector_ = std::make_unique<election::ZooKeeperDetector>(address, std::chrono::seconds(30),
                                                                owner_.loop(), owner_.poster());
      detector_->Watch([this](const std::optional<v1::MasterInfo>& leader) {
        const MutexLock lock(mutex_);
        port_ = leader ? static_cast<uint16_t>(leader->port()) : 0;
        since_ = SteadyClock::now();
        changed_.NotifyAll();
      });
    });
  }
  ~Leaders() {
    owner_.loop().Run([this] { detector_.reset(); });
  }

  // Returns the next leader that is not at `old`, and when it was seen.
  std::pair<uint16_t, SteadyClock::time_point> WaitForOther(uint16_t old) {
    MutexLock lock(mutex_);
    while (port_ == 0 || port_ == old) changed_.Wait(mutex_);
    return {port_, since_};
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  uint16_t port_ TEPUI_GUARDED_BY(mutex_) = 0;
  SteadyClock::time_point since_ TEPUI_GUARDED_BY(mutex_){};
  OwnerThread owner_;
  std::unique_ptr<election::ZooKeeperDetector> detector_;
};

// Returns true if the master leads and has recovered its registry.
bool Serves(uint16_t port) {
  const int fd = ConnectTo(port);
  const std::string request = "GET /slaves HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
  if (::write(fd, request.data(), request.size()) < 0)
    Die("The new leader does not answer requests");
  std::array<char, 12> head{};  // "HTTP/1.1 200"
  const ssize_t size = ::recv(fd, head.data(), head.size(), MSG_WAITALL);
  ::close(fd);
  return std::string_view(head.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)))
      .ends_with("200");
}

void WaitUntilServing(uint16_t port) {
  while (!Serves(port)) ::usleep(1000);  // Interval of polling; it is part of what is measured.
}

// Subscribes all agents and waits for the answers; their streams stay open.
void Subscribe(int count, Poller& poller, SimulatedAgents& agents) {
  const Subscriptions subscriptions({.agents = count});
  std::string body;
  for (int i = 0; i < count; ++i) {
    subscriptions.Write(i, &body);
    agents.Add(body);
    if (i % 16 == 0) poller.Poll(0);
  }
  poller.PollUntil([&] { return agents.subscribed() == static_cast<size_t>(count); },
                   "the agents' subscriptions");
}

double Failover(int count, const std::string& text, Measurement* measurement) {
  const zookeeper::Address address = zookeeper::ParseAddress(text).value();
  // Processes must be started before threads.
  ServerProcess first(MasterOptions(address));
  ServerProcess second(MasterOptions(address));
  Leaders leaders(address);
  const uint16_t old = leaders.WaitForOther(0).first;
  WaitUntilServing(old);
  Poller poller;
  {
    SimulatedAgents agents(poller, old, SimulatedAgents::Answer::kNothing);
    Subscribe(count, poller, agents);
  }
  ::kill(old == first.port() ? first.pid() : second.pid(), SIGKILL);
  const auto killed = SteadyClock::now();
  // The end of the old leader's node and the next leader are detected at the same time: the other
  // master is a candidate already.
  const auto [port, expired] = leaders.WaitForOther(old);
  WaitUntilServing(port);
  const double serving = SecondsSince(expired);
  SimulatedAgents agents(poller, port, SimulatedAgents::Answer::kNothing);
  Subscribe(count, poller, agents);
  measurement->facts = {{"until_expiry_s", std::chrono::duration<double>(expired - killed).count()},
                        {"serving_s", serving}};
  return SecondsSince(expired);
}

int Main(int argc, char** argv) {
  CommandLine line("leader_bench",
                   "Measures the failover after the leader is killed, with ZooKeeper.");
  Report report("leader_bench");
  report.DeclareFlags(&line, 3);
  int agents = 1000;
  line.AddNumber("agents", &agents, 1, 10'000, "Number of agents");
  line.Parse(argc, argv);
  QuietLog();
  zookeeper::TestEnsemble ensemble;
  int run = 0;
  report.Repeat(
      {.name = fmt::format("killed leader, {} agents", agents), .unit = "s", .values = {}},
      [&](Measurement* measurement) {
        return Failover(agents, ensemble.address(fmt::format("/bench{}", ++run)), measurement);
      });
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
