// SPDX-License-Identifier: Apache-2.0
// ACCEPT: applies its operations in order to the resources of its offers (reference 2.3-2.5).

#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "master/rules/resource_form.h"
#include "master/rules/validation.h"
#include "model/task.h"

namespace tepui::master {

namespace {

using OperationInfo = v1::Offer::Operation;

// The tasks of a LAUNCH or LAUNCH_GROUP; null for other operations.
const google::protobuf::RepeatedPtrField<v1::TaskInfo>* TasksOf(const OperationInfo& operation) {
  switch (operation.type()) {
    case OperationInfo::LAUNCH:
      return &operation.launch().task_infos();
    case OperationInfo::LAUNCH_GROUP:
      return &operation.launch_group().task_group().tasks();
    default:
      return nullptr;
  }
}

// Sets the type of a check written before checks had types, by the field that is set.
void InferType(v1::HealthCheck* check) {
  if (check->has_type()) return;
  if (check->has_command() && !check->has_http()) check->set_type(v1::HealthCheck::COMMAND);
  if (check->has_http() && !check->has_command()) check->set_type(v1::HealthCheck::HTTP);
}

Result<Resources> SumOf(const google::protobuf::RepeatedPtrField<v1::TaskInfo>& tasks,
                        std::vector<Resources>* each) {
  Resources sum;
  for (const v1::TaskInfo& task : tasks) {
    Result<Resources> resources = Resources::FromProto(task.resources());
    if (!resources) return resources;
    sum += *resources;
    each->push_back(std::move(*resources));
  }
  return sum;
}

}  // namespace

void Master::Impl::CountAccept(const SchedulerCall::Accept& accept) {
  for (const OperationInfo& operation : accept.operations()) {
    if (operation.type() != OperationInfo::LAUNCH) continue;
    // An empty LAUNCH is the legacy way to decline an offer.
    Count(operation.launch().task_infos().empty() ? Counter::kMessagesDeclineOffers
                                                  : Counter::kMessagesLaunchTasks);
  }
}

void Master::Impl::Accept(Framework& framework, const SchedulerCall::Accept& accept) {
  CountAccept(accept);
  const Result<std::vector<Offer*>> offers = OffersToAccept(framework, accept);
  if (!offers) {
    return RejectAccept(framework, accept, v1::TaskStatus::REASON_INVALID_OFFERS,
                        "Invalid offers: " + offers.error().message);
  }
  Agent& agent = *offers->front()->agent;
  if (membership_.IsLeaving(agent.id)) {
    return RejectAccept(framework, accept, v1::TaskStatus::REASON_AGENT_REMOVED,
                        fmt::format("Agent {} is being removed", agent.id));
  }
  std::string role = offers->front()->role;
  Resources offered;
  for (Offer* offer : *offers) {
    offered += offer->resources;
    EraseOffer(*offer);
  }
  framework.counters.offers_accepted += offers->size();

  Acceptance acceptance{.framework = framework,
                        .agent = agent,
                        .role = std::move(role),
                        .offered = offered,
                        .remaining = offered,
                        .resized = {},
                        .shared = offered.Shared()};
  for (const OperationInfo& operation : accept.operations()) Perform(acceptance, operation);
  ReturnRemainder(acceptance, accept.filters());
}

void Master::Impl::RejectAccept(Framework& framework, const SchedulerCall::Accept& accept,
                                v1::TaskStatus::Reason reason, const std::string& why) {
  for (const v1::OfferID& id : accept.offer_ids()) {
    const auto it = offers_.find(OfferId(id.value()));
    if (it != offers_.end() && it->second->framework == &framework)
      ReturnOffer(*it->second, std::nullopt);
  }
  for (const OperationInfo& operation : accept.operations()) {
    const auto* tasks = TasksOf(operation);
    if (tasks == nullptr) {
      FailOperation(framework, operation, v1::OPERATION_DROPPED, why);
      continue;
    }
    for (const v1::TaskInfo& task : *tasks) {
      FailTask(framework, task, StateFor(framework, v1::TASK_DROPPED), reason, why);
    }
  }
}

void Master::Impl::Perform(Acceptance& acceptance, OperationInfo operation) {
  ++acceptance.framework.counters.operations[operation.type()];
  switch (operation.type()) {
    case OperationInfo::LAUNCH:
    case OperationInfo::LAUNCH_GROUP:
      break;
    case OperationInfo::UNKNOWN:
      return Drop(acceptance.framework, "an operation",
                  "it has no type, or one that this master does not know");
    default:
      return Convert(acceptance, std::move(operation));
  }
  if (Status valid = Validate(acceptance, operation); !valid) {
    const bool group = operation.type() == OperationInfo::LAUNCH_GROUP;
    for (const v1::TaskInfo& task : *TasksOf(operation)) {
      FailTask(
          acceptance.framework, task, v1::TASK_ERROR,
          group ? v1::TaskStatus::REASON_TASK_GROUP_INVALID : v1::TaskStatus::REASON_TASK_INVALID,
          valid.error().message);
    }
    return;
  }
  if (operation.type() == OperationInfo::LAUNCH_GROUP) {
    return LaunchGroup(acceptance, std::move(*operation.mutable_launch_group()));
  }
  for (v1::TaskInfo& task : *operation.mutable_launch()->mutable_task_infos())
    Launch(acceptance, std::move(task));
}

Status Master::Impl::Validate(const Acceptance& acceptance, const OperationInfo& operation) const {
  const v1::FrameworkInfo& info = acceptance.framework.info;
  const std::optional<std::string> principal =
      info.has_principal() ? std::optional(info.principal()) : std::nullopt;
  const Resources used_volumes = acceptance.agent.used.PersistentVolumes();
  const validation::OperationContext context{.framework = info,
                                             .agent = acceptance.agent.info,
                                             .agent_capabilities = acceptance.agent.capabilities,
                                             .offered = acceptance.remaining,
                                             .principal = principal,
                                             .used_volumes = used_volumes,
                                             .agent_total = acceptance.agent.total};
  return validation::ValidateOperation(operation, context);
}

Status Master::Impl::PrepareExecutor(Acceptance& acceptance, v1::ExecutorInfo* executor) {
  if (!executor->has_framework_id()) {
    executor->mutable_framework_id()->set_value(acceptance.framework.id.value());
  }
  return Normalize(executor->mutable_resources(), acceptance.role);
}

Status Master::Impl::PrepareTask(Acceptance& acceptance, v1::TaskInfo* task) {
  if (task->has_health_check()) InferType(task->mutable_health_check());
  if (task->has_executor()) {
    if (Status status = PrepareExecutor(acceptance, task->mutable_executor()); !status)
      return status;
  }
  return Normalize(task->mutable_resources(), acceptance.role);
}

Resources Master::Impl::Available(const Acceptance& acceptance) const {
  if (acceptance.shared.empty()) return acceptance.remaining;
  return acceptance.remaining.NonShared() + acceptance.shared;
}

bool Master::Impl::Take(Acceptance& acceptance, const Resources& resources) {
  if (!Available(acceptance).Contains(resources)) return false;
  if (!acceptance.shared.empty()) {
    // An earlier task took this shared volume already; the allocator must count one more use.
    const Resources additional = resources.Shared() - acceptance.remaining.Shared();
    if (!additional.empty())
      allocator_.Allocate(acceptance.framework.id, acceptance.agent.id, additional);
  }
  acceptance.remaining -= resources;
  return true;
}

namespace {

// What validation needs to know about where a task is launched.
struct Place {
  Framework& framework;
  Agent& agent;
  Resources available;

  std::optional<bool> SharesCgroups(const ExecutorId& id) const {
    for (const Task* task : agent.tasks) {
      const v1::Task& message = *task->message;
      if (task->framework != &framework || message.executor_id().value() != id.value()) continue;
      if (IsTerminal(message.state())) continue;
      return validation::SharesCgroups(message.has_container() ? &message.container() : nullptr);
    }
    return std::nullopt;
  }

  validation::TaskContext Context() const {
    return {.framework = framework.info,
            .agent = agent.info,
            .agent_capabilities = agent.capabilities,
            .offered = available,
            .task_id_taken =
                [this](const TaskId& id) {
                  return framework.tasks.contains(id) || framework.unreachable.Contains(id);
                },
            .running_executor = [this](const ExecutorId& id) -> const v1::ExecutorInfo* {
              const auto it = agent.executors.find({framework.id, id});
              return it == agent.executors.end() ? nullptr : &it->second.info;
            },
            .executor_shares_cgroups = [this](const ExecutorId& id) { return SharesCgroups(id); }};
  }
};

}  // namespace

void Master::Impl::Launch(Acceptance& acceptance, v1::TaskInfo task) {
  auto& [framework, agent, role, offered, remaining, resized, shared] = acceptance;
  const auto fail = [&](const std::string& why) {
    FailTask(framework, task, v1::TASK_ERROR, v1::TaskStatus::REASON_TASK_INVALID, why);
  };
  if (Status status = PrepareTask(acceptance, &task); !status) return fail(status.error().message);
  const Place place{framework, agent, Available(acceptance)};
  if (Status valid = validation::ValidateTask(task, place.Context()); !valid)
    return fail(valid.error().message);
  Result<Resources> resources = Resources::FromProto(task.resources());
  Result<Resources> executor_resources = Resources::FromProto(task.executor().resources());
  if (!resources) return fail(resources.error().message);
  if (!executor_resources) return fail(executor_resources.error().message);

  const bool new_executor =
      task.has_executor() &&
      FindExecutor(agent, framework.id, task.executor().executor_id().value()) == nullptr;
  const bool costs_executor = new_executor && !TEPUI_PLANTED_FAULT("executor-not-counted");
  const Resources consumed = costs_executor ? *resources + *executor_resources : *resources;
  if (!Take(acceptance, consumed)) {
    return fail(fmt::format("Task uses {}, more than the offers still hold: {}",
                            consumed.ToString(), place.available.ToString()));
  }
  const v1::ExecutorInfo* executor = task.has_executor() ? &task.executor() : nullptr;
  if (new_executor) AddExecutor(framework, agent, *executor, std::move(*executor_resources));
  AddTask(framework, agent, model::MakeTask(task, executor, framework.id), std::move(*resources));

  link::Event event;
  event.set_type(link::Event::RUN_TASK);
  link::Event::RunTask& run = *event.mutable_run_task();
  *run.mutable_framework_info() = framework.info;
  // A command task always starts an executor of its own.
  run.set_launch_executor(new_executor || executor == nullptr);
  *run.mutable_task() = std::move(task);
  if (!agent.resource_version.empty()) run.set_resource_version_uuid(agent.resource_version);
  Send(agent, std::move(event));
}

void Master::Impl::LaunchGroup(Acceptance& acceptance, OperationInfo::LaunchGroup launch) {
  auto& [framework, agent, role, offered, remaining, resized, shared] = acceptance;
  // One invalid task fails the whole group (reference 2.5: delivered atomically).
  const auto fail = [&](const std::string& why) {
    for (const v1::TaskInfo& task : launch.task_group().tasks()) {
      FailTask(framework, task, v1::TASK_ERROR, v1::TaskStatus::REASON_TASK_GROUP_INVALID, why);
    }
  };
  auto& tasks = *launch.mutable_task_group()->mutable_tasks();
  v1::ExecutorInfo& executor = *launch.mutable_executor();
  if (Status status = PrepareExecutor(acceptance, &executor); !status)
    return fail(status.error().message);
  for (v1::TaskInfo& task : tasks) {
    if (Status status = PrepareTask(acceptance, &task); !status)
      return fail(status.error().message);
  }
  const Place place{framework, agent, Available(acceptance)};
  if (Status valid = validation::ValidateTaskGroup(launch.task_group(), executor, place.Context());
      !valid) {
    return fail(valid.error().message);
  }
  std::vector<Resources> each;
  Result<Resources> sum = SumOf(tasks, &each);
  Result<Resources> executor_resources = Resources::FromProto(executor.resources());
  if (!sum) return fail(sum.error().message);
  if (!executor_resources) return fail(executor_resources.error().message);

  const bool new_executor =
      FindExecutor(agent, framework.id, executor.executor_id().value()) == nullptr;
  if (new_executor) *sum += *executor_resources;
  if (!Take(acceptance, *sum)) {
    return fail(fmt::format("Task group uses {}, more than the offers still hold: {}",
                            sum->ToString(), place.available.ToString()));
  }
  if (new_executor) AddExecutor(framework, agent, executor, std::move(*executor_resources));
  for (int i = 0; i < tasks.size(); ++i) {
    AddTask(framework, agent, model::MakeTask(tasks[i], &executor, framework.id),
            std::move(each[i]));
  }

  link::Event event;
  event.set_type(link::Event::RUN_TASK_GROUP);
  link::Event::RunTaskGroup& run = *event.mutable_run_task_group();
  *run.mutable_framework_info() = framework.info;
  *run.mutable_executor() = std::move(executor);
  *run.mutable_task_group() = std::move(*launch.mutable_task_group());
  run.set_launch_executor(new_executor);
  if (!agent.resource_version.empty()) run.set_resource_version_uuid(agent.resource_version);
  Send(agent, std::move(event));
}

void Master::Impl::Convert(Acceptance& acceptance, OperationInfo operation) {
  if (Status status = TryConvert(acceptance, &operation); !status) {
    FailOperation(acceptance.framework, operation, v1::OPERATION_ERROR,
                  fmt::format("{}; on agent {}", status.error().message, acceptance.agent.id));
  }
}

Status Master::Impl::TryConvert(Acceptance& acceptance, OperationInfo* operation) {
  auto& [framework, agent, role, offered, remaining, resized, shared] = acceptance;
  if (operation->has_id() && framework.operations_by_id.contains(operation->id().value())) {
    return Fail(Code::kInvalid,
                "Operation id '{}' is in use: acknowledge the end of that operation first",
                operation->id().value());
  }
  if (Status status = Normalize(operation, role); !status) return status;
  if (Status valid = Validate(acceptance, *operation); !valid) return valid;
  Result<Resources> after = remaining.Apply(*operation);
  if (!after) return Fail(after.error());

  Resources consumed = remaining - *after;
  Resources converted = *after - remaining;
  remaining = std::move(*after);
  const bool resizes = operation->type() == OperationInfo::GROW_VOLUME ||
                       operation->type() == OperationInfo::SHRINK_VOLUME;
  if (resizes) {
    remaining -= converted;
    resized += converted;
  }
  shared -= consumed.Shared();
  if (!resizes) shared += converted.Shared();
  allocator_.Convert(framework.id, agent.id, consumed, converted);
  consumed.Unallocate();
  converted.Unallocate();
  Apply(framework, agent, std::move(*operation), std::move(consumed), std::move(converted));
  return {};
}

void Master::Impl::ReturnRemainder(Acceptance& acceptance, const v1::Filters& filters) {
  auto& [framework, agent, role, offered, remaining, resized, shared] = acceptance;
  // Resources that operations made are offered again at once. Offered resources that were not used
  // are filtered as the framework asked.
  const Resources fresh = remaining + resized - offered;
  const Resources declined = remaining - fresh;
  if (!fresh.empty()) allocator_.Release(framework.id, agent.id, fresh, std::nullopt);
  if (!declined.empty()) allocator_.Release(framework.id, agent.id, declined, filters);
}

void Master::Impl::FailTask(Framework& framework, const v1::TaskInfo& task, v1::TaskState state,
                            v1::TaskStatus::Reason reason, const std::string& why) {
  v1::TaskStatus status = MasterStatus(task.task_id().value(), task.agent_id().value(), state,
                                       reason, why, clock_.WallNow());
  spdlog::info("Task {} of framework {} ends before it starts: {}", task.task_id().value(),
               framework.id, why);
  CountEnd(status);
  SendStatus(framework, std::move(status));
}

void Master::Impl::FailOperation(Framework& framework, const OperationInfo& operation,
                                 v1::OperationState state, const std::string& why) {
  spdlog::warn("Refusing {} of framework {}: {}", OperationInfo::Type_Name(operation.type()),
               framework.id, why);
  counters_.OperationEnters(operation.type(), state);
  if (!operation.has_id()) return;
  v1::OperationStatus status;
  *status.mutable_operation_id() = operation.id();
  status.set_state(state);
  status.set_message(why);
  SendOperationStatus(framework, std::move(status));
}

}  // namespace tepui::master
