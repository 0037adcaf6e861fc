// SPDX-License-Identifier: Apache-2.0
// The resource algebra: the benchmarks that Mesos has for its own (reference 12.1), and the most
// frequent operations of the allocator.
#include <benchmark/benchmark.h>

#include "resources/resources.h"

namespace tepui {
namespace {

Resources Parsed(const std::string& text) {
  auto resources = Resources::Parse(text);
  if (!resources) std::abort();
  return *std::move(resources);
}

Resources FourScalars() { return Parsed("cpus:1;gpus:1;mem:128;disk:256"); }

// Each resource is reserved dynamically with a label of its own, so that no two can be summed.
Resources UniqueReservations(int count) {
  Resources out;
  const Resources cpus = Parsed("cpus:1");
  for (int i = 0; i < count; ++i) {
    v1::Resource::ReservationInfo reservation;
    reservation.set_type(v1::Resource::ReservationInfo::DYNAMIC);
    reservation.set_role("role");
    auto* label = reservation.mutable_labels()->add_labels();
    label->set_key("key");
    label->set_value(std::to_string(i));
    out += *cpus.PushReservation(reservation);
  }
  return out;
}

// A message of the same resources: received resources share no metadata with those that are held.
Resources Strange(const Resources& resources) {
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  resources.ToProto(&protos);
  return *Resources::FromProto(protos);
}

std::string Fragments(int count, int from) {
  std::string text = "ports:[";
  for (int i = 0; i < count; ++i) {
    const int begin = from + i * 4;
    text += (i == 0 ? "" : ",") + std::to_string(begin) + "-" + std::to_string(begin + 1);
  }
  return text + "]";
}

void SumAndDifference(benchmark::State& state, const Resources& resources) {
  Resources total = FourScalars() + resources;
  const Resources other = Strange(resources);
  for (auto _ : state) {
    total += other;
    total -= other;
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * 2);
  state.SetLabel("sizeof(Resource) = " + std::to_string(sizeof(Resource)) +
                 "; an item is one += or -=");
}
BENCHMARK_CAPTURE(SumAndDifference, FourScalars, FourScalars());
BENCHMARK_CAPTURE(SumAndDifference, UniqueReservations1000, UniqueReservations(1000));

void SumCopying(benchmark::State& state) {
  const Resources total = FourScalars() + FourScalars();
  const Resources other = FourScalars();
  for (auto _ : state) benchmark::DoNotOptimize(total + other);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SumCopying);

// An offer takes from an agent a copy of its free resources, allocated to a role.
void CopyAndAllocate(benchmark::State& state) {
  const Resources free = Parsed("cpus:16;mem:65536;disk:1000000;ports:[31000-32000]");
  for (auto _ : state) {
    Resources offer = free;
    offer.Allocate("engineering/web");
    benchmark::DoNotOptimize(offer);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CopyAndAllocate);

void FilterUnreserved(benchmark::State& state) {
  const Resources resources = Parsed("cpus:1;cpus(a):1;gpus:1;mem:128;mem(a):128;disk:256");
  for (auto _ : state) benchmark::DoNotOptimize(resources.Unreserved());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FilterUnreserved);

void Contains(benchmark::State& state, const Resources& whole, const Resources& part) {
  const Resources other = Strange(part);
  bool contained = true;
  for (auto _ : state) benchmark::DoNotOptimize(contained &= whole.Contains(other));
  if (!contained) state.SkipWithError("not contained");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(Contains, FourScalars, FourScalars() + FourScalars(), FourScalars());
BENCHMARK_CAPTURE(Contains, UniqueReservations1000, UniqueReservations(1000),
                  UniqueReservations(1000));
BENCHMARK_CAPTURE(Contains, Ports8000Fragments, Parsed(Fragments(8000, 1)),
                  Parsed(Fragments(8000, 1)));
BENCHMARK_CAPTURE(Contains, TwoPortsIn8000Fragments, Parsed(Fragments(8000, 1)),
                  Parsed("ports:[20001-20001,31001-31002]"));

// Ranges of which half overlap.
void RangesSumAndDifference(benchmark::State& state) {
  const int count = static_cast<int>(state.range(0));
  const Resources a = Parsed(Fragments(count, 1));
  const Resources b = Parsed(Fragments(count, 1 + count * 2));
  for (auto _ : state) {
    Resources total = a;
    total += b;
    total -= b;
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(RangesSumAndDifference)->Arg(10)->Arg(100)->Arg(1000);

void Parse100(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "resource-" + std::to_string(i) + "(role):" + std::to_string(i) + ".5;";
  for (auto _ : state) benchmark::DoNotOptimize(Resources::Parse(text));
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(Parse100);

// Parses the resources of a task, as every LAUNCH does.
void FromMessage(benchmark::State& state) {
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  Parsed("cpus:0.5;mem:128;ports:[31000-31001]")
      .ToProto(&protos, Resources::Format::kPreReservationRefinement);
  for (auto _ : state) benchmark::DoNotOptimize(Resources::FromProto(protos));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FromMessage);

void ToMessage(benchmark::State& state) {
  Resources resources = Parsed("cpus:0.5;mem:128;ports:[31000-31001]");
  resources.Allocate("role");
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  for (auto _ : state) {
    resources.ToProto(&protos);
    benchmark::DoNotOptimize(protos);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ToMessage);

void ScalarQuantities(benchmark::State& state) {
  const Resources resources =
      Parsed("cpus:1;cpus(a):1;gpus:1;mem:128;mem(a):128;disk:256;ports:[1-2]");
  for (auto _ : state) benchmark::DoNotOptimize(resources.ScalarQuantities());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ScalarQuantities);

}  // namespace
}  // namespace tepui

BENCHMARK_MAIN();
