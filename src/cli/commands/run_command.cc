// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <queue>
#include <utility>

#include "base/event_loop.h"
#include "base/log.h"
#include "cli/commands/command.h"
#include "cli/flags/run_flags.h"
#include "cli/servers/signals.h"
#include "frameworks/run/files_client.h"
#include "frameworks/run/output_tail.h"
#include "frameworks/run/run_scheduler.h"
#include "net/http.h"
#include "tepui/scheduler.h"

namespace tepui::cli {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;

// Limits for reading the rest of the output, and for the master to accept the teardown.
constexpr Duration kDrainTime = std::chrono::seconds(3);
constexpr Duration kTeardownTime = std::chrono::seconds(2);

void WriteTo(FILE* file, std::string_view data) {
  fwrite(data.data(), 1, data.size(), file);
  fflush(file);
}

// One run: the scheduler library, the framework's core and the tails of its output on a loop;
// signals on the calling thread.
class RunSession {
 public:
  // Status lines go to `status_file`.
  RunSession(frameworks::RunPlan plan, FILE* status_file)
      : status_file_(status_file), plan_(std::move(plan)) {}

  ~RunSession() {
    library_.reset();
    io_.Stop();
    loop_.Run([this] {
      tails_.clear();
      scheduler_.reset();
    });
    loop_.Stop();
  }

  int Run();

 private:
  void StartScheduler();
  void Follow(const std::vector<frameworks::TaskOutput>& outputs);
  void Follow(const frameworks::TaskOutput& output, const char* file, FILE* target);
  void Finish(int code, std::optional<Call> teardown);
  void End();

  SignalWait signals_;
  FILE* const status_file_;
  const frameworks::RunPlan plan_;
  net::IoThreads io_{1};
  EventLoop loop_{"run"};
  // This and the next three members are used on the loop's thread only.
  frameworks::FilesClient files_{io_, loop_};
  std::unique_ptr<frameworks::RunScheduler> scheduler_;
  std::vector<std::unique_ptr<frameworks::OutputTail>> tails_;
  size_t draining_ = 0;
  // Written on the loop before it wakes the calling thread, which reads them then.
  int code_ = kFailure;
  std::optional<Call> teardown_;
  bool ended_ = false;  // Used on the loop's thread only.
  std::unique_ptr<scheduler::Mesos> library_;
};

int RunSession::Run() {
  // Runs on the loop, so that the work posted by the library's first callbacks runs after library_
  // is set.
  std::string failure;
  loop_.Run([this, &failure] {
    auto library = scheduler::Mesos::Create(
        plan_.master, plan_.content_type,
        [this] { loop_.Post([this] { scheduler_->OnConnected(); }); },
        [this] { loop_.Post([this] { scheduler_->OnDisconnected(); }); },
        [this](const std::queue<Event>& events) {
          loop_.Post([this, events = std::queue<Event>(events)]() mutable {
            for (; !events.empty(); events.pop()) scheduler_->OnEvent(events.front());
          });
        },
        plan_.credential);
    if (library) {
      library_ = std::move(*library);
      StartScheduler();
    } else {
      failure = std::move(library.error());
    }
  });
  if (library_ == nullptr) {
    fmt::print(stderr, "{}\n", failure);
    return kUsageError;
  }

  while (signals_.Wait().value_or(0) != 0) loop_.Post([this] { scheduler_->OnInterrupt(); });
  // The last acknowledgement must be sent before the teardown.
  if (teardown_) library_->Call(*teardown_).wait_for(kTeardownTime);
  return code_;
}

void RunSession::StartScheduler() {
  frameworks::RunScheduler::Effects effects;
  effects.send = [this](const Call& call) { library_->Send(call); };
  effects.tell = [this](const std::string& line) { WriteTo(status_file_, line + "\n"); };
  effects.follow = [this](const std::vector<frameworks::TaskOutput>& outputs) { Follow(outputs); };
  effects.finish = [this](int code, std::optional<Call> teardown) {
    Finish(code, std::move(teardown));
  };
  scheduler_ = std::make_unique<frameworks::RunScheduler>(plan_, loop_, std::move(effects));
  scheduler_->Start();
}

void RunSession::Follow(const std::vector<frameworks::TaskOutput>& outputs) {
  for (const frameworks::TaskOutput& output : outputs) {
    Follow(output, "stdout", stdout);
    Follow(output, "stderr", stderr);
  }
}

void RunSession::Follow(const frameworks::TaskOutput& output, const char* file, FILE* target) {
  frameworks::OutputTail::Effects effects;
  effects.read = [this, agent = output.agent](const std::string& path, int64_t offset,
                                              uint64_t length,
                                              frameworks::OutputTail::ReadCallback callback) {
    files_.Read(agent, path, offset, length, std::move(callback));
  };
  effects.write = [target](std::string_view data) { WriteTo(target, data); };
  tails_.push_back(std::make_unique<frameworks::OutputTail>(
      fmt::format("{}/{}", output.directory, file), loop_, std::move(effects)));
  tails_.back()->Start();
}

void RunSession::Finish(int code, std::optional<Call> teardown) {
  code_ = code;
  teardown_ = std::move(teardown);
  draining_ = tails_.size();
  if (draining_ == 0) return End();
  loop_.After(kDrainTime, [this] { End(); });
  for (const auto& tail : tails_) {
    tail->Drain([this] {
      if (--draining_ == 0) End();
    });
  }
}

void RunSession::End() {
  if (!std::exchange(ended_, true)) signals_.Wake();
}

std::string UserName() {
  if (const passwd* entry = getpwuid(geteuid()); entry != nullptr) return entry->pw_name;
  const char* user = std::getenv("USER");
  return user != nullptr && *user != '\0' ? user : "nobody";
}

}  // namespace

int RunCommand(const Invocation& invocation) {
  RunFlags flags;
  // Like mesos-execute, it does not read the environment: inside a task that contains the MESOS_*
  // of an executor.
  FlagTable table(
      {.program = invocation.program,
       .purpose = "Runs a command, or a task or task group written out as JSON, on a cluster; "
                  "shows its state and its output, and exits with its status. Ctrl-C kills it.",
       .arguments = "[--] [program arguments...]",
       .environment_prefix = ""});
  DeclareRunFlags(&table, &flags);
  FlagResult parsed = table.Parse(invocation.words, {});
  if (const auto answered = AnswerQuestions(table, parsed)) return *answered;
  std::vector<std::string> problems = std::move(parsed.problems);
  frameworks::RunPlan plan = ToRunPlan(flags, parsed.arguments, UserName(), &problems);
  if (!problems.empty()) return ReportProblems(invocation.program, problems);

  if (const Status log =
          SetUpLog({.level = "WARNING", .quiet = false, .directory = "", .program = "tepui-run"});
      !log) {
    return ReportProblems(invocation.program, {log.error().message});
  }
  for (const std::string& warning : parsed.warnings) spdlog::warn(warning);
  // Only the task's output goes to stdout, so that it can be piped; mesos-execute also prints its
  // status lines there.
  FILE* const status_file = invocation.program == "mesos-execute" ? stdout : stderr;
  return RunSession(std::move(plan), status_file).Run();
}

}  // namespace tepui::cli
