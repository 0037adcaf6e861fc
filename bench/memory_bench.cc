// SPDX-License-Identifier: Apache-2.0
// Memory of a master for each task, agent and framework: a core with its read model in virtual
// time, and the growth of the heap when many of one kind are added. For tasks the size of the
// message itself is subtracted: the budget covers what comes on top of it.

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/virtual_clock.h"
#include "child.h"
#include "cluster.h"
#include "master/core/master.h"
#include "memory_registrar.h"
#include "report.h"
#include "server_process.h"

namespace tepui::bench {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;

// Keeps the offers and drops everything else.
class OfferLinks final : public master::Links {
 public:
  void Send(master::StreamId, std::shared_ptr<const google::protobuf::Message> sent) override {
    if (const auto* event = dynamic_cast<const Event*>(sent.get())) {
      if (event->type() == Event::SUBSCRIBED) framework_id = event->subscribed().framework_id();
      for (const v1::Offer& offer : event->offers().offers()) offers.push_back(offer);
    } else if (const auto* order = dynamic_cast<const link::Event*>(sent.get());
               order != nullptr && order->type() == link::Event::RUN_TASK) {
      run.emplace_back(order->run_task().task().agent_id().value(),
                       order->run_task().task().task_id().value());
    }
  }
  void Close(master::StreamId) override {}

  v1::FrameworkID framework_id;
  std::vector<v1::Offer> offers;
  std::vector<std::pair<std::string, std::string>> run;  // Agent and task.
};

class Sink final : public master::ReadModelSink {
 public:
  void Publish(master::Changes changes) override { model.Apply(std::move(changes)); }
  master::ReadModel model;
};

void Check(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

class Core {
 public:
  Core() : master_(Options(), {}, clock_, random_, links_, registrar_, sink_) {}

  void AddFrameworks(int count) {
    for (int i = 0; i < count; ++i) {
      Call call;
      call.set_type(Call::SUBSCRIBE);
      *call.mutable_subscribe()->mutable_framework_info() = FrameworkOf(0);
      call.mutable_subscribe()->mutable_framework_info()->clear_id();
      framework_stream_ = fmt::format("stream {}", last_stream_ + 1);
      master_.OnSchedulerSubscribe(++last_stream_, framework_stream_, {}, call, Check);
    }
    Settle();
  }

  void AddAgents(int count, double cpus = 20) {
    for (int i = 0; i < count; ++i) Subscribe(NewAgent(fmt::format("{}", agents_++), cpus, 10240));
    Settle();
  }

  void AgentsComeBack(const ClusterShape& shape) {
    const Subscriptions subscriptions(shape);
    std::string bytes;
    for (int i = 0; i < shape.agents; ++i) {
      subscriptions.Write(i, &bytes);
      link::Calls calls;
      calls.ParseFromString(bytes);
      Subscribe(std::move(*calls.mutable_calls(0)->mutable_subscribe()));
      if (i % 100 == 0) Settle();
    }
    Settle();
  }

  // Launches this many tasks on each agent, all of the one framework, and reports them as running.
  void Launch(int tasks_an_agent, int labels) {
    clock_.Advance(std::chrono::seconds(2));
    int number = 0;
    for (const v1::Offer& offer : std::exchange(links_.offers, {})) {
      Call call;
      call.set_type(Call::ACCEPT);
      *call.mutable_framework_id() = links_.framework_id;
      *call.mutable_accept()->add_offer_ids() = offer.id();
      // Prevents another offer, since offers use memory too.
      call.mutable_accept()->mutable_filters()->set_refuse_seconds(1e6);
      auto* operation = call.mutable_accept()->add_operations();
      operation->set_type(v1::Offer::Operation::LAUNCH);
      for (int i = 0; i < tasks_an_agent; ++i) {
        *operation->mutable_launch()->add_task_infos() =
            TaskInfoOf(offer.agent_id().value(), fmt::format("4c0a9b0e-3f1f-2c5a-{:08}", number++),
                       0.1, labels);
      }
      master_.OnSchedulerCall(framework_stream_, {}, call, Check);
      ReportRunning();
    }
    Settle();
  }

  // Memory of all the tasks' messages, measured by copying them.
  double TaskMessageBytes() const {
    std::vector<std::unique_ptr<v1::Task>> copies;
    copies.reserve(tasks());
    const double before = HeapInUse();
    for (const auto& [id, framework] : sink_.model.frameworks()) {
      for (const auto& [order, task] : framework.active)
        copies.push_back(std::make_unique<v1::Task>(*task));
    }
    return HeapInUse() - before;
  }
  size_t tasks() const {
    size_t count = 0;
    for (const auto& [id, framework] : sink_.model.frameworks()) count += framework.active.size();
    return count;
  }

 private:
  static master::Options Options() {
    master::Options options;
    options.info.set_id("0d0f31a2-4f6e-4c0a-9b0e-3f1f2c5a9e77");
    options.info.set_ip(0x0100007f);
    options.info.set_port(5050);
    return options;
  }

  void Subscribe(link::Call::Subscribe subscribe) {
    const std::string uuid = "stream of " + subscribe.info().hostname();
    master_.OnAgentSubscribe(++last_stream_, uuid, {}, std::move(subscribe), Check);
  }

  void ReportRunning() {
    for (const auto& [agent, task] : std::exchange(links_.run, {})) {
      const auto record = sink_.model.agents().find(AgentId(agent));
      link::Calls calls;
      link::Call* call = calls.add_calls();
      call->set_type(link::Call::STATUS_UPDATE);
      *call->mutable_status_update()->mutable_framework_id() = links_.framework_id;
      v1::TaskStatus* status = call->mutable_status_update()->mutable_status();
      status->mutable_task_id()->set_value(task);
      status->mutable_executor_id()->set_value(task);
      status->set_state(v1::TASK_RUNNING);
      status->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
      status->set_timestamp(1.7e9);
      status->set_uuid("0123456789abcdef");
      master_.OnAgentCalls("stream of " + record->second->info.hostname(), {}, calls, Check);
    }
  }

  // Lets holdings and metrics be published, and delayed answers arrive.
  void Settle() { clock_.Advance(std::chrono::seconds(1)); }

  VirtualClock clock_;
  SeededRandom random_{1};
  OfferLinks links_;
  Sink sink_;
  MemoryRegistrar registrar_{clock_};
  master::Master master_;
  master::StreamId last_stream_ = 0;
  int agents_ = 0;
  std::string framework_stream_;
};

// Returns the bytes by which `add` made the heap grow, divided by `count`.
double Growth(int count, const std::function<void()>& add) {
  const double before = HeapInUse();
  add();
  return (HeapInUse() - before) / count;
}

double OfTasks(Core& core, int count, const std::function<void()>& add, Measurement* measurement) {
  const double each = Growth(count, add);
  if (core.tasks() != static_cast<size_t>(count)) std::exit(1);
  const double message = core.TaskMessageBytes() / count;
  measurement->facts = {{"message_bytes", message}, {"with_message_bytes", each}};
  return each - message;
}

void Measure(const Report& report, const std::string& name,
             const std::function<double(Measurement*)>& measure) {
  report.Repeat({.name = name, .unit = "bytes", .values = {}}, [&](Measurement* m) {
    return MeasureInChild(m, [&](Measurement* own) {
      QuietLog();
      return measure(own);
    });
  });
}

int Main(int argc, char** argv) {
  CommandLine line("memory_bench",
                   "Measures the memory that a master needs for each task, agent and framework.");
  Report report("memory_bench");
  report.DeclareFlags(&line, 1);
  int agents = 1000, tasks = 200, labels = 10;
  line.AddNumber("agents", &agents, 1, 100'000, "Number of agents");
  line.AddNumber("tasks", &tasks, 1, 10'000, "Tasks on each agent");
  line.Add("labels", &labels, "Number of labels of each task");
  line.Parse(argc, argv);

  Measure(report, "a task launched, beyond its message", [&](Measurement* m) {
    Core core;
    core.AddFrameworks(1);
    core.AddAgents(agents, 0.1 * tasks + 1);
    return OfTasks(core, agents * tasks, [&] { core.Launch(tasks, labels); }, m);
  });
  Measure(report, "a recovered task, beyond its message", [&](Measurement* m) {
    const ClusterShape shape{
        .agents = agents, .tasks_per_agent = tasks, .labels = labels, .detailed = true};
    Core core;
    // The agents themselves must not be counted.
    core.AgentsComeBack({.agents = agents, .tasks_per_agent = 0});
    return OfTasks(core, agents * tasks, [&] { core.AgentsComeBack(shape); }, m);
  });
  Measure(report, "an agent", [&](Measurement*) {
    Core core;
    core.AddAgents(1);
    return Growth(20'000, [&] { core.AddAgents(20'000); });
  });
  Measure(report, "a framework", [&](Measurement*) {
    Core core;
    core.AddFrameworks(1);
    return Growth(2000, [&] { core.AddFrameworks(2000); });
  });
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
