// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/cluster.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/version.h"
#include "resources/resources.h"

namespace tepui::sim {
namespace {

using Kind = Fault::Kind;

// Frameworks share roles, so that one may be offered resources that another one reserved.
constexpr int kRoles = 3;
// Frees the offers of frameworks that never answer, so that the others do not starve.
constexpr Duration kOfferTimeout = std::chrono::seconds(30);
// Shorter than the default, so that it expires within a run.
constexpr Duration kAgentReregisterTimeout = std::chrono::minutes(3);
// What an operator names if there is no agent or framework to name.
constexpr char kNobody[] = "nobody";

master::Options MasterOptions() {
  master::Options options;
  // No invariant checks metrics, and computing them each second would take most of a run.
  options.metrics_interval = std::chrono::minutes(1);
  options.info.set_version(std::string(kMesosVersion));
  options.offer_timeout = kOfferTimeout;
  options.agent_reregister_timeout = kAgentReregisterTimeout;
  return options;
}

// No two machines are alike; every third one reserves something for a role.
agent::Options AgentOptions(int number) {
  agent::Options options;
  options.version = std::string(kMesosVersion);
  options.work_dir = "/var/lib/mesos";
  // If two agents had one address, the master would take them for one agent that started again.
  options.address.set_ip(fmt::format("10.0.{}.{}", number / 256, number % 256));
  std::string text = fmt::format("cpus:{};mem:{};disk:{};ports:[31000-31099]", 4 + number % 3 * 2,
                                 4096 + number % 4 * 1024, 8192);
  if (number % 3 == 2)
    text += fmt::format(";cpus(role-{}):1;mem(role-{}):512", number % kRoles, number % kRoles);
  Resources::Parse(text).value().ToProto(options.info.mutable_resources());
  v1::Attribute& rack = *options.info.add_attributes();
  rack.set_name("rack");
  rack.set_type(v1::Value::TEXT);
  rack.mutable_text()->set_value(fmt::format("r{}", number % 2));
  return options;
}

}  // namespace

void Cluster::Node::Start() {
  if (master != nullptr) return master->Start();
  if (agent != nullptr) return agent->Start();
  scheduler->Start();
}

void Cluster::Node::Crash(bool replace) {
  if (master != nullptr) return master->Crash();
  if (agent != nullptr) return agent->Crash(replace);
  scheduler->Crash();
}

Process* Cluster::Node::process() {
  if (master != nullptr) return master->process();
  return agent != nullptr ? agent->process() : scheduler->process();
}

Cluster::Cluster(World& world, Observer& observer, const ClusterSize& size)
    : world_(world),
      network_(world, {}),
      election_(world, network_),
      registry_(world, observer),
      random_(world.MakeRandom("cluster")) {
  for (int i = 0; i < size.masters; ++i) {
    masters_.push_back(std::make_unique<MasterNode>(
        MasterNode::Parts{world, network_, election_, registry_, observer},
        fmt::format("master-{}", i), MasterOptions()));
    nodes_[masters_.back()->host()].master = masters_.back().get();
  }
  for (int i = 0; i < size.agents; ++i) {
    agents_.push_back(
        std::make_unique<AgentNode>(AgentNode::Parts{world, network_, election_, observer},
                                    fmt::format("agent-{}", i), AgentOptions(i)));
    nodes_[agents_.back()->host()].agent = agents_.back().get();
  }
  constexpr FrameworkKind kKinds[] = {FrameworkKind::kBatch, FrameworkKind::kService,
                                      FrameworkKind::kGreedy, FrameworkKind::kHoarder,
                                      FrameworkKind::kNonsense};
  for (int i = 0; i < size.frameworks; ++i) {
    const std::string host = fmt::format("framework-{}", i);
    const FrameworkKind kind = kKinds[static_cast<size_t>(i) % std::size(kKinds)];
    schedulers_.push_back(std::make_unique<SchedulerNode>(
        SchedulerNode::Parts{world, network_, observer}, host,
        fmt::format("master-{}", i % size.masters),
        MakeFramework(kind, host, fmt::format("role-{}", i % kRoles),
                      world.MakeRandom(fmt::format("{}/{}", host, Name(kind))))));
    nodes_[host].scheduler = schedulers_.back().get();
  }
  std::vector<Host> masters;
  for (const auto& master : masters_) masters.push_back(master->host());
  operator_ =
      std::make_unique<OperatorNode>(OperatorNode::Parts{world_, network_}, std::move(masters));
}

Cluster::~Cluster() {
  for (const auto& [number, active] : active_) world_.clock().Cancel(active.end);
}

void Cluster::Start() {
  for (const auto& master : masters_) master->Start();
  for (const auto& agent : agents_) agent->Start();
  for (const auto& scheduler : schedulers_) scheduler->Start();
}

const MasterNode* Cluster::leader() const {
  const std::optional<Host> host = election_.leader();
  if (!host) return nullptr;
  const auto found = std::ranges::find(masters_, *host, &MasterNode::host);
  return found != masters_.end() && (*found)->running() ? found->get() : nullptr;
}

std::vector<Host> Cluster::Hosts() const {
  std::vector<Host> hosts{Election::kCoordination, OperatorNode::kHost};
  for (const auto& [host, node] : nodes_) hosts.push_back(host);
  return hosts;
}

void Cluster::Do(const Fault& fault) {
  world_.Write("fault: {}", fault.ToString());
  if (fault.lasts > Duration::zero()) {
    const uint64_t number = ++faults_;
    active_[number] = {.fault = fault,
                       .end = world_.clock().After(fault.lasts, [this, number] { End(number); })};
  }
  Begin(fault);
}

void Cluster::Begin(const Fault& fault) {
  const auto node = nodes_.find(fault.target);
  switch (fault.kind) {
    case Kind::kCrash:
      return node->second.Crash(/*replace=*/fault.amount == 1);
    case Kind::kShutdown:
      return fault.amount == 1 ? node->second.agent->Unregister() : node->second.agent->Leave();
    case Kind::kAgentDeath:
      return node->second.agent->KillProcess();
    case Kind::kContainerDeath:
      return node->second.agent->KillContainer(random_);
    case Kind::kPartition:
    case Kind::kOneWayPartition:
    case Kind::kIsolation:
      return SetCut(fault, true);
    case Kind::kReset:
      return network_.Reset(fault.target, fault.other);
    case Kind::kMarkGone:
      return MarkGone(fault);
    case Kind::kTeardown:
      return TearDown(fault);
    default:
      return Apply(fault);
  }
}

void Cluster::MarkGone(const Fault& fault) {
  const std::string& id = nodes_.at(fault.target).agent->id();
  const bool known = fault.amount != 2 && !id.empty();
  for (int times = fault.amount == 1 ? 2 : 1; times > 0; --times)
    operator_->MarkAgentGone(known ? id : kNobody);
}

void Cluster::TearDown(const Fault& fault) {
  std::string& before = torn_down_[fault.target];
  const std::string& now = nodes_.at(fault.target).scheduler->framework_id();
  if (fault.amount != 2 && !now.empty()) before = now;
  for (int times = fault.amount == 1 ? 2 : 1; times > 0; --times)
    operator_->TearDown(before.empty() ? kNobody : before);
}

void Cluster::End(uint64_t number) {
  const Fault fault = active_.extract(number).mapped().fault;
  world_.Write("fault ends: {}", fault.ToString());
  switch (fault.kind) {
    case Kind::kCrash:
    case Kind::kShutdown:
    case Kind::kAgentDeath: {
      const auto down = [&](Kind kind) { return Is(kind, fault.target); };
      if (!down(Kind::kCrash) && !down(Kind::kShutdown) && !down(Kind::kAgentDeath)) {
        nodes_.at(fault.target).Start();
      }
      return;
    }
    case Kind::kPartition:
    case Kind::kOneWayPartition:
    case Kind::kIsolation:
      return SetCut(fault, false);
    default:
      return Apply(fault);
  }
}

void Cluster::Apply(const Fault& changed) {
  const Host& target = changed.target;
  if (changed.kind == Kind::kSlowNetwork) {
    return network_.SetSlowness(
        static_cast<int>(std::max<int64_t>(1, Most(Kind::kSlowNetwork, target))));
  }
  Node& node = nodes_.at(target);
  switch (changed.kind) {
    case Kind::kPause:
      if (Process* process = node.process(); process != nullptr)
        Is(Kind::kPause, target) ? process->Pause() : process->Resume();
      return;
    case Kind::kClockSkew:
      if (Process* process = node.process(); process != nullptr)
        process->SetWallSkew(std::chrono::seconds(Sum(Kind::kClockSkew, target)));
      return;
    case Kind::kSlowStore:
    case Kind::kFailingStore: {
      StoreBehaviour store;
      store.fails = Is(Kind::kFailingStore, target);
      store.max_delay = std::max<Duration>(
          store.max_delay, std::chrono::milliseconds(Most(Kind::kSlowStore, target)));
      (node.master != nullptr ? node.master->store() : node.agent->store()) = store;
      return;
    }
    case Kind::kFailingLaunches:
      return node.agent->SetLaunchesFail(Is(Kind::kFailingLaunches, target));
    default:
      return;
  }
}

bool Cluster::Is(Kind kind, const Host& target) const {
  return std::ranges::any_of(active_, [&](const auto& entry) {
    return entry.second.fault.kind == kind && entry.second.fault.target == target;
  });
}

int64_t Cluster::Sum(Kind kind, const Host& target) const {
  int64_t sum = 0;
  for (const auto& [number, active] : active_) {
    if (active.fault.kind == kind && active.fault.target == target) sum += active.fault.amount;
  }
  return sum;
}

int64_t Cluster::Most(Kind kind, const Host& target) const {
  int64_t most = 0;
  for (const auto& [number, active] : active_) {
    if (active.fault.kind == kind && active.fault.target == target)
      most = std::max(most, active.fault.amount);
  }
  return most;
}

void Cluster::SetCut(const Fault& fault, bool cut) {
  const auto set = [&](const Host& from, const Host& to) {
    cut ? network_.Block(from, to) : network_.Unblock(from, to);
  };
  if (fault.kind != Kind::kIsolation) {
    set(fault.target, fault.other);
    if (fault.kind == Kind::kPartition) set(fault.other, fault.target);
    return;
  }
  for (const Host& host : Hosts()) {
    if (host == fault.target) continue;
    set(fault.target, host);
    set(host, fault.target);
  }
}

void Cluster::Calm() {
  world_.Write("calm");
  while (!active_.empty()) {
    const auto& [number, active] = *active_.begin();
    world_.clock().Cancel(active.end);
    End(number);
  }
  for (auto& [host, node] : nodes_) node.Start();
  for (const auto& agent : agents_) agent->SetChecksFail(false);
  for (const auto& scheduler : schedulers_) scheduler->Calm();
}

}  // namespace tepui::sim
