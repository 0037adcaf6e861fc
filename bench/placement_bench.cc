// SPDX-License-Identifier: Apache-2.0
// Capacity of the scheduler API over real HTTP: schedulers and agents of this process use a
// MasterServer in a process of its own.
//
//   tasks placed per second, from the first ACCEPT until the last RUN_TASK is at its agent;
//   whole tasks per second: ACCEPT, RUNNING, FINISHED, both acknowledged through to the agent;
//   small calls per second (--calls).
//
// The load shares the machine with the master; the CPU time of both is among the facts.

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "child.h"
#include "cluster.h"
#include "report.h"
#include "server_process.h"
#include "simulated_agents.h"
#include "simulated_scheduler.h"

namespace tepui::bench {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;

constexpr double kTaskCpus = 0.01;
constexpr double kTaskMem = 5;

struct Options {
  int agents = 1000;
  int frameworks = 10;
  int tasks = 100'000;
  int tasks_per_accept = 10;
  int labels = 0;
  int allocation_interval_ms = 50;
  int io_threads = cli::IoThreadCount();
  bool life = false;
};

double OwnCpuSeconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

v1::FrameworkInfo NewFramework() {
  v1::FrameworkInfo info = FrameworkOf(0);
  info.clear_id();
  return info;
}

server::MasterServerOptions ServerOptions(const Options& options) {
  server::MasterServerOptions server;
  server.master.allocator.allocation_interval =
      std::chrono::milliseconds(options.allocation_interval_ms);
  return server;
}

class Placement {
 public:
  explicit Placement(const Options& options)
      : options_(options),
        server_(ServerOptions(options), options.io_threads),
        agents_(poller_, server_.port(),
                options.life ? SimulatedAgents::Answer::kWholeLife
                             : SimulatedAgents::Answer::kNothing) {}

  // Returns tasks per second.
  double Run(Measurement* measurement) {
    JoinAgents();
    const double resident = ResidentMib(server_.pid());
    const double master_cpu = server_.CpuSeconds(), own_cpu = OwnCpuSeconds();
    for (int i = 0; i < options_.frameworks; ++i) {
      const auto index = schedulers_.size();
      schedulers_.push_back(std::make_unique<SimulatedScheduler>(
          poller_, server_.port(), NewFramework(),
          google::protobuf::RepeatedPtrField<std::string>(),
          SimulatedScheduler::Callbacks{
              .on_event = [this, index](const Event& event) { OnEvent(index, event); }}));
    }
    const auto tasks = static_cast<size_t>(options_.tasks);
    poller_.PollUntil(
        [&] {
          return options_.life ? agents_.acknowledged() == 2 * tasks : agents_.launched() == tasks;
        },
        "the tasks");
    const double seconds = SecondsSince(begin_);
    const double each = 1e6 / options_.tasks;
    measurement->facts = {
        {"master_cpu_us_a_task", (server_.CpuSeconds() - master_cpu) * each},
        {"load_cpu_us_a_task", (OwnCpuSeconds() - own_cpu) * each},
        {"master_kib_a_task", (ResidentMib(server_.pid()) - resident) * 1024 / options_.tasks}};
    return options_.tasks / seconds;
  }

 private:
  void JoinAgents() {
    // Agents are large enough that no offer is ever too small.
    const double cpus = kTaskCpus * options_.tasks;
    const double mem = kTaskMem * options_.tasks;
    for (int i = 0; i < options_.agents; ++i) {
      link::Calls calls;
      calls.add_calls()->set_type(link::Call::SUBSCRIBE);
      *calls.mutable_calls(0)->mutable_subscribe() = NewAgent(fmt::format("{}", i), cpus, mem);
      agents_.Add(calls.SerializeAsString());
      if (i % 16 == 0) poller_.Poll(0);
    }
    poller_.PollUntil([&] { return agents_.subscribed() == static_cast<size_t>(options_.agents); },
                      "the agents' subscriptions");
  }

  void OnEvent(size_t scheduler, const Event& event) {
    if (event.type() == Event::OFFERS) {
      for (const v1::Offer& offer : event.offers().offers())
        OnOffer(*schedulers_[scheduler], offer);
    } else if (event.type() == Event::UPDATE) {
      schedulers_[scheduler]->Acknowledge(event.update().status());
    }
  }

  void OnOffer(SimulatedScheduler& scheduler, const v1::Offer& offer) {
    // Resources of ended tasks come in offers that may be small.
    double fit = options_.tasks_per_accept;
    for (const v1::Resource& resource : offer.resources()) {
      const double each = resource.name() == "cpus" ? kTaskCpus : kTaskMem;
      fit = std::min(fit, resource.scalar().value() / each + 1e-6);
    }
    const int count = std::min(static_cast<int>(fit), options_.tasks - sent_);
    if (count == 0) return;  // Kept, so that nothing more is offered.
    if (sent_ == 0) begin_ = SteadyClock::now();
    Call call;
    call.set_type(Call::ACCEPT);
    Call::Accept& accept = *call.mutable_accept();
    *accept.add_offer_ids() = offer.id();
    accept.mutable_filters()->set_refuse_seconds(0);
    auto* operation = accept.add_operations();
    operation->set_type(v1::Offer::Operation::LAUNCH);
    for (int i = 0; i < count; ++i) {
      *operation->mutable_launch()->add_task_infos() =
          TaskInfoOf(offer.agent_id().value(), fmt::format("4c0a9b0e-3f1f-2c5a-{:08}", sent_++),
                     kTaskCpus, options_.labels);
    }
    scheduler.Send(&call);
  }

  const Options options_;
  ServerProcess server_;
  Poller poller_;
  SimulatedAgents agents_;
  std::vector<std::unique_ptr<SimulatedScheduler>> schedulers_;
  SteadyClock::time_point begin_;
  int sent_ = 0;
};

// Schedulers that keep a few calls in flight each; returns calls per second.
double SmallCalls(const Options& options, Call call, int count, Measurement* measurement) {
  constexpr int kInFlight = 8;  // Fewer than the server reads ahead of its answers.
  ServerProcess server(ServerOptions(options), options.io_threads);
  Poller poller;
  int sent = 0, answered = 0;
  std::vector<std::unique_ptr<SimulatedScheduler>> schedulers;
  const auto send = [&](size_t scheduler) {
    if (sent == count) return;
    ++sent;
    schedulers[scheduler]->Send(&call);
  };
  for (size_t i = 0; i < static_cast<size_t>(options.frameworks); ++i) {
    SimulatedScheduler::Callbacks callbacks{.on_event = [](const Event&) {},
                                            .on_answer =
                                                [&, i] {
                                                  ++answered;
                                                  send(i);
                                                }};
    schedulers.push_back(std::make_unique<SimulatedScheduler>(
        poller, server.port(), NewFramework(), google::protobuf::RepeatedPtrField<std::string>(),
        std::move(callbacks)));
  }
  poller.PollUntil(
      [&] { return std::ranges::all_of(schedulers, [](auto& s) { return s->subscribed(); }); },
      "the schedulers' subscriptions");
  const double cpu = server.CpuSeconds();
  const SteadyClock::time_point begin = SteadyClock::now();
  for (size_t i = 0; i < schedulers.size(); ++i) {
    for (int j = 0; j < kInFlight; ++j) send(i);
  }
  poller.PollUntil([&] { return answered == count; }, "the answers");
  const double seconds = SecondsSince(begin);
  measurement->facts = {{"master_cpu_us_a_call", (server.CpuSeconds() - cpu) * 1e6 / count}};
  return count / seconds;
}

int Main(int argc, char** argv) {
  CommandLine line("placement_bench",
                   "Measures tasks and calls per second through the scheduler API.");
  Report report("placement_bench");
  report.DeclareFlags(&line, 3);
  Options options;
  int calls = 0;
  line.AddNumber("agents", &options.agents, 1, 9000, "Number of agents");
  line.AddNumber("frameworks", &options.frameworks, 1, 1000, "Number of frameworks");
  line.AddNumber("tasks", &options.tasks, 1, 10'000'000, "Number of tasks");
  line.AddNumber("tasks_per_accept", &options.tasks_per_accept, 1, 100'000,
                 "Number of tasks that one ACCEPT launches");
  line.Add("labels", &options.labels, "Number of labels of each task");
  line.AddNumber("allocation_interval_ms", &options.allocation_interval_ms, 1, 60'000,
                 "Allocation interval of the master, in milliseconds");
  line.AddNumber("io_threads", &options.io_threads, 1, 64, "I/O threads of the master");
  line.Add("life", &options.life, "Run each task to its end, with updates and acknowledgements");
  line.Add("calls", &calls, "Send this many small calls instead of launching tasks");
  line.Parse(argc, argv);

  if (calls == 0) {
    report.Repeat({.name = fmt::format("{}, {} an ACCEPT", options.life ? "lives" : "placed",
                                       options.tasks_per_accept),
                   .unit = "1/s",
                   .values = {}},
                  [&](Measurement* m) { return std::make_unique<Placement>(options)->Run(m); });
    return 0;
  }
  Call suppress;
  suppress.set_type(Call::SUPPRESS);
  Call reconcile;
  reconcile.set_type(Call::RECONCILE);
  reconcile.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value("unknown");
  for (const Call& call : {suppress, reconcile}) {
    report.Repeat({.name = fmt::format("calls, {}", Call::Type_Name(call.type())),
                   .unit = "1/s",
                   .values = {}},
                  [&](Measurement* m) { return SmallCalls(options, call, calls, m); });
  }
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
