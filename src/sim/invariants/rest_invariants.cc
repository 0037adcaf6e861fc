// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/rest_invariants.h"

#include <algorithm>
#include <chrono>
#include <ranges>

#include "model/states.h"
#include "sim/nodes/scheduler_node.h"

namespace tepui::sim {

namespace {

// A framework reconciles its running tasks every kReconcileInterval.
constexpr Duration kLongestSilence = 2 * SchedulerNode::kReconcileInterval;

// Sizes of the histories of master and agent (reference 2.7).
constexpr size_t kCompletedFrameworks = 50;
constexpr size_t kCompletedExecutors = 150;
constexpr size_t kCompletedTasks = 200;
constexpr size_t kMasterCompletedTasks = 1000;
constexpr size_t kMasterUnreachableTasks = 1000;

std::string_view Name(v1::TaskState state) { return v1::TaskState_Name(state); }

}  // namespace

RestInvariants::RestInvariants(const RestPicture& picture, const TaskInvariants& tasks,
                               Findings& findings)
    : picture_(picture), tasks_(tasks), findings_(findings) {
  for (const Agent& agent : picture.agents) {
    for (const std::string& task : agent.programs) programs_.emplace(task, agent.host);
  }
  for (const Scheduler& scheduler : picture.schedulers) {
    if (scheduler.well_behaved && scheduler.running)
      well_behaved_frameworks_.insert(scheduler.framework);
  }
}

std::optional<std::string> RestInvariants::RunsOn(const std::string& task) const {
  const auto found = programs_.find(task);
  return found == programs_.end() ? std::nullopt : std::optional(found->second);
}

void RestInvariants::Check() {
  CheckRegistered();
  for (const Scheduler& scheduler : picture_.schedulers) {
    if (!scheduler.well_behaved || !scheduler.running) continue;
    for (const auto& [task, state] : scheduler.tasks) CheckBelief(scheduler, task, state);
  }
  CheckPrograms();
  CheckGone();
  CheckRemoved();
  CheckStatuses();
  CheckBounds();
}

// --- converged.

void RestInvariants::CheckRegistered() {
  if (!picture_.leader) return findings_.Report("converged", "No master leads");
  const RestPicture::Leader& leader = *picture_.leader;
  std::set<std::string> registered;
  for (const Agent& agent : picture_.agents) {
    if (!agent.running) continue;
    const auto as_led = leader.agents.find(agent.id);
    if (!agent.registered || as_led == leader.agents.end() || !as_led->second.connected) {
      findings_.Report("converged", "{} runs, but agent '{}' is not registered with {}", agent.host,
                       agent.id, leader.host);
      continue;
    }
    registered.insert(agent.id);
    CheckAgreement(agent, as_led->second);
  }
  for (const auto& [id, agent] : leader.agents) {
    if (!agent.connected || registered.contains(id)) continue;
    findings_.Report("converged", "{} takes agent {} for connected, but nobody is it", leader.host,
                     id);
  }
  for (const std::string& call : picture_.unanswered)
    findings_.Report("converged", "The operator has no answer to {}", call);
  for (const Scheduler& scheduler : picture_.schedulers) {
    if (!scheduler.well_behaved || !scheduler.running) continue;
    const auto as_led = leader.frameworks.find(scheduler.framework);
    if (scheduler.subscribed && as_led != leader.frameworks.end() && as_led->second.connected &&
        !as_led->second.completed) {
      continue;
    }
    findings_.Report("converged", "{} runs, but framework '{}' is not subscribed with {}",
                     scheduler.host, scheduler.framework, leader.host);
  }
}

void RestInvariants::CheckAgreement(const Agent& agent, const RestPicture::Leader::Agent& as_led) {
  for (const auto& [key, state] : agent.tasks) {
    const auto known = as_led.tasks.find(key);
    if (known == as_led.tasks.end()) {
      findings_.Report("converged",
                       "{} has task {} of framework {} as {}; the master does not know", agent.host,
                       key.second, key.first, Name(state));
    } else if (known->second != state) {
      findings_.Report("converged", "{} has task {} of framework {} as {}, the master as {}",
                       agent.host, key.second, key.first, Name(state), Name(known->second));
    }
  }
  for (const auto& [key, state] : as_led.tasks) {
    if (agent.tasks.contains(key)) continue;
    findings_.Report("converged",
                     "The master has task {} of framework {} as {} on {}, which has not",
                     key.second, key.first, Name(state), agent.host);
  }
  for (const auto& key : agent.executors) {
    if (as_led.executors.contains(key)) continue;
    findings_.Report("converged", "{} has executor {} of framework {}; the master does not know",
                     agent.host, key.second, key.first);
  }
  for (const auto& key : as_led.executors) {
    if (agent.executors.contains(key) || agent.idle_executors.contains(key)) continue;
    findings_.Report("converged", "The master has executor {} of framework {} on {}, which has not",
                     key.second, key.first, agent.host);
  }
  if (as_led.used == as_led.held) return;
  findings_.Report("converged",
                   "The master counts {} in use on {}; its tasks and executors hold {}",
                   as_led.used.ToString(), agent.host, as_led.held.ToString());
}

// --- nothing-forgotten and told-truth.

void RestInvariants::CheckBelief(const Scheduler& scheduler, const std::string& task,
                                 v1::TaskState state) {
  const auto runs_on = RunsOn(task);
  // UNKNOWN promises nothing, and the framework does not ask again; but a running task becomes
  // known again.
  if (model::IsTerminal(state) || state == v1::TASK_UNKNOWN) {
    if (runs_on) {
      findings_.Report("nothing-forgotten", "{} takes task {} for {}, but it runs on {}",
                       scheduler.host, task, Name(state), *runs_on);
    }
    return;
  }
  CheckHeard(scheduler, task, state);
  if (state != v1::TASK_UNREACHABLE) return CheckLiving(scheduler, task, state);

  const std::string agent = tasks_.AgentOf(task);
  if (picture_.standing(agent) == Registry::Standing::kUnreachable && !runs_on) return;
  findings_.Report("nothing-forgotten", "{} takes task {} for {}, but its agent {} is {}, and {}",
                   scheduler.host, task, Name(state), agent,
                   picture_.standing(agent) == Registry::Standing::kUnreachable ? "that" : "not",
                   runs_on ? "it runs on " + *runs_on : "it does not run");
}

void RestInvariants::CheckLiving(const Scheduler& scheduler, const std::string& task,
                                 v1::TaskState state) {
  const RestPicture::TaskKey key{scheduler.framework, task};
  const Agent* holder = nullptr;
  for (const Agent& agent : picture_.agents) {
    if (agent.running && agent.tasks.contains(key)) holder = &agent;
  }
  if (holder == nullptr) {
    return findings_.Report("nothing-forgotten", "{} takes task {} for {}, but no agent has it",
                            scheduler.host, task, Name(state));
  }
  if (holder->tasks.at(key) != state) {
    findings_.Report("nothing-forgotten", "{} takes task {} for {}, but {} has it as {}",
                     scheduler.host, task, Name(state), holder->host, Name(holder->tasks.at(key)));
  }
  const bool should_run = state == v1::TASK_RUNNING || state == v1::TASK_KILLING;
  if (should_run && !holder->programs.contains(task)) {
    findings_.Report("nothing-forgotten", "{} takes task {} for {}, but it does not run on {}",
                     scheduler.host, task, Name(state), holder->host);
  }
}

void RestInvariants::CheckHeard(const Scheduler& scheduler, const std::string& task,
                                v1::TaskState state) {
  if (!scheduler.subscribed) return;  // Reported separately.
  const auto word = tasks_.LastWord(task);
  if (!word || findings_.Now() - word->when > kLongestSilence) {
    return findings_.Report("told-truth", "{} asks for task {}, which it takes for {}, in vain",
                            scheduler.host, task, Name(state));
  }
  if (!word->answer) return;
  const auto runs_on = RunsOn(task);
  const bool says_runs = word->state == v1::TASK_RUNNING || word->state == v1::TASK_KILLING;
  const bool says_not = model::IsTerminal(word->state) || word->state == v1::TASK_UNREACHABLE ||
                        word->state == v1::TASK_UNKNOWN;
  if ((!says_runs || runs_on) && (!says_not || !runs_on)) return;
  findings_.Report("told-truth", "{} was answered {} for task {}, which {}", scheduler.host,
                   Name(word->state), task, runs_on ? "runs on " + *runs_on : "does not run");
}

// Running tasks that their framework believes to have ended were found above, if that framework is
// well-behaved.
void RestInvariants::CheckPrograms() {
  for (const auto& [task, host] : programs_) {
    const auto has_it = [&task](const Scheduler& scheduler) {
      return scheduler.tasks.contains(task);
    };
    if (std::ranges::none_of(picture_.schedulers, has_it)) {
      findings_.Report("nothing-forgotten", "Task {} runs on {}, and no framework has it", task,
                       host);
    } else if (!IsBelieved(task) && !AgentHas(host, task)) {
      findings_.Report("nothing-forgotten", "Task {} runs on {}, whose agent does not have it",
                       task, host);
    }
  }
}

bool RestInvariants::IsBelieved(const std::string& task) const {
  return std::ranges::any_of(picture_.schedulers, [&task](const Scheduler& scheduler) {
    return scheduler.well_behaved && scheduler.running && scheduler.tasks.contains(task);
  });
}

bool RestInvariants::AgentHas(const std::string& host, const std::string& task) const {
  const auto is_it = [&task](const auto& entry) { return entry.first.second == task; };
  return std::ranges::any_of(picture_.agents, [&](const Agent& agent) {
    return agent.host == host && (!agent.running || std::ranges::any_of(agent.tasks, is_it));
  });
}

// --- gone-stays-gone and removed-stays-removed.

void RestInvariants::CheckGone() {
  for (const Agent& agent : picture_.agents) {
    if (!agent.running || picture_.standing(agent.id) != Registry::Standing::kRemoved) continue;
    findings_.Report("gone-stays-gone", "{} runs as agent {}, which was removed", agent.host,
                     agent.id);
  }
}

void RestInvariants::CheckRemoved() {
  const auto check = [this](const std::string& host, const char* what, const auto& keys) {
    for (const auto& [framework, id] : keys) {
      if (!picture_.removed(framework)) continue;
      findings_.Report("removed-stays-removed", "{} has {} {} of framework {}, which was removed",
                       host, what, id, framework);
    }
  };
  for (const Agent& agent : picture_.agents) {
    check(agent.host, "task", std::views::keys(agent.tasks));
    check(agent.host, "executor", agent.executors);
    check(agent.host, "executor", agent.idle_executors);
  }
  if (!picture_.leader) return;
  const RestPicture::Leader& leader = *picture_.leader;
  for (const auto& [id, agent] : leader.agents) {
    check(leader.host, "task", std::views::keys(agent.tasks));
    check(leader.host, "executor", agent.executors);
  }
  for (const auto& [id, framework] : leader.frameworks) {
    if (framework.completed || !picture_.removed(id)) continue;
    findings_.Report("removed-stays-removed", "{} has framework {}, which was removed", leader.host,
                     id);
  }
}

// --- statuses-arrive.

void RestInvariants::CheckStatuses() {
  std::set<std::string> live;
  for (const Agent& agent : picture_.agents) {
    if (!agent.running) continue;
    live.insert(agent.host);
    for (const auto& [framework, task] : agent.unacknowledged) {
      if (!well_behaved_frameworks_.contains(framework)) continue;
      findings_.Report("statuses-arrive", "{} holds the end of task {} of framework {}", agent.host,
                       task, framework);
    }
  }
  for (const TaskInvariants::Held& held : tasks_.Unacknowledged()) {
    if (!live.contains(held.host) || !well_behaved_frameworks_.contains(held.framework)) continue;
    findings_.Report("statuses-arrive", "{} holds a status of task {} of framework {}", held.host,
                     held.task, held.framework);
  }
}

// --- bounded.

void RestInvariants::CheckBounds() {
  const auto check = [this](const std::string& whose, const char* what, size_t is, size_t most) {
    if (is > most) findings_.Report("bounded", "{} has {} {}, at most {}", whose, is, what, most);
  };
  check("A connection", "bytes in flight", picture_.most_in_flight_bytes, kMostInFlightBytes);
  for (const Agent& agent : picture_.agents) {
    check(agent.host, "completed frameworks", agent.completed_frameworks, kCompletedFrameworks);
    check(agent.host, "completed executors of a framework", agent.completed_executors,
          kCompletedExecutors);
    check(agent.host, "completed tasks of an executor", agent.completed_tasks, kCompletedTasks);
  }
  if (!picture_.leader) return;
  size_t completed = 0;
  for (const auto& [id, framework] : picture_.leader->frameworks) {
    completed += framework.completed;
    check(id, "completed tasks", framework.completed_tasks, kMasterCompletedTasks);
    check(id, "unreachable tasks", framework.unreachable_tasks, kMasterUnreachableTasks);
  }
  check(picture_.leader->host, "completed frameworks", completed, kCompletedFrameworks);
}

}  // namespace tepui::sim
