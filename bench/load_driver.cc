// SPDX-License-Identifier: Apache-2.0
// A scheduler that measures a running cluster from outside, over the v1 API (docs/performance.md).
//
//   load_driver --master=host:port launch --tasks=5000
//       tasks per second, from ACCEPT to acknowledged FINISHED
//   load_driver --master=host:port latency --tasks=200
//       time from ACCEPT to RUNNING, one task at a time
//   load_driver --master=host:port reconcile --tasks=100000
//       status updates per second

#include <tepui/scheduler.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "report.h"

namespace tepui {
namespace {

namespace v1 = ::mesos::v1;
using bench::Measurement;
using bench::SecondsSince;
using bench::SteadyClock;
using v1::scheduler::Call;
using v1::scheduler::Event;

void AddScalar(const std::string& name, double value, v1::TaskInfo* task) {
  v1::Resource* resource = task->add_resources();
  resource->set_name(name);
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(value);
}

// One framework and one measurement. Events come on the library's thread; `mutex_` guards
// everything.
class Driver {
 public:
  struct Options {
    std::string master = "127.0.0.1:5050";
    ContentType content_type = ContentType::kProtobuf;
    int tasks = 1000;
    double cpus = 0.01;
    double mem = 1;
    std::string command;  // Run by the shell; if empty, /bin/true is run directly.
    bool checkpoint = false;
  };
  enum class Mode { kLaunch, kLatency, kReconcile };

  Driver(Options options, Mode mode, const bench::Report& report)
      : options_(std::move(options)), mode_(mode), report_(report) {}

  int Run() {
    auto mesos = scheduler::Mesos::Create(
        options_.master, options_.content_type, [this] { Subscribe(); },
        [this] { Fail("the connection to the master broke"); },
        [this](const std::queue<Event>& events) { OnEvents(events); });
    if (!mesos) {
      std::fprintf(stderr, "%s\n", mesos.error().c_str());
      return 1;
    }
    MutexLock lock(mutex_);
    mesos_ = mesos->get();
    ready_.NotifyAll();
    while (!finished_) done_.Wait(mutex_);
    Call teardown;
    teardown.set_type(Call::TEARDOWN);
    *teardown.mutable_framework_id() = framework_id_;
    lock.Unlock();
    if (failure_.empty()) (void)mesos.value()->Call(teardown).get();
    if (!failure_.empty()) std::fprintf(stderr, "%s\n", failure_.c_str());
    return failure_.empty() ? 0 : 1;
  }

 private:
  void Subscribe() {
    MutexLock lock(mutex_);
    while (mesos_ == nullptr) ready_.Wait(mutex_);
    Call call;
    call.set_type(Call::SUBSCRIBE);
    call.mutable_subscribe()->mutable_framework_info()->set_user("root");
    call.mutable_subscribe()->mutable_framework_info()->set_name("load-driver");
    call.mutable_subscribe()->mutable_framework_info()->set_checkpoint(options_.checkpoint);
    mesos_->Send(call);
  }

  void OnEvents(std::queue<Event> events) {
    const MutexLock lock(mutex_);
    for (; !events.empty() && !finished_; events.pop()) OnEvent(events.front());
  }

  void OnEvent(const Event& event) {
    switch (event.type()) {
      case Event::SUBSCRIBED:
        framework_id_ = event.subscribed().framework_id();
        if (mode_ == Mode::kReconcile) Reconcile();
        break;
      case Event::OFFERS:
        for (const auto& offer : event.offers().offers()) OnOffer(offer);
        break;
      case Event::UPDATE:
        OnStatus(event.update().status());
        break;
      case Event::ERROR:
        Finish(event.error().message());
        break;
      default:
        break;
    }
  }

  void OnOffer(const v1::Offer& offer) {
    if (mode_ == Mode::kLatency && launched_ != ended_) {
      held_ = offer;  // Kept for the next task, when the present one has ended.
      return;
    }
    double cpus = 0, mem = 0;
    for (const auto& resource : offer.resources()) {
      if (resource.name() == "cpus") cpus += resource.scalar().value();
      if (resource.name() == "mem") mem += resource.scalar().value();
    }
    const double fit = std::min(cpus / options_.cpus, mem / options_.mem);
    int count = std::min(static_cast<int>(fit + 1e-6), options_.tasks - launched_);
    if (mode_ == Mode::kLatency) count = std::min(count, 1);
    if (mode_ == Mode::kReconcile) count = 0;

    Call call;
    call.set_type(Call::ACCEPT);
    *call.mutable_framework_id() = framework_id_;
    *call.mutable_accept()->add_offer_ids() = offer.id();
    call.mutable_accept()->mutable_filters()->set_refuse_seconds(0);
    auto* operation = call.mutable_accept()->add_operations();
    operation->set_type(v1::Offer::Operation::LAUNCH);
    for (int i = 0; i < count; ++i) {
      *operation->mutable_launch()->add_task_infos() = MakeTask(offer);
    }
    if (count == 0) call.mutable_accept()->clear_operations();
    if (started_ == SteadyClock::time_point() || mode_ == Mode::kLatency)
      started_ = SteadyClock::now();
    mesos_->Send(call);
  }

  v1::TaskInfo MakeTask(const v1::Offer& offer) {
    v1::TaskInfo task;
    task.set_name("load");
    task.mutable_task_id()->set_value(std::to_string(launched_++));
    *task.mutable_agent_id() = offer.agent_id();
    AddScalar("cpus", options_.cpus, &task);
    AddScalar("mem", options_.mem, &task);
    if (options_.command.empty()) {
      task.mutable_command()->set_shell(false);
      task.mutable_command()->set_value("/bin/true");
      task.mutable_command()->add_arguments("true");
    } else {
      task.mutable_command()->set_value(options_.command);
    }
    return task;
  }

  void OnStatus(const v1::TaskStatus& status) {
    if (mode_ == Mode::kReconcile) {
      if (++updates_ == options_.tasks) {
        report_.Print(
            {.name = "reconcile", .unit = "1/s", .values = {updates_ / SecondsSince(started_)}});
        Finish("");
      }
      return;
    }
    if (status.has_uuid()) {
      Call call;
      call.set_type(Call::ACKNOWLEDGE);
      *call.mutable_framework_id() = framework_id_;
      *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
      *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
      call.mutable_acknowledge()->set_uuid(status.uuid());
      mesos_->Send(call);
    }
    if (status.state() == v1::TASK_RUNNING) latencies_.push_back(SecondsSince(started_) * 1000);
    if (status.state() == v1::TASK_FINISHED) {
      if (++ended_ == options_.tasks) {
        Report();
      } else if (held_) {
        OnOffer(*std::exchange(held_, std::nullopt));
      }
    } else if (status.state() != v1::TASK_STARTING && status.state() != v1::TASK_RUNNING) {
      Finish("task " + status.task_id().value() + " became " + v1::TaskState_Name(status.state()) +
             ": " + status.message());
    }
  }

  std::string Kind() const { return options_.checkpoint ? ", checkpointed" : ""; }

  void Report() {
    if (mode_ == Mode::kLaunch) {
      report_.Print(
          {.name = "launch" + Kind(), .unit = "1/s", .values = {ended_ / SecondsSince(started_)}});
    } else {
      Measurement measurement{
          .name = "latency" + Kind(), .unit = "ms", .values = {bench::Quantile(latencies_, 0.5)}};
      bench::AddLatencies("to_running", latencies_, &measurement);
      report_.Print(measurement);
    }
    Finish("");
  }

  void Reconcile() {
    Call call;
    call.set_type(Call::RECONCILE);
    *call.mutable_framework_id() = framework_id_;
    for (int i = 0; i < options_.tasks; ++i) {
      call.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value("unknown-" +
                                                                          std::to_string(i));
    }
    started_ = SteadyClock::now();
    mesos_->Send(call);
  }

  void Fail(const std::string& why) {
    const MutexLock lock(mutex_);
    if (!finished_) Finish(why);
  }
  void Finish(std::string failure) {
    failure_ = std::move(failure);
    finished_ = true;
    done_.NotifyAll();
  }

  const Options options_;
  const Mode mode_;
  const bench::Report& report_;
  Mutex mutex_;
  CondVar ready_, done_;
  scheduler::Mesos* mesos_ = nullptr;
  v1::FrameworkID framework_id_;
  SteadyClock::time_point started_;
  int launched_ = 0, ended_ = 0, updates_ = 0;
  std::vector<double> latencies_;
  std::optional<v1::Offer> held_;
  bool finished_ = false;
  std::string failure_;
};

int Main(int argc, char** argv) {
  bench::CommandLine line("load_driver", "Measures a running cluster over the v1 scheduler API.",
                          "launch|latency|reconcile");
  Driver::Options options;
  bench::Report report("load_driver");
  report.DeclareFlags(&line, 0);
  std::string content_type = "protobuf";
  line.Add("master", &options.master, "The master's host:port");
  line.Add("tasks", &options.tasks, "Number of tasks");
  line.Add("cpus", &options.cpus, "CPUs of each task");
  line.Add("mem", &options.mem, "Memory of each task, in MB");
  line.Add("command", &options.command,
           "Shell command of each task (default: /bin/true, without a shell)");
  line.Add("checkpoint", &options.checkpoint, "The agent checkpoints the tasks");
  line.AddChoice("content_type", &content_type, {"protobuf", "json"},
                 "Encoding of calls and events: protobuf or json");
  const std::vector<std::string> words = line.Parse(argc, argv);
  const std::map<std::string, Driver::Mode> modes = {{"launch", Driver::Mode::kLaunch},
                                                     {"latency", Driver::Mode::kLatency},
                                                     {"reconcile", Driver::Mode::kReconcile}};
  const auto mode = words.size() == 1 ? modes.find(words.front()) : modes.end();
  if (mode == modes.end()) line.Refuse({"expected one of launch, latency, reconcile"});
  if (content_type == "json") options.content_type = ContentType::kJson;
  return Driver(options, mode->second, report).Run();
}

}  // namespace
}  // namespace tepui

int main(int argc, char** argv) { return tepui::Main(argc, argv); }
