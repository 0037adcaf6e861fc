// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "allocator/allocator.h"
#include "base/result.h"
#include "master/core/master.h"
#include "master/core/removal.h"
#include "master/membership/membership.h"
#include "master/records/records.h"
#include "master/view/metrics.h"
#include "master/view/publisher.h"

namespace tepui::master {

using SchedulerCall = ::mesos::v1::scheduler::Call;
using SchedulerEvent = ::mesos::v1::scheduler::Event;

// Names an operator in logs: "an operator", or with the principal if it is known.
std::string OperatorName(const security::Caller& caller);

// The state machine itself. It is one class, since every event may touch frameworks, agents and the
// records between them. Its methods are divided over files by subject:
//   master.cc           construction, entry of the public methods, common helpers
//   frameworks.cc       subscription, failover, update, disconnection, end
//   scheduler_calls.cc  who may make which call; the small calls
//   offers.cc           making, returning and rescinding offers
//   accept.cc           ACCEPT: operations applied in order to the offered resources
//   operations.cc       outcomes and acknowledgements of operations
//   tasks.cc            task table, statuses, acknowledgements, kills
//   reconcile.cc        RECONCILE and RECONCILE_OPERATIONS
//   agent_subscribe.cc  agents that register or come back
//   agent_adoption.cc   what they run, added to the master's records or compared with them
//   agent_protocol.cc   calls of subscribed agents
//   agents.cc           pings, disconnection
//   membership.cc       which agents leave when; gone agents; registry pruning
//   removal.cc          the one way out of the cluster
//
// Invariants, after every public method (invariants.cc checks them):
//   - an offer's framework is active and its agent connected;
//   - the resources of a task, executor or operation are in Agent::used and Framework::used exactly
//     while it holds them, and the allocator counts the same;
//   - the framework of each task, executor and offer of an agent is in Agent::frameworks, and
//     nothing else is;
//   - the agents here are those that are admitted in Membership, which also says whether they are
//     connected; all but those that leave are pinged.
class Master::Impl {
 public:
  Impl(Options options, RecoveredRegistry registry, Clock& clock, Random& random, Links& links,
       Registrar& registrar, ReadModelSink& sink);

  void OnSchedulerSubscribe(StreamId stream, const std::string& stream_uuid,
                            const security::Caller& caller, const SchedulerCall& call, Reply reply);
  void OnSchedulerCall(const std::optional<std::string>& stream_uuid,
                       const security::Caller& caller, const SchedulerCall& call, Reply reply);
  void OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                        link::Call::Subscribe subscribe, Reply reply);
  void OnAgentCalls(const std::string& stream_uuid, const link::Calls& calls, Reply reply);
  void OnStreamClosed(StreamId stream);
  void Teardown(const security::Caller& caller, const FrameworkId& id, Reply reply);
  void MarkAgentGone(const security::Caller& caller, const AgentId& id, Reply reply);
  void WhenPublished(Publisher::Then then) { publisher_.WhenPublished(std::move(then)); }
  Status CheckInvariants() const;

 private:
  using Standing = Membership::Standing;

  // An agent's subscription while the registrar writes it.
  struct Subscription {
    StreamId stream = 0;
    std::string stream_uuid;
    link::Call::Subscribe message;
    Resources total;
    Reply reply;
    bool closed = false;  // The peer has disconnected meanwhile.
  };
  using SubscriptionPtr = std::shared_ptr<Subscription>;

  // An ACCEPT in progress.
  struct Acceptance {
    Framework& framework;
    Agent& agent;
    const std::string role;
    const Resources offered;
    Resources remaining;
    // Volumes that this ACCEPT grows or shrinks: not usable before the agent has done so.
    Resources resized;
    // Shared volumes may be used by any number of tasks, so using one does not take it away.
    Resources shared;
  };

  // --- invariants.cc
  Status CheckMembership() const;

  // --- master.cc
  void RecoverRegistry(RecoveredRegistry registry);
  void WriteMetrics(const Gauges& gauges, Metrics* out) const;
  Framework* FindFramework(const FrameworkId& id);
  Agent* FindAgent(const std::string& id);
  void Send(Framework& framework, std::shared_ptr<const SchedulerEvent> event);
  void Send(Agent& agent, link::Event event);
  void Send(Agent& agent, std::shared_ptr<const link::Event> event);
  void Count(Counter counter) { counters_.Add(counter); }
  // The call has no effect; `why` goes to the log.
  void Drop(const Framework& framework, std::string_view call, const std::string& why);

  // --- frameworks.cc
  void Refuse(StreamId stream, const std::string& why, Reply reply);
  bool IsCompleted(const FrameworkId& id) const;
  FrameworkId NewFrameworkId();
  Framework& AddFramework(const v1::FrameworkInfo& info,
                          const std::vector<std::string>& suppressed_roles);
  Result<Framework*> ResubscribingFramework(v1::FrameworkInfo* info,
                                            const std::vector<std::string>& suppressed_roles);
  void UpdateInfo(Framework& framework, const v1::FrameworkInfo& info,
                  const std::vector<std::string>& suppressed_roles);
  // An UPDATE_FRAMEWORK event with the framework's current info.
  std::shared_ptr<const link::Event> UpdateEvent(Framework& framework) const;
  void SendUpdateToAgents(Framework& framework);
  void Connect(Framework& framework, StreamId stream, const std::string& stream_uuid);
  void Heartbeat(Framework& framework);
  void Disconnect(Framework& framework);
  // Wait before a change that the registry refused is tried again.
  static constexpr Duration kRegistryRetry = std::chrono::seconds(10);
  static Duration FailoverTimeout(const Framework& framework);
  // Removes the framework if it has not come back after `wait`; retries if the registry refuses.
  void RemoveAfter(Framework& framework, Duration wait);
  // Removes the framework once the registry has recorded that; `reply` gets the result.
  void RemoveDurably(Framework& framework, std::string why, Reply reply);
  void RemoveFramework(Framework& framework, std::string_view why);
  void EndTasks(Framework& framework);
  Status UpdateFramework(Framework& framework, const SchedulerCall::UpdateFramework& update,
                         const security::Caller& caller);

  // --- scheduler_calls.cc
  Result<Framework*> CallingFramework(const std::optional<std::string>& stream_uuid,
                                      const security::Caller& caller, const SchedulerCall& call);
  Status Handle(Framework& framework, const security::Caller& caller, const SchedulerCall& call);
  Result<std::vector<std::string>> OwnRoles(
      const Framework& framework,
      const google::protobuf::RepeatedPtrField<std::string>& roles) const;
  void Revive(Framework& framework, const SchedulerCall::Revive& revive);
  void Suppress(Framework& framework, const SchedulerCall::Suppress& suppress);
  void ShutdownExecutor(Framework& framework, const SchedulerCall::Shutdown& shutdown);
  void MessageExecutor(Framework& framework, const SchedulerCall::Message& message);

  // --- offers.cc
  void OnAllocation(std::vector<allocator::Offer> allocation);
  bool MayOffer(const Framework* framework, const Agent* agent) const;
  void AddOffer(Framework& framework, Agent& agent, allocator::Offer&& allocation,
                SchedulerEvent::Offers* out);
  // The offer ends; its resources stay allocated to the framework.
  void EraseOffer(Offer& offer);
  // The offer ends and its resources are free again.
  void ReturnOffer(Offer& offer, const std::optional<v1::Filters>& filters);
  void RescindOffer(Offer& offer);
  void RescindOffers(Agent& agent);
  Result<std::vector<Offer*>> OffersToAccept(const Framework& framework,
                                             const SchedulerCall::Accept& accept);
  void Decline(Framework& framework, const SchedulerCall::Decline& decline);
  void AnswerInverseOffers(Framework& framework, std::string_view call,
                           const google::protobuf::RepeatedPtrField<v1::OfferID>& ids);

  // --- accept.cc
  void Accept(Framework& framework, const SchedulerCall::Accept& accept);
  void RejectAccept(Framework& framework, const SchedulerCall::Accept& accept,
                    v1::TaskStatus::Reason reason, const std::string& why);
  void CountAccept(const SchedulerCall::Accept& accept);
  Status Validate(const Acceptance& acceptance, const v1::Offer::Operation& operation) const;
  void Perform(Acceptance& acceptance, v1::Offer::Operation operation);
  void Launch(Acceptance& acceptance, v1::TaskInfo task);
  void LaunchGroup(Acceptance& acceptance, v1::Offer::Operation::LaunchGroup launch);
  Status PrepareTask(Acceptance& acceptance, v1::TaskInfo* task);
  Status PrepareExecutor(Acceptance& acceptance, v1::ExecutorInfo* executor);
  Resources Available(const Acceptance& acceptance) const;
  // Takes `resources` out of those that remain; returns false, and takes none, if any is missing.
  bool Take(Acceptance& acceptance, const Resources& resources);
  void Convert(Acceptance& acceptance, v1::Offer::Operation operation);
  Status TryConvert(Acceptance& acceptance, v1::Offer::Operation* operation);
  void ReturnRemainder(Acceptance& acceptance, const v1::Filters& filters);
  void FailTask(Framework& framework, const v1::TaskInfo& task, v1::TaskState state,
                v1::TaskStatus::Reason reason, const std::string& why);
  void FailOperation(Framework& framework, const v1::Offer::Operation& operation,
                     v1::OperationState state, const std::string& why);

  // --- operations.cc
  void Apply(Framework& framework, Agent& agent, v1::Offer::Operation operation, Resources consumed,
             Resources converted);
  Operation& AddOperation(Framework* framework, Agent& agent, v1::Operation message);
  // Links operations to `framework` that agents reported before the master knew the framework.
  void LinkOperations(Framework& framework);
  void RemoveOperation(Operation& operation);
  void OnOperationUpdate(Agent& agent, const link::Call::OperationUpdate& update);
  void UpdateOperation(Operation& operation, const v1::OperationStatus& status);
  void Revert(Operation& operation);
  void SendOperationStatus(Framework& framework, v1::OperationStatus status);
  void AcknowledgeForFramework(Operation& operation, const v1::OperationStatus& status);
  void AcknowledgeOperation(Framework& framework,
                            const SchedulerCall::AcknowledgeOperationStatus& acknowledge);
  void EndOperations(Agent& agent, v1::OperationState state, std::string_view why);

  // --- tasks.cc
  // Returns null, and changes nothing, if the framework has a task of that id.
  Task* AddTask(Framework& framework, Agent& agent, v1::Task message, Resources resources);
  Executor& AddExecutor(Framework& framework, Agent& agent, const v1::ExecutorInfo& info,
                        Resources resources);
  void RemoveExecutor(Executor& executor);
  Executor* FindExecutor(Agent& agent, const FrameworkId& framework, const std::string& id);
  void Hold(Framework& framework, Agent& agent, const Resources& resources);
  void Release(Framework& framework, Agent& agent, const Resources& resources);
  void Associate(Framework& framework, Agent& agent);
  void OnStatusUpdate(Agent& agent, const link::Call::StatusUpdate& update);
  void UpdateTask(Task& task, const v1::TaskStatus& status, v1::TaskState latest);
  void SendStatus(Framework& framework, v1::TaskStatus status);
  void CountEnd(const v1::TaskStatus& status);
  // These two detach the task from its agent and move it into the history or among the unreachable.
  void MoveToHistory(Task& task);
  void MakeUnreachable(Task& task);
  // Completes a task that was taken out of the unreachable. It gets the state of `end`, unless its
  // state is terminal already (TASK_LOST was sent).
  void EndUnreachable(Framework& framework, UnreachableTasks::Message lost,
                      const v1::TaskStatus& end);
  void AddCompleted(Framework& framework, std::shared_ptr<const v1::Task> message);
  void DetachTask(Task& task);
  void Acknowledge(Framework& framework, const SchedulerCall::Acknowledge& acknowledge);
  void Kill(Framework& framework, const SchedulerCall::Kill& kill);
  void SendKill(Task& task, const v1::KillPolicy* policy);

  // --- reconcile.cc
  void Reconcile(Framework& framework, const SchedulerCall::Reconcile& reconcile);
  void ReconcileTask(Framework& framework, const SchedulerCall::Reconcile::Task& asked, double now);
  void SendReconciled(Framework& framework, const v1::Task& task, double now);
  void ReconcileOperations(Framework& framework,
                           const SchedulerCall::ReconcileOperations& reconcile);
  v1::OperationStatus UnknownOperation(const SchedulerCall::ReconcileOperations::Operation& asked);

  // --- agent_subscribe.cc
  Status CheckPlace(const v1::AgentInfo& info) const;
  void RefuseAgent(Subscription& subscription, link::Event::Type type, const std::string& why);
  void Register(SubscriptionPtr subscription);
  void Reregister(SubscriptionPtr subscription);
  AgentId NewAgentId();
  void ReplaceAgentAt(const std::string& pid);
  // Handles the registrar's answer. Returns true if the agent is to be admitted now; otherwise the
  // subscription has been answered with an error.
  bool ConfirmAdmission(Subscription& subscription, const Status& status);
  // These admit a new agent, one that comes back to a master without a record of what it runs, and
  // one that the master has a record of.
  void Admit(Subscription& subscription);
  void Readmit(Subscription& subscription);
  void Reconnect(Agent& agent, Subscription& subscription);
  Agent& AddAgent(const Subscription& subscription);
  void Describe(Agent& agent, const Subscription& subscription);
  void OpenStream(Agent& agent, Subscription& subscription);
  allocator::AgentSpec SpecOf(const Agent& agent) const;

  // --- agent_adoption.cc
  // Adds the frameworks that the master does not know yet.
  void AdoptFrameworks(const link::Call::Subscribe& subscribe);
  // Sends the agent the current info of each framework that it reports, or orders it to end one
  // that was removed.
  void SendFrameworks(Agent& agent, const link::Call::Subscribe& subscribe);
  // Adds what the agent runs to the master's records; moves the tasks out of the message. Unless
  // `announce` is null, the frameworks are sent a status of each task with that message.
  void AdoptRunning(Agent& agent, link::Call::Subscribe& subscribe, const char* announce);
  // These two return null if they add nothing.
  Task* AdoptTask(Agent& agent, v1::Task message);
  Executor* AdoptExecutor(Agent& agent, const link::Call::Executor& reported);
  void AdoptOperation(Agent& agent, const v1::Operation& message);
  // Moves the agent's completed tasks out of the message, to be read with those of other agents.
  void AdoptHistory(link::Call::Subscribe& subscribe);
  void ReadHistories();
  void ReadHistory(Framework& framework);
  // Removes those of these tasks that are still unreachable: their agent came back without them, or
  // is forgotten.
  void ForgetTasks(const Membership::Tasks& unreachable);
  // These compare the report of a known agent with the master's records.
  void CompareTasks(Agent& agent, const link::Call::Subscribe& subscribe);
  void CompareExecutors(Agent& agent, const link::Call::Subscribe& subscribe);
  void CompareOperations(Agent& agent, const link::Call::Subscribe& subscribe);

  // --- agent_protocol.cc
  Agent* FindAgentByStream(const std::string& stream_uuid);
  void Handle(Agent& agent, const link::Call& call);
  void OnExecutorMessage(Agent& agent, const link::Call::ExecutorMessage& message);
  void OnExecutorExited(Agent& agent, const link::Call::ExecutorExited& exited);

  // --- agents.cc
  void StartPings(Agent& agent);
  void PingTick(Agent& agent);
  void Disconnect(Agent& agent);
  // Stops everything that would make the agent unreachable.
  void StopWatching(Agent& agent);

  // --- membership.cc
  // Marks the agent unreachable when its turn comes (RemovalLimiter), unless it answers before.
  void ScheduleUnreachable(Agent& agent, const std::string& why);
  void CancelUnreachable(const AgentId& id);
  void MarkUnreachable(const AgentId& id, const std::string& why);
  // Marks the agents that did not come back after a failover unreachable, each in its turn. If they
  // are too many, the master ends instead.
  void ScheduleMissing();
  void ScheduleMissingLater();
  void MarkMissingUnreachable(const AgentId& id);
  // Removes the agent for good, unless it leaves already.
  void RemoveAgent(Agent& agent, Counter reason, const std::string& why);
  void PruneRegistry();
  std::vector<FrameworkId> RemovedFrameworksToPrune(WallTime now) const;
  void OnPruned(const change::Prune& pruned);

  // --- removal.cc
  // Begins to remove a recovered, admitted or unreachable agent about which the registry does not
  // write; an admitted one may be about to be admitted with new info. It stays as it is until the
  // registrar answers, but nothing is offered of it. `reply`, unless null, gets the answer after it
  // took effect.
  void BeginRemoval(const AgentId& id, Removal removal, Reply reply = nullptr);
  void CompleteRemoval(const AgentId& id, const Removal& removal);
  // The agent stays, because the registry refused its removal with `error`.
  void AbandonRemoval(const AgentId& id, const Removal& removal, const Error& error);
  void CountRemoval(const Removal& removal, bool live);
  // Ends what the agent runs and removes its record. Returns the tasks that became unreachable.
  Membership::Tasks RemoveLive(Agent& agent, const Removal& removal);
  Membership::Tasks LoseTasks(Agent& agent, const Removal& removal, const std::string& why);
  void LoseUnreachable(const AgentId& id, const Membership::Tasks& tasks, const Removal& removal);
  void EraseAgent(Agent& agent);
  // Sends all frameworks the FAILURE of the agent.
  void AnnounceLoss(const AgentId& id);
  // Returns the id, with the hostname if that is known.
  std::string NameForLog(const AgentId& id) const;

  const Options options_;
  Clock& clock_;
  Random& random_;
  Links& links_;
  Registrar& registrar_;
  const MonotonicTime started_;

  Counters counters_;
  Publisher publisher_;
  allocator::Allocator allocator_;

  // Agents are declared before frameworks, so that the frameworks' tasks are destroyed first.
  std::unordered_map<AgentId, std::unique_ptr<Agent>> agents_;
  std::unordered_map<std::string, Agent*> agents_by_stream_uuid_;
  std::unordered_map<StreamId, Agent*> agents_by_stream_;
  std::unordered_map<std::string, Agent*> agents_by_pid_;  // The last agent of each.
  uint64_t next_agent_ = 0;

  std::unordered_map<FrameworkId, std::unique_ptr<Framework>> frameworks_;
  std::unordered_map<StreamId, Framework*> frameworks_by_stream_;
  uint64_t next_framework_ = 0;
  // Completed frameworks that the read model still holds, oldest first.
  std::deque<FrameworkId> completed_;
  // Removed frameworks, mirrored from the registry, oldest first. Bounded like gone agents.
  std::unordered_set<FrameworkId> removed_;
  std::deque<std::pair<WallTime, FrameworkId>> removed_order_;

  std::unordered_map<OfferId, std::unique_ptr<Offer>> offers_;
  uint64_t next_offer_ = 0;

  // Subscriptions that wait for the registrar, by stream.
  std::unordered_map<StreamId, SubscriptionPtr> subscribing_;
  Membership membership_;       // Where each agent stands.
  size_t registry_agents_ = 0;  // Admitted agents in the registry when this master started.
  bool pruning_ = false;
  RemovalLimiter removals_;
  Timer recovery_timer_, prune_timer_;
  // Frameworks with a reported_history, which is read when history_timer_ fires.
  std::set<FrameworkId> unread_histories_;
  Timer history_timer_;

  Lifetime lifetime_;  // For callbacks of the registrar.
};

}  // namespace tepui::master
