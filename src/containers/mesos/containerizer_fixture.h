// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests that run real containers.

#include <dirent.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "base/random.h"
#include "base/testing/processes.h"
#include "base/testing/temporary_directory.h"
#include "containers/mesos/mesos_containerizer.h"
#include "containers/sandbox/local_disk.h"

namespace tepui::containers {

// A fetch that ends only when it is cancelled. For one fetch.
class HangingFetcher final : public Fetcher {
 public:
  void Fetch(const std::string&, const v1::CommandInfo&, const std::string&,
             const std::optional<shim::Launch::User>&,
             std::move_only_function<void(Status)> done) override {
    done_ = std::move(done);
    begun_.set_value();
  }
  void Cancel(const std::string&) override {
    done_(Fail(Code::kUnavailable, "The fetch was cancelled"));
  }
  void AwaitFetch() { begun_.get_future().wait(); }

 private:
  std::move_only_function<void(Status)> done_;
  std::promise<void> begun_;
};

class ContainerizerTest : public testing::Test {
 protected:
  static constexpr auto kPatience = std::chrono::seconds(30);

  void SetUp() override { Start({}); }

  void TearDown() override {
    if (containerizer_ == nullptr) return;
    for (const ContainerId& id : launched_) {
      loop_->Run([&] { containerizer_->Destroy(id); });
    }
    for (auto& [id, ended] : ended_) {
      EXPECT_EQ(ended.wait_for(kPatience), std::future_status::ready) << id;
    }
    Stop();
  }

  // Destroys the agent's side, as when the agent is killed; the containers stay.
  void Stop() {
    if (containerizer_ == nullptr) return;
    loop_->Run([&] { containerizer_.reset(); });
    loop_->Stop();
  }

  void Start(IsolationOptions isolation) {
    Stop();
    loop_ = std::make_unique<EventLoop>("agent");
    MesosContainerizer::Options options;
    options.isolation = std::move(isolation);
    options.runtime_dir = RuntimeDir();
    options.shim_timeout = shim_timeout_;
    options.destroy_timeout = destroy_timeout_;
    auto created = MesosContainerizer::Create(
        options, [loop = loop_.get()](auto work) { loop->Post(std::move(work)); }, fetcher_);
    ASSERT_TRUE(created) << created.error().message;
    containerizer_ = std::move(*created);
  }

  std::string RuntimeDir() const { return directory_.path() + "/run"; }

  LaunchSpec Spec(const std::string& shell_command) {
    LaunchSpec spec;
    spec.id = ContainerId(random_.Uuid());
    spec.command.set_value(shell_command);
    spec.sandbox = fmt::format("{}/{}", directory_.path(), spec.id);
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.resources = *Resources::Parse("cpus:0.1;mem:32");
    return spec;
  }

  Result<Launched> Launch(LaunchSpec spec) {
    ContainerId id = spec.id;
    auto promise = std::make_shared<std::promise<Result<Launched>>>();
    auto future = promise->get_future();
    auto ended = std::make_shared<std::promise<Termination>>();
    auto termination = ended->get_future().share();
    loop_->Post([this, id, spec = std::move(spec), promise, ended]() mutable {
      containerizer_->Launch(std::move(spec), [this, id, promise, ended](Result<Launched> result) {
        if (result) {
          containerizer_->Wait(id, [ended](Termination t) { ended->set_value(std::move(t)); });
        }
        promise->set_value(std::move(result));
      });
      containerizer_->Go(id);
    });
    if (future.wait_for(kPatience) != std::future_status::ready) {
      return Fail(Code::kInternal, "The launch has not been answered");
    }
    Result<Launched> result = future.get();
    if (result) {
      launched_.push_back(id);
      ended_.emplace_back(id, termination);
    }
    return result;
  }

  // Waits for the end of a container that was launched before.
  Termination Await(const ContainerId& id) {
    for (auto& [known, ended] : ended_) {
      if (known == id && ended.wait_for(kPatience) == std::future_status::ready) {
        return ended.get();
      }
    }
    ADD_FAILURE() << id << " has not ended";
    return {};
  }

  Termination Run(const LaunchSpec& spec) {
    Result<Launched> launched = Launch(spec);
    EXPECT_TRUE(launched) << launched.error().message;
    return launched ? Await(spec.id) : Termination();
  }

  // Returns the error message of a launch that fails.
  std::string Refusal(const LaunchSpec& spec) {
    Result<Launched> launched = Launch(spec);
    return launched ? "launched" : launched.error().message;
  }

  bool Signal(const ContainerId& id, int signal) {
    bool known = false;
    loop_->Run([&] { known = containerizer_->Signal(id, signal); });
    return known;
  }

  // Launches a container whose program waits for Go; `answer` gets the result.
  void LaunchHeld(LaunchSpec spec, std::promise<Result<Launched>>& answer) {
    loop_->Run([&] {
      containerizer_->Launch(std::move(spec),
                             [&](Result<Launched> result) { answer.set_value(std::move(result)); });
    });
  }

  void Destroy(const ContainerId& id) {
    loop_->Run([&] { containerizer_->Destroy(id); });
  }

  Result<ExecResult> Exec(const ContainerId& id, const v1::CommandInfo& command, Duration timeout) {
    std::promise<Result<ExecResult>> promise;
    loop_->Post([&] {
      containerizer_->Exec(id, command, timeout,
                           [&](Result<ExecResult> result) { promise.set_value(result); });
    });
    return promise.get_future().get();
  }

  Result<v1::ResourceStatistics> Usage(const ContainerId& id) {
    std::promise<Result<v1::ResourceStatistics>> promise;
    loop_->Post([&] {
      containerizer_->Usage(
          id, [&](Result<v1::ResourceStatistics> result) { promise.set_value(result); });
    });
    return promise.get_future().get();
  }

  static int ExitCode(const Termination& termination) {
    if (!termination.status || !WIFEXITED(*termination.status)) return -1;
    return WEXITSTATUS(*termination.status);
  }
  static int EndSignal(const Termination& termination) {
    if (!termination.status || !WIFSIGNALED(*termination.status)) return -1;
    return WTERMSIG(*termination.status);
  }

  // Returns the shim that holds the task: its parent.
  static int ShimOf(int pid) {
    std::string stat = Contents(fmt::format("/proc/{}/stat", pid));
    size_t paren = stat.rfind(')');
    if (paren == std::string::npos) return -1;
    return std::stoi(stat.substr(paren + 4));
  }

  SystemRandom random_;
  TemporaryDirectory directory_;
  HangingFetcher fetcher_;
  Duration shim_timeout_ = std::chrono::seconds(10);
  Duration destroy_timeout_ = std::chrono::seconds(30);
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<MesosContainerizer> containerizer_;
  std::vector<ContainerId> launched_;
  std::vector<std::pair<ContainerId, std::shared_future<Termination>>> ended_;
};

}  // namespace tepui::containers
