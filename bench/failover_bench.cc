// SPDX-License-Identifier: Apache-2.0
// Failover of a master: a new master's core takes back every agent with everything it runs. It is
// measured from the bytes of the agents' SUBSCRIBE calls to the bytes of the answers: decode,
// validate, registrar, record, encode. There are no sockets; `failover_bench --sockets` has them,
// through server::MasterServer.
//
// The threads are those of the server: decoders, as many as it has I/O threads; the core; the
// encoder; and the reader, which applies what the core publishes.

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <latch>
#include <thread>

#include "base/event_loop.h"
#include "base/log.h"
#include "child.h"
#include "cluster.h"
#include "master/core/master.h"
#include "master/rules/validation.h"
#include "memory_registrar.h"
#include "report.h"
#include "server_process.h"
#include "simulated_agents.h"
#include "web/call_decoding.h"
#include "wire/content_type.h"
#include "wire/recordio.h"

namespace tepui::bench {
namespace {

// Encodes everything that one turn of the core sends together, as server::StreamHub does, and
// counts the agents that were answered.
class EncodingLinks final : public master::Links {
 public:
  EncodingLinks(EventLoop& loop, int agents) : loop_(loop), answered_(agents) {}

  void Send(master::StreamId, std::shared_ptr<const google::protobuf::Message> event) override {
    const auto* order = dynamic_cast<const link::Event*>(event.get());
    const bool answer = order != nullptr && order->type() == link::Event::SUBSCRIBED;
    Add({.message = std::move(event), .answer = answer});
  }
  void Close(master::StreamId) override { refused_ = true; }

  void WaitForAll() { answered_.wait(); }
  bool refused() const { return refused_; }

 private:
  struct Outgoing {
    std::shared_ptr<const google::protobuf::Message> message;
    bool answer = false;
  };

  void Add(Outgoing outgoing) {
    outbox_.push_back(std::move(outgoing));
    if (outbox_.size() > 1) return;
    loop_.Post([this] {
      encoder_.Post([this, batch = std::exchange(outbox_, {})] {
        for (const Outgoing& out : batch) {
          bytes_ +=
              wire::EncodeRecord(wire::Encode(*out.message, wire::ContentType::kProtobuf)).size();
          if (out.answer) answered_.count_down();
        }
      });
    });
  }

  EventLoop& loop_;
  std::vector<Outgoing> outbox_;  // Used on the loop's thread only.
  std::latch answered_;
  std::atomic<bool> refused_ = false;
  size_t bytes_ = 0;
  EventLoop encoder_{"encoder"};
};

class ReaderSink final : public master::ReadModelSink {
 public:
  void Publish(master::Changes changes) override {
    reader_.Post(
        [this, changes = std::move(changes)]() mutable { model_.Apply(std::move(changes)); });
  }
  EventLoop& reader() { return reader_; }
  const master::ReadModel& model() const { return model_; }

 private:
  master::ReadModel model_;
  EventLoop reader_{"reader"};
};

master::Options MasterOptions() {
  master::Options options;
  options.info.set_id("0d0f31a2-4f6e-4c0a-9b0e-3f1f2c5a9e77");
  options.info.set_ip(0x0100007f);
  options.info.set_port(5050);
  options.info.set_hostname("master");
  return options;
}

// The agents are in the registry; their tasks and executors are not.
master::RecoveredRegistry Registry(int agents) {
  master::RecoveredRegistry registry;
  const Subscriptions subscriptions({.tasks_per_agent = 0});
  std::string bytes;
  for (int i = 0; i < agents; ++i) {
    subscriptions.Write(i, &bytes);
    link::Calls calls;
    calls.ParseFromString(bytes);
    registry.agents.push_back(calls.calls(0).subscribe().info());
  }
  return registry;
}

class Failover {
 public:
  Failover(const ClusterShape& shape, int decoders)
      : shape_(shape), decoders_(decoders), subscriptions_(shape), links_(loop_, shape.agents) {
    loop_.Run([this] {
      master_ = std::make_unique<master::Master>(MasterOptions(), Registry(shape_.agents), loop_,
                                                 random_, links_, registrar_, sink_);
      if (shape_.completed_per_agent == 0) return;
      for (int i = 0; i < shape_.history_frameworks; ++i) SubscribeFramework(HistoryFrameworkOf(i));
    });
  }

  // Returns the seconds from the first subscription to the last answer.
  double Run(Measurement* measurement) {
    const SteadyClock::time_point begin = SteadyClock::now();
    std::vector<std::thread> decoders;
    for (int i = 0; i < decoders_; ++i) decoders.emplace_back([this] { Decode(); });
    links_.WaitForAll();
    const double seconds = SecondsSince(begin);
    for (std::thread& decoder : decoders) decoder.join();
    while (!Complete()) loop_.Run([] {});  // Waits for what the core has yet to publish.
    const double readable = SecondsSince(begin);
    if (links_.refused()) _exit(3);
    measurement->facts = {{"readable_s", readable},
                          {"bytes_an_agent", static_cast<double>(subscriptions_.bytes())},
                          {"at_rest_mib", ResidentMib(::getpid())}};
    return seconds;
  }

 private:
  // Frameworks with completed tasks; they want no offers.
  void SubscribeFramework(const v1::FrameworkInfo& info) {
    mesos::v1::scheduler::Call call;
    call.set_type(mesos::v1::scheduler::Call::SUBSCRIBE);
    *call.mutable_framework_id() = info.id();
    *call.mutable_subscribe()->mutable_framework_info() = info;
    *call.mutable_subscribe()->mutable_suppressed_roles() = info.roles();
    master_->OnSchedulerSubscribe(++last_stream_, info.id().value(), {}, call, [](Status status) {
      if (!status) _exit(4);
    });
  }

  // Does what MasterServer does with a request. Copying the body stands for reading it.
  void Decode() {
    net::Request request;
    request.headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
    for (int agent = next_agent_++; agent < shape_.agents; agent = next_agent_++) {
      subscriptions_.Write(agent, &request.body);
      link::Calls calls;
      if (!web::DecodeCall(request, &calls)) _exit(5);
      if (!master::validation::ValidateSubscription(calls.calls(0).subscribe())) _exit(7);
      loop_.Post([this, stream = ++last_stream_, calls = std::move(calls)]() mutable {
        master_->OnAgentSubscribe(stream, fmt::format("stream-{}", stream), {},
                                  std::move(*calls.mutable_calls(0)->mutable_subscribe()),
                                  [](Status status) {
                                    if (!status) _exit(6);
                                  });
      });
    }
  }

  bool Complete() {
    size_t tasks = 0;
    sink_.reader().Run([&] {
      for (const auto& [id, framework] : sink_.model().frameworks())
        tasks += framework.active.size();
    });
    return tasks ==
           static_cast<size_t>(shape_.agents) * static_cast<size_t>(shape_.tasks_per_agent);
  }

  const ClusterShape shape_;
  const int decoders_;
  const Subscriptions subscriptions_;
  std::atomic<int> next_agent_ = 0;
  std::atomic<master::StreamId> last_stream_ = 0;
  SystemRandom random_;
  EncodingLinks links_;
  ReaderSink sink_;
  std::unique_ptr<master::Master> master_;  // Used on the loop's thread only.
  EventLoop loop_{"master"};
  MemoryRegistrar registrar_{loop_};
};

void MeasureCore(const Report& report, const ClusterShape& shape, int decoders) {
  report.Repeat(
      {.name = fmt::format(
           "core {}x{}{}{}", shape.agents, shape.tasks_per_agent,
           shape.completed_per_agent > 0 ? fmt::format("+{}", shape.completed_per_agent) : "",
           shape.detailed ? " detailed" : ""),
       .unit = "s",
       .values = {}},
      [&](Measurement* measurement) {
        return MeasureInChild(measurement, [&](Measurement* own) {
          QuietLog();
          // Not destroyed, because the process ends and frees the memory.
          return (new Failover(shape, decoders))->Run(own);
        });
      });
}

// Agents with sockets connect to a MasterServer in a process of its own.
double OverSockets(const ClusterShape& shape, int io_threads, Measurement* measurement) {
  ServerProcess server({}, io_threads);
  const Subscriptions subscriptions(shape);
  Poller poller;
  SimulatedAgents agents(poller, server.port(), SimulatedAgents::Answer::kNothing);
  const SteadyClock::time_point begin = SteadyClock::now();
  std::string body;
  for (int i = 0; i < shape.agents; ++i) {
    subscriptions.Write(i, &body);
    agents.Add(body);
    if (i % 16 == 0) poller.Poll(0);
  }
  poller.PollUntil([&] { return agents.subscribed() == static_cast<size_t>(shape.agents); },
                   "the agents' subscriptions");
  const double seconds = SecondsSince(begin);
  measurement->facts = {{"master_cpu_s", server.CpuSeconds()},
                        {"master_rss_mib", ResidentMib(server.pid())}};
  return seconds;
}

int Main(int argc, char** argv) {
  CommandLine line(
      "failover_bench",
      "Measures the failover of a master: all agents reregister with all their tasks.");
  Report report("failover_bench");
  report.DeclareFlags(&line, 3);
  ClusterShape shape{.agents = 40'000};
  bool sockets = false;
  int io_threads = cli::IoThreadCount();
  line.AddNumber("agents", &shape.agents, 1, 999'999, "Number of agents");
  line.Add("frameworks", &shape.frameworks, "Number of frameworks; each has tasks on every agent");
  line.Add("tasks", &shape.tasks_per_agent, "Running tasks on each agent");
  line.Add("completed", &shape.completed_per_agent, "Completed tasks that each agent reports");
  line.Add("labels", &shape.labels, "Number of labels of each task");
  line.Add("detailed", &shape.detailed,
           "Give tasks the statuses and executors that Tepui's agents report");
  line.Add("sockets", &sockets,
           "Connect the agents over HTTP; the limit of open files bounds their number");
  line.AddNumber("io_threads", &io_threads, 1, 64,
                 "I/O threads of the master; without --sockets, the threads that decode");
  line.Parse(argc, argv);

  if (!sockets) {
    MeasureCore(report, shape, io_threads);
    return 0;
  }
  report.Repeat(
      {.name = fmt::format("sockets {}x{}", shape.agents, shape.tasks_per_agent),
       .unit = "s",
       .values = {}},
      [&](Measurement* measurement) { return OverSockets(shape, io_threads, measurement); });
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
