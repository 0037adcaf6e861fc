// SPDX-License-Identifier: Apache-2.0
// The full state of a large cluster as JSON, and how reading it affects others: agents with tasks,
// running and completed, connect to a MasterServer in a process of its own; then /state is read
// again and again while a scheduler makes small calls, and the latencies of its calls are compared
// with those of a time without readers.

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <string>
#include <thread>
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

// Number of streams that stay open, below the limit of descriptors of both processes. Further
// agents connect and leave: their tasks stay.
constexpr size_t kMostConnected = 15'000;
constexpr auto kPause = std::chrono::milliseconds(2);  // Between a scheduler's calls.

// Sends one GET on a new connection and returns the milliseconds until the last byte. The body is
// not kept.
double Read(uint16_t port, const std::string& path, double* bytes) {
  const int fd = ConnectTo(port);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const SteadyClock::time_point begin = SteadyClock::now();
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) Die("Cannot ask for " + path);
  std::string head;
  std::array<char, 4096> some;
  size_t end = std::string::npos;
  while (end == std::string::npos) {
    const ssize_t count = ::recv(fd, some.data(), some.size(), 0);
    if (count <= 0) Die("No answer for " + path);
    head.append(some.data(), static_cast<size_t>(count));
    end = head.find("\r\n\r\n");
  }
  const std::string_view length =
      HeaderOf(std::string_view(head).substr(0, end + 2), "Content-Length");
  size_t left = 0;
  std::from_chars(length.data(), length.data() + length.size(), left);
  *bytes = static_cast<double>(left);
  left -= std::min(left, head.size() - end - 4);
  while (left > 0) {
    const ssize_t count = ::recv(fd, nullptr, left, MSG_TRUNC);  // The kernel drops the bytes.
    if (count <= 0) Die("The answer for " + path + " ended early");
    left -= static_cast<size_t>(count);
  }
  ::close(fd);
  return SecondsSince(begin) * 1000;
}

// A scheduler that reconciles one task after another, and reports how long each answer took to
// reach its stream, through every thread of the master.
class Prober {
 public:
  Prober(Poller& poller, uint16_t port)
      : poller_(poller),
        scheduler_(poller, port, HistoryFrameworkOf(0), HistoryFrameworkOf(0).roles(),
                   {.on_event = [this](const Event&) {
                     latencies_.push_back(SecondsSince(asked_) * 1000);
                     waits_ = false;
                   }}) {
    call_.set_type(Call::RECONCILE);
    call_.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value("unknown");
    poller_.PollUntil([this] { return scheduler_.subscribed(); }, "a scheduler's subscription");
  }

  std::vector<double> Run(const std::function<bool()>& done) {
    latencies_.clear();
    while (!done()) {
      asked_ = SteadyClock::now();
      waits_ = true;
      scheduler_.Send(&call_);
      poller_.PollUntil([this] { return !waits_; }, "an answer");
      std::this_thread::sleep_for(kPause);
      poller_.Poll(0);
    }
    return latencies_;
  }

 private:
  Poller& poller_;
  SimulatedScheduler scheduler_;
  Call call_;
  SteadyClock::time_point asked_;
  bool waits_ = false;
  std::vector<double> latencies_;
};

class StateBench {
 public:
  StateBench(const ClusterShape& shape, int io_threads)
      : shape_(shape),
        server_(ServerOptions(shape), io_threads),
        agents_(poller_, server_.port(), SimulatedAgents::Answer::kNothing) {
    for (int i = 1; i < shape.history_frameworks && shape.completed_per_agent > 0; ++i) {
      others_.push_back(std::make_unique<SimulatedScheduler>(
          poller_, server_.port(), HistoryFrameworkOf(i), HistoryFrameworkOf(i).roles(),
          SimulatedScheduler::Callbacks{.on_event = [](const Event&) {}}));
    }
    prober_ = std::make_unique<Prober>(poller_, server_.port());
    const Subscriptions subscriptions(shape);
    std::string body;
    for (int i = 0; i < shape.agents; ++i) {
      subscriptions.Write(i, &body);
      agents_.Add(body);
      const auto added = static_cast<size_t>(i) + 1;
      if (i % 16 == 0) poller_.Poll(0);
      if (added % 1000 != 0 && added != static_cast<size_t>(shape.agents)) continue;
      poller_.PollUntil([&] { return agents_.subscribed() == added; }, "the agents' subscriptions");
      agents_.DisconnectAllBut(kMostConnected);
    }
    std::this_thread::sleep_for(std::chrono::seconds(2));  // Waits for everything in flight.
  }

  void Measure(const Report& report, const std::string& path) {
    const std::string size =
        fmt::format("{}x{}+{}", shape_.agents, shape_.tasks_per_agent, shape_.completed_per_agent);
    const SteadyClock::time_point begin = SteadyClock::now();
    const std::vector<double> idle = prober_->Run([&] { return SecondsSince(begin) > 3; });

    Measurement reads{.name = path + " " + size, .unit = "ms", .values = {}};
    double bytes = 0;
    std::atomic<bool> done = false;
    std::thread reader([&] {
      for (int i = 0; i < report.repeats(); ++i)
        reads.values.push_back(Read(server_.port(), path, &bytes));
      done = true;
    });
    const std::vector<double> busy = prober_->Run([&] { return done.load(); });
    reader.join();
    reads.facts = {{"mb", bytes / 1e6}, {"master_rss_mib", ResidentMib(server_.pid())}};
    AddLatencies("call_idle", idle, &reads);
    AddLatencies("call_busy", busy, &reads);
    report.Print(reads);
  }

 private:
  static server::MasterServerOptions ServerOptions(const ClusterShape& shape) {
    server::MasterServerOptions options;
    // The whole history is to be kept.
    options.master.max_completed_tasks_per_framework = shape.agents * shape.completed_per_agent;
    return options;
  }

  const ClusterShape shape_;
  ServerProcess server_;
  Poller poller_;
  SimulatedAgents agents_;
  std::vector<std::unique_ptr<SimulatedScheduler>> others_;
  std::unique_ptr<Prober> prober_;
};

int Main(int argc, char** argv) {
  CommandLine line("state_bench",
                   "Measures reads of the full state as JSON, and how they slow calls down.");
  Report report("state_bench");
  report.DeclareFlags(&line, 5);
  ClusterShape shape{.agents = 20'000, .completed_per_agent = 10};
  std::string path = "/state";
  int io_threads = cli::IoThreadCount();
  line.AddNumber("agents", &shape.agents, 1, 999'999, "Number of agents");
  line.Add("tasks", &shape.tasks_per_agent, "Running tasks on each agent");
  line.Add("completed", &shape.completed_per_agent, "Completed tasks on each agent");
  line.Add("labels", &shape.labels, "Number of labels of each task");
  line.Add("detailed", &shape.detailed, "Give tasks the statuses that Tepui's agents report");
  line.Add("path", &path, "The path to request");
  line.AddNumber("io_threads", &io_threads, 1, 64, "I/O threads of the master");
  line.Parse(argc, argv);

  StateBench bench(shape, io_threads);
  bench.Measure(report, path);
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
