// SPDX-License-Identifier: Apache-2.0
// Cost of the stores of a registry and of an agent, in SQLite and in a ZooKeeper ensemble of three
// servers (Debian's, on this machine and its disk): a large registry is loaded, many agents are
// registered at once, commits per second. For comparison, the speed of the disk: writes of a
// record, each followed by fdatasync.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>

#include "agent/checkpoint/checkpoint.h"
#include "base/owner_thread.h"
#include "cluster.h"
#include "http_load.h"
#include "master/registry/store_registrar.h"
#include "report.h"
#include "server_process.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/zookeeper/zookeeper_store.h"
#include "zookeeper/test_server.h"

namespace tepui::bench {
namespace {

using storage::Store;

std::vector<v1::AgentInfo> MakeAgents(int count) {
  const Subscriptions subscriptions({.tasks_per_agent = 0});
  std::vector<v1::AgentInfo> agents;
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    subscriptions.Write(i, &bytes);
    link::Calls calls;
    if (!calls.ParseFromString(bytes)) Die("The agents' calls do not parse");
    v1::AgentInfo& info = agents.emplace_back(calls.calls(0).subscribe().info());
    // The resources and attributes of an ordinary agent.
    info.clear_resources();
    for (const auto& [name, value] :
         {std::pair("cpus", 20.0), {"mem", 10240.0}, {"disk", 512'000.0}})
      SetScalar(name, value, info.add_resources());
    v1::Resource* const ports = info.add_resources();
    ports->set_name("ports");
    ports->set_type(v1::Value::RANGES);
    v1::Value::Range* const range = ports->mutable_ranges()->add_range();
    range->set_begin(31'000);
    range->set_end(32'000);
    for (const auto& [name, value] : {std::pair("rack", "rack-17"), {"os", "debian-12"}}) {
      v1::Attribute* const attribute = info.add_attributes();
      attribute->set_name(name);
      attribute->set_type(v1::Value::TEXT);
      attribute->mutable_text()->set_value(value);
    }
  }
  return agents;
}

// A place for stores, each named by a number.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Store> Open(int number, OwnerThread& owner) = 0;
};

class SqlitePlace final : public Place {
 public:
  explicit SqlitePlace(std::string directory) : directory_(std::move(directory)) {}
  std::unique_ptr<Store> Open(int number, OwnerThread& owner) override {
    auto store = storage::SqliteStore::Open(fmt::format("{}/{}.db", directory_, number),
                                            storage::Access::kWrite, owner.poster());
    if (!store) Die(store.error().message);
    return std::move(*store);
  }

 private:
  const std::string directory_;
};

class ZooKeeperPlace final : public Place {
 public:
  explicit ZooKeeperPlace(std::vector<std::string> java_options)
      : ensemble_(WithMemory(std::move(java_options))) {}
  std::unique_ptr<Store> Open(int number, OwnerThread& owner) override {
    return std::make_unique<storage::ZooKeeperStore>(
        zookeeper::ParseAddress(ensemble_.address(fmt::format("/bench{}", number))).value(),
        storage::Access::kWrite, storage::ZooKeeperStore::Options{}, owner.loop(), owner.poster());
  }

 private:
  // Half of what ZooKeeper's scripts give a server: it keeps its last 500 changes in memory.
  static std::vector<std::string> WithMemory(std::vector<std::string> java_options) {
    java_options.emplace_back("-Xmx500m");
    return java_options;
  }

  zookeeper::TestEnsemble ensemble_;
};

// A store that has been opened and taken over.
class Writer {
 public:
  Writer(Place& place, int number) {
    owner_.loop().Run([&] { store_ = place.Open(number, owner_); });
    const auto epoch =
        owner_.Await<Result<uint64_t>>([this](auto done) { store_->Fence(std::move(done)); });
    if (!epoch) Die(epoch.error().message);
  }
  ~Writer() {
    owner_.loop().Run([this] {
      registrar_.reset();
      store_.reset();
    });
  }

  size_t Recover() {
    const auto registry = owner_.Await<Result<master::RecoveredRegistry>>(
        [this](auto done) { master::StoreRegistrar::Recover(*store_, std::move(done)); });
    if (!registry) Die(registry.error().message);
    return registry->agents.size();
  }
  // Admits all agents at once; returns when the last is written.
  void Admit(const std::vector<v1::AgentInfo>& agents) {
    std::promise<void> done;
    size_t left = agents.size();
    owner_.loop().Run([&] {
      registrar_ =
          std::make_unique<master::StoreRegistrar>(*store_, owner_.loop(), std::chrono::minutes(10),
                                                   [](const Error& why) { Die(why.message); });
      for (const v1::AgentInfo& agent : agents) {
        registrar_->Commit(master::change::PutAgent{agent}, [&](Status status) {
          if (!status) Die(status.error().message);
          if (--left == 0) done.set_value();
        });
      }
    });
    done.get_future().wait();
  }
  // Makes `count` commits, of which `waiting` are always in flight.
  void Commit(int count, int waiting, const std::string& value) {
    std::promise<void> done;
    int begun = 0;
    int ended = 0;
    std::function<void()> next = [&] {
      const int number = begun++;
      store_->Commit({{.key = fmt::format("bench/{}", number % 1000), .value = value}},
                     [&](Status status) {
                       if (!status) Die(status.error().message);
                       if (begun < count) next();
                       if (++ended == count) done.set_value();
                     });
    };
    owner_.loop().Run([&] {
      while (begun < waiting) next();
    });
    done.get_future().wait();
  }

 private:
  OwnerThread owner_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<master::StoreRegistrar> registrar_;
};

struct Sizes {
  int loaded = 50'000;
  int registered = 10'000;
  int commits = 2'000;
};

// From nothing to a leader that has its registry: open, take over, read, parse.
void MeasureLoad(const Report& report, const std::string& name, Place& place, const Sizes& sizes) {
  const std::vector<v1::AgentInfo> agents = MakeAgents(sizes.loaded);
  Writer(place, 0).Admit(agents);
  report.Repeat(
      {.name = fmt::format("{} load {} agents", name, sizes.loaded), .unit = "s", .values = {}},
      [&](Measurement* measurement) {
        const auto begin = SteadyClock::now();
        Writer writer(place, 0);
        const double opened = SecondsSince(begin);
        if (writer.Recover() != agents.size()) Die("Some agents are missing");
        measurement->facts = {{"open_and_fence_s", opened},
                              {"record_bytes", static_cast<double>(agents.front().ByteSizeLong())}};
        return SecondsSince(begin);
      });
}

void MeasureWrites(const Report& report, const std::string& name, Place& place,
                   const Sizes& sizes) {
  int number = 0;
  const std::string record = MakeAgents(1).front().SerializeAsString();
  const std::vector<v1::AgentInfo> registered = MakeAgents(sizes.registered);
  report.Repeat({.name = fmt::format("{} register {} agents at once", name, sizes.registered),
                 .unit = "s",
                 .values = {}},
                [&](Measurement*) {
                  Writer writer(place, ++number);
                  if (writer.Recover() != 0) Die("The registry is not empty");
                  const auto begin = SteadyClock::now();
                  writer.Admit(registered);
                  return SecondsSince(begin);
                });
  // Uses the loaded registry, so existing records are replaced by others of the same size.
  report.Repeat({.name = fmt::format("{} register {} of {} agents at once", name, sizes.registered,
                                     sizes.loaded),
                 .unit = "s",
                 .values = {}},
                [&](Measurement*) {
                  Writer writer(place, 0);
                  writer.Recover();
                  const auto begin = SteadyClock::now();
                  writer.Admit(registered);
                  return SecondsSince(begin);
                });
  for (const int waiting : {1, 10, 100}) {
    report.Repeat({.name = fmt::format("{} commits, {} at a time", name, waiting),
                   .unit = "1/s",
                   .values = {}},
                  [&](Measurement*) {
                    Writer writer(place, ++number);
                    const int count = sizes.commits * (waiting == 1 ? 1 : 5);
                    const auto begin = SteadyClock::now();
                    writer.Commit(count, waiting, record);
                    return count / SecondsSince(begin);
                  });
  }
}

// What an agent does for each status of a checkpointed task: writes it, sends it, writes its
// acknowledgement. `tasks` tasks do so at a time.
void MeasureCheckpoint(const Report& report, SqlitePlace& place, int statuses, int tasks) {
  int number = 1'000'000 + tasks;
  report.Repeat(
      {.name = fmt::format("agent: statuses saved and acknowledged, {} tasks at a time", tasks),
       .unit = "1/s",
       .values = {}},
      [&](Measurement*) {
        OwnerThread owner;
        std::unique_ptr<Store> store;
        std::unique_ptr<agent::Checkpoint> checkpoint;
        owner.loop().Run([&] { store = place.Open(++number * 1000, owner); });
        const auto epoch =
            owner.Await<Result<uint64_t>>([&](auto done) { store->Fence(std::move(done)); });
        if (!epoch) Die(epoch.error().message);

        v1::TaskStatus status;
        status.mutable_task_id()->set_value("task-0123456789abcdef");
        status.mutable_agent_id()->set_value("0123456789abcdef-0123456789abcdef-S1");
        status.set_state(v1::TASK_RUNNING);
        status.set_uuid(std::string(16, 'u'));
        status.set_message(std::string(60, 'm'));
        std::promise<void> done;
        int begun = 0;
        int ended = 0;
        std::function<void(agent::TaskKey)> next = [&](agent::TaskKey key) {
          if (begun == statuses) return;
          ++begun;
          const uint64_t at = checkpoint->AddStatus(key, status);
          checkpoint->WhenSaved([&, key, at] {
            checkpoint->AcknowledgeStatus(key, at, status, 64);
            checkpoint->WhenSaved([&, key] {
              if (++ended == statuses) return done.set_value();
              next(key);
            });
          });
        };
        const auto begin = SteadyClock::now();
        owner.loop().Run([&] {
          checkpoint = std::make_unique<agent::Checkpoint>(
              *store, [](const Error& why) { Die(why.message); });
          for (int i = 0; i < tasks; ++i) next({ContainerId(fmt::format("container-{}", i)), 1});
        });
        done.get_future().wait();
        const double seconds = SecondsSince(begin);
        owner.loop().Run([&] {
          checkpoint.reset();
          store.reset();
        });
        return statuses / seconds;
      });
}

// The lowest possible cost of a durable commit of a record on this machine.
void MeasureDisk(const Report& report, const std::string& directory, const Sizes& sizes) {
  const std::string record = MakeAgents(1).front().SerializeAsString();
  const std::string path = directory + "/bare";
  report.Repeat({.name = "disk: append a record, fdatasync", .unit = "1/s", .values = {}},
                [&](Measurement*) {
                  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                  const auto begin = SteadyClock::now();
                  for (int i = 0; i < sizes.commits; ++i) {
                    if (write(fd, record.data(), record.size()) < 0 || fdatasync(fd) != 0)
                      Die("Cannot write");
                  }
                  const double seconds = SecondsSince(begin);
                  close(fd);
                  return sizes.commits / seconds;
                });
}

int Main(int argc, char** argv) {
  CommandLine line("storage_bench",
                   "Measures the stores that can hold a registry, and the disk below them.");
  Report report("storage_bench");
  report.DeclareFlags(&line, 3);
  Sizes sizes;
  std::string parent = "/var/tmp";
  line.AddNumber("loaded", &sizes.loaded, 1, 99'999,
                 "Number of agents in the registry that is loaded");
  line.AddNumber("registered", &sizes.registered, 1, 99'999,
                 "Number of agents that register at once");
  line.AddNumber("commits", &sizes.commits, 1, 1'000'000,
                 "Number of commits one by one; five times as many are made in parallel");
  line.Add("directory", &parent, "Directory on the disk to measure; ZooKeeper uses /tmp");
  line.Parse(argc, argv);

  QuietLog();
  std::string directory = parent + "/tepui-storage-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) Die("Cannot create a directory in " + parent);
  MeasureDisk(report, directory, sizes);
  SqlitePlace sqlite(directory);
  MeasureLoad(report, "sqlite", sqlite, sizes);
  MeasureWrites(report, "sqlite", sqlite, sizes);
  for (const int tasks : {1, 100, 1'000}) {
    MeasureCheckpoint(report, sqlite, sizes.commits * (tasks == 1 ? 1 : 10), tasks);
  }
  std::filesystem::remove_all(directory);
  {
    ZooKeeperPlace zookeeper({});
    MeasureLoad(report, "zookeeper", zookeeper, sizes);
    MeasureWrites(report, "zookeeper", zookeeper, sizes);
  }
  // With ZooKeeper's defaults each request passes through five threads of a server; here through
  // two.
  ZooKeeperPlace zookeeper({"-Dzookeeper.commitProcessor.numWorkerThreads=0",
                            "-Dzookeeper.nio.numWorkerThreads=0",
                            "-Dzookeeper.nio.numSelectorThreads=1"});
  MeasureLoad(report, "zookeeper without worker threads", zookeeper, sizes);
  return 0;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) { return tepui::bench::Main(argc, argv); }
