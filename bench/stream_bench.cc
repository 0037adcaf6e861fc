// SPDX-License-Identifier: Apache-2.0
// One event to many subscribers: the time of the encoder's thread for a batch that has an entry for
// each of them. `Shared` sends one object, as the master does; `Copies` sends an equal object to
// each, which is then encoded for each. The sinks drop the records.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "mesos/v1/master/master.pb.h"
#include "server/stream_table.h"

namespace tepui {
namespace {

using mesos::v1::master::Event;
using wire::ContentType;

class DroppingSink final : public web::EventSink {
 public:
  explicit DroppingSink(ContentType type) : type_(type) {}
  void Accept(std::move_only_function<void()>) override {}
  void Refuse(const Error&) override {}
  void Write(web::OutgoingEvent& event) override { benchmark::DoNotOptimize(event.Record(type_)); }
  void Close() override {}

 private:
  const ContentType type_;
};

// A task with what Mesos' benchmarks give to each (reference 12.1).
Event TaskAdded() {
  Event event;
  event.set_type(Event::TASK_ADDED);
  mesos::v1::Task& task = *event.mutable_task_added()->mutable_task();
  task.set_name("task");
  task.mutable_task_id()->set_value("0b1c3c5e-62a0-43d9-9b9c-6e7fd9e2a7b1");
  task.mutable_framework_id()->set_value("8d7b6a59-3e1f-4a5b-8c2d-000000000000-0000");
  task.mutable_agent_id()->set_value("8d7b6a59-3e1f-4a5b-8c2d-000000000000-S0");
  task.set_state(mesos::v1::TASK_STAGING);
  for (const auto& [name, value] : {std::pair("cpus", 0.1), std::pair("mem", 5.0)}) {
    mesos::v1::Resource& resource = *task.add_resources();
    resource.set_name(name);
    resource.set_type(mesos::v1::Value::SCALAR);
    resource.mutable_scalar()->set_value(value);
  }
  for (int i = 0; i < 10; ++i) {
    mesos::v1::Label& label = *task.mutable_labels()->add_labels();
    label.set_key(fmt::format("key{}", i));
    label.set_value(fmt::format("value{}", i));
  }
  return event;
}

void Send(benchmark::State& state, ContentType type, bool shared) {
  const Event event = TaskAdded();
  const auto one = std::make_shared<const Event>(event);
  server::StreamTable table([](server::StreamTable::StreamId) {});
  std::vector<server::StreamTable::Outgoing> batch;
  for (int64_t stream = 1; stream <= state.range(0); ++stream) {
    table.Open(stream, std::make_unique<DroppingSink>(type));
    table.Answer(stream, {});
    batch.push_back({static_cast<server::StreamTable::StreamId>(stream),
                     shared ? one : std::make_shared<const Event>(event)});
  }
  for (auto _ : state) table.Send(batch);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK_CAPTURE(Send, JsonCopies, ContentType::kJson, false)->Arg(1000);
BENCHMARK_CAPTURE(Send, JsonShared, ContentType::kJson, true)->Arg(1000);
BENCHMARK_CAPTURE(Send, ProtobufCopies, ContentType::kProtobuf, false)->Arg(1000);
BENCHMARK_CAPTURE(Send, ProtobufShared, ContentType::kProtobuf, true)->Arg(1000);

}  // namespace
}  // namespace tepui

BENCHMARK_MAIN();
