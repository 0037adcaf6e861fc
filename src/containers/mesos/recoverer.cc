// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/recoverer.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "containers/isolators/posix_isolators.h"

namespace tepui::containers {
namespace {

using Answer = ShimProcess::Attached::Answer;

constexpr auto kAbandonTimeout = std::chrono::seconds(1);

// Returns whether `ids` contains a container nested in `id`: one whose name begins with `id` and a
// dot.
bool HasNested(const ContainerId& id, const std::set<ContainerId>& ids) {
  const std::string prefix = id.value() + ".";
  const auto next = ids.lower_bound(ContainerId(prefix));
  return next != ids.end() && next->value().starts_with(prefix);
}

// If it was not recorded that the task started, the shim knows whether it did.
bool Holds(const shim::Welcome& shim, const Launched& process) {
  if (process.pid == 0) return shim.task_pid != 0;
  return shim.task_pid == process.pid && shim.task_start_ticks == process.start_ticks;
}

Error OtherVersion(const ContainerId& id, const shim::Welcome& welcome) {
  return {Code::kInvalid,
          fmt::format("Container {} is held by a shim that speaks versions {} to {} of its "
                      "protocol, and this agent speaks {} to {}; run the build of Tepui that "
                      "started it, or a later one",
                      id, welcome.oldest, welcome.newest, shim::kOldestVersion, shim::kVersion)};
}

}  // namespace

void LogStuck(const ContainerId& id, const std::vector<pid_t>& pids) {
  if (pids.empty()) return;
  spdlog::error(
      "Container {} does not end: SIGKILL does not end its processes {}. They wait in the kernel, "
      "most likely for a disk or a network file system; /proc/{}/stack says where. Give them what "
      "they wait for, or restart the machine. Until they are gone the container counts as running",
      id, fmt::join(pids, ", "), pids.front());
}

Recoverer::Recoverer(Launcher& launcher, Launcher::Parts parts, Duration shim_timeout,
                     Duration destroy_timeout)
    : launcher_(launcher),
      parts_(std::move(parts)),
      shim_timeout_(shim_timeout),
      destroy_timeout_(destroy_timeout) {}

Result<std::vector<Recoverer::Orphan>> Recoverer::FindOrphans(
    const std::set<ContainerId>& claimed) {
  const Result<std::vector<ContainerId>> known = parts_.runtime->List();
  if (!known) return Fail(known.error());
  std::set<ContainerId> found(known->begin(), known->end());
  for (const ContainerId& id : parts_.isolation->Found()) {
    // A cgroup of a container without a directory may exist only for nested containers.
    if (!HasNested(id, claimed)) found.insert(id);
  }
  std::vector<Orphan> orphans;
  for (const ContainerId& id : found) {
    if (!claimed.contains(id)) orphans.push_back({id, HasNested(id, claimed)});
  }
  return orphans;
}

Recoverer::Outcome Recoverer::Recover(LaunchPlan& plan, const Launched& process) {
  const ContainerId& id = plan.id();
  const Result<ShimProcess::Attached> attached =
      ShimProcess::Attach(*parts_.runtime, id, shim_timeout_);
  if (attached && attached->answer == Answer::kWelcome && Holds(attached->welcome, process)) {
    launcher_.Readopt(plan);
    return Running{attached->shim,
                   {attached->welcome.task_pid, attached->welcome.task_start_ticks,
                    attached->shim->pid(), attached->shim->start_ticks(), parts_.boot_id}};
  }
  if (attached && attached->answer == Answer::kOtherVersion) {
    return OtherVersion(id, attached->welcome);
  }
  if (!attached && attached.error().code == Code::kUnavailable) return attached.error();
  if (attached && !EndShim(id, *attached)) return Surviving{attached->shim};
  if (NeverRan(id, process)) {
    (void)launcher_.CleanUp(id, process, std::nullopt);
    const Status removed = parts_.runtime->Remove(id);
    if (!removed) spdlog::error("{}", removed.error().message);
    return NotStarted{};
  }
  const char* why_unknown = "The task's shim ended before the task";
  if (attached) why_unknown = "The task's shim did not answer as the task's, and was killed";
  if (process.boot_id != parts_.boot_id) {
    why_unknown = "The machine was started anew since the task was";
  }
  return launcher_.CleanUp(id, process, std::nullopt).ToTermination(why_unknown);
}

// The marks that say so are gone after a new start of the machine. To be called when the shim is
// gone.
bool Recoverer::NeverRan(const ContainerId& id, const Launched& process) const {
  return process.pid == 0 && process.boot_id == parts_.boot_id && !parts_.runtime->MayHaveRun(id);
}

// Returns false if the shim is still alive, because a process below it survives or the shim cannot
// be killed itself.
bool Recoverer::EndShim(const ContainerId& id, const ShimProcess::Attached& attached) {
  if (attached.answer == Answer::kWelcome) {
    attached.shim->Kill();
    if (attached.shim->AwaitGone(destroy_timeout_)) return true;
  }
  // A shim that hangs does not reap either, so the processes below it keep their pids until it is
  // gone.
  const std::vector<pid_t> left = KillProcessesBelow(attached.shim->pid(), kAbandonTimeout);
  LogStuck(id, left);
  if (!left.empty()) return false;
  if (attached.shim->AwaitGone(kAbandonTimeout)) return true;
  attached.shim->Abandon();
  return attached.shim->AwaitGone(kAbandonTimeout);
}

Recoverer::Destroyed Recoverer::Destroy(const Orphan& orphan) {
  const ContainerId& id = orphan.id;
  Destroyed destroyed;
  const Result<ShimProcess::Attached> attached =
      ShimProcess::Attach(*parts_.runtime, id, shim_timeout_);
  destroyed.existed = attached || !parts_.runtime->ReadStatus(id);
  if (destroyed.existed) spdlog::info("Destroying container {}: nobody claims it", id);
  bool gone = attached ? EndShim(id, *attached) : attached.error().code == Code::kNotFound;
  // The cgroups of a container with claimed nested ones contain theirs, so they must stay.
  if (attached && !gone && !orphan.has_nested) {
    destroyed.survivor = attached->shim;
    destroyed.process = {attached->welcome.task_pid, attached->welcome.task_start_ticks,
                         attached->shim->pid(), attached->shim->start_ticks(), parts_.boot_id};
    return destroyed;
  }
  if (!orphan.has_nested) {
    const Status cleaned = parts_.isolation->Cleanup(id);
    if (!cleaned) spdlog::error("{}", cleaned.error().message);
    gone = gone && cleaned;
  }
  // The directory of a container that could not be ended stays, so that it is found after the next
  // restart.
  const Status removed = gone ? parts_.runtime->Remove(id) : Status();
  if (!gone) spdlog::error("Something of container {} cannot be ended", id);
  if (!removed) spdlog::error("{}", removed.error().message);
  return destroyed;
}

}  // namespace tepui::containers
