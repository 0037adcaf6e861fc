// SPDX-License-Identifier: Apache-2.0
#include "api/v0/master_json.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/v0/v0_json.h"
#include "base/seconds.h"

namespace tepui::api {

namespace {

using master::AgentRecord;
using master::FrameworkRecord;
using master::ReadModel;

void WriteAgentFields(const AgentRecord& agent, web::JsonWriter* writer) {
  writer->Field("id", agent.info.id().value());
  writer->Field("hostname", agent.info.hostname());
  writer->Field("port", agent.info.port());
  writer->Key("attributes");
  WriteAttributes(agent.info.attributes(), writer);
  if (agent.info.has_domain()) writer->Field("domain", agent.info.domain());
  writer->Field("pid", agent.pid);
  writer->Field("registered_time", Seconds(agent.registered));
  if (agent.reregistered) writer->Field("reregistered_time", Seconds(*agent.reregistered));
  writer->Key("resources");
  WriteResources(agent.total, writer);
  writer->Key("used_resources");
  WriteResources(agent.used, writer);
  writer->Key("offered_resources");
  WriteResources(agent.offered, writer);
  writer->Key("reserved_resources");
  WriteReserved(agent.total, writer);
  writer->Key("unreserved_resources");
  WriteResources(agent.total.Unreserved(), writer);
  writer->Field("active", agent.active);
  writer->Field("deactivated", false);
  writer->Field("version", agent.version);
  writer->Key("capabilities");
  WriteAgentCapabilities(agent.capabilities, writer);
}

void WriteAgentWithFullResources(const AgentRecord& agent, web::JsonWriter* writer) {
  writer->BeginObject();
  WriteAgentFields(agent, writer);
  writer->Key("reserved_resources_full");
  WriteFullReserved(agent.total, writer);
  writer->Key("unreserved_resources_full");
  WriteFullResources(agent.total.Unreserved(), writer);
  writer->Key("used_resources_full");
  WriteFullResources(agent.used, writer);
  writer->Key("offered_resources_full");
  WriteFullResources(agent.offered, writer);
  writer->EndObject();
}

void WriteFrameworkSummaryFields(const FrameworkRecord& framework, web::JsonWriter* writer) {
  writer->Field("id", framework.info.id().value());
  writer->Field("name", framework.info.name());
  writer->Key("used_resources");
  WriteResources(framework.used, writer);
  writer->Key("offered_resources");
  WriteResources(framework.offered, writer);
  writer->Key("capabilities");
  writer->BeginArray();
  for (const auto& capability : framework.info.capabilities()) {
    writer->String(v1::FrameworkInfo::Capability::Type_Name(capability.type()));
  }
  writer->EndArray();
  writer->Field("hostname", framework.info.hostname());
  writer->Field("webui_url", framework.info.webui_url());
  writer->Field("active", framework.active);
  writer->Field("connected", framework.connected);
  writer->Field("recovered", framework.recovered);
}

void WriteTasks(std::string_view key,
                const std::map<uint64_t, std::shared_ptr<const v1::Task>>& tasks,
                web::JsonWriter* writer) {
  writer->Key(key);
  writer->BeginArray();
  for (const auto& [order, task] : tasks) WriteTask(*task, writer);
  writer->EndArray();
}

void WriteOffer(const v1::Offer& offer, web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("id", offer.id().value());
  writer->Field("framework_id", offer.framework_id().value());
  writer->Field("allocation_info", offer.allocation_info());
  writer->Field("slave_id", offer.agent_id().value());
  writer->Key("resources");
  WriteResources(offer.resources(), writer);
  writer->EndObject();
}

void WriteFramework(const ReadModel::Framework& framework, web::JsonWriter* writer) {
  const FrameworkRecord& record = *framework.record;
  writer->BeginObject();
  WriteFrameworkSummaryFields(record, writer);
  writer->Field("user", record.info.user());
  writer->Field("failover_timeout", record.info.failover_timeout());
  writer->Field("checkpoint", record.info.checkpoint());
  writer->Field("registered_time", Seconds(record.registered));
  writer->Field("unregistered_time", record.unregistered ? Seconds(*record.unregistered) : 0.0);
  if (record.info.has_principal()) writer->Field("principal", record.info.principal());
  writer->Key("resources");
  WriteResources(record.used + record.offered, writer);
  if (record.reregistered) writer->Field("reregistered_time", Seconds(*record.reregistered));
  WriteFrameworkRoles(record.info, writer);
  WriteTasks("tasks", framework.active, writer);
  WriteTasks("unreachable_tasks", framework.unreachable, writer);
  WriteTasks("completed_tasks", framework.completed, writer);
  writer->Key("offers");
  writer->BeginArray();
  for (const auto& offer : record.offers) WriteOffer(*offer, writer);
  writer->EndArray();
  writer->Key("executors");
  writer->BeginArray();
  for (const auto& [agent, executor] : record.executors) {
    writer->BeginObject();
    WriteExecutorFields(executor, writer);
    writer->Field("slave_id", agent.value());
    writer->EndObject();
  }
  writer->EndArray();
  if (record.info.has_labels()) {
    writer->Key("labels");
    WriteLabels(record.info.labels(), writer);
  }
  writer->EndObject();
}

// Calls `visit` with every framework that is (or is not) completed, in order of registration.
template <class Visit>
void ForEachFramework(const ReadModel& model, bool completed, Visit visit) {
  for (const FrameworkId& id : model.framework_order()) {
    const auto it = model.frameworks().find(id);
    if (it != model.frameworks().end() && it->second.record &&
        it->second.record->completed == completed) {
      visit(it->second);
    }
  }
}

// Calls `visit` with every agent, in order of registration.
template <class Visit>
void ForEachAgent(const ReadModel& model, Visit visit) {
  for (const AgentId& id : model.agent_order()) {
    const auto it = model.agents().find(id);
    if (it != model.agents().end()) visit(*it->second);
  }
}

void WriteFrameworkLists(const ReadModel& model, const std::string* id, web::JsonWriter* writer) {
  for (const bool completed : {false, true}) {
    writer->Key(completed ? "completed_frameworks" : "frameworks");
    writer->BeginArray();
    ForEachFramework(model, completed, [&](const ReadModel::Framework& framework) {
      if (id == nullptr || framework.record->info.id().value() == *id) {
        WriteFramework(framework, writer);
      }
    });
    writer->EndArray();
  }
}

void WriteEmptyArray(std::string_view key, web::JsonWriter* writer) {
  writer->Key(key);
  writer->BeginArray();
  writer->EndArray();
}

int64_t CountOf(const ReadModel& model, const std::string& name) {
  const auto it = model.metrics().find(name);
  return it == model.metrics().end() ? 0 : static_cast<int64_t>(it->second);
}

void WriteMasterHead(const MasterIdentity& master, const ReadModel& model,
                     web::JsonWriter* writer) {
  WriteBuild(writer);
  writer->Field("start_time", Seconds(master.started));
  writer->Field("elected_time", Seconds(master.elected));
  writer->Field("id", master.info.id());
  writer->Field("pid", master.info.pid());
  writer->Field("hostname", master.info.hostname());
  writer->Key("capabilities");
  writer->BeginArray();
  for (const auto& capability : master.info.capabilities()) {
    writer->String(v1::MasterInfo::Capability::Type_Name(capability.type()));
  }
  writer->EndArray();
  writer->Field("activated_slaves", CountOf(model, "master/slaves_active"));
  writer->Field("deactivated_slaves", CountOf(model, "master/slaves_inactive"));
  writer->Field("unreachable_slaves", CountOf(model, "master/slaves_unreachable"));
  if (master.info.has_domain()) writer->Field("domain", master.info.domain());
  writer->Field("leader", master.info.pid());
  writer->Key("leader_info");
  writer->BeginObject();
  writer->Field("id", master.info.id());
  writer->Field("pid", master.info.pid());
  writer->Field("port", master.info.port());
  writer->Field("hostname", master.info.hostname());
  if (master.info.has_domain()) writer->Field("domain", master.info.domain());
  writer->EndObject();
  if (!master.cluster.empty()) writer->Field("cluster", master.cluster);
  writer->Key("flags");
  WriteFlags(master.flags, writer);
}

// Counts the tasks in each state, as /state-summary shows them.
class StateCounts {
 public:
  void Add(v1::TaskState state) { ++counts_[state]; }
  void Write(web::JsonWriter* writer) const {
    for (const auto state : {v1::TASK_STAGING, v1::TASK_STARTING, v1::TASK_RUNNING,
                             v1::TASK_KILLING, v1::TASK_FINISHED, v1::TASK_KILLED, v1::TASK_FAILED,
                             v1::TASK_LOST, v1::TASK_ERROR, v1::TASK_UNREACHABLE}) {
      const auto it = counts_.find(state);
      writer->Field(v1::TaskState_Name(state), it == counts_.end() ? 0 : it->second);
    }
  }

 private:
  std::map<v1::TaskState, int> counts_;
};

// Returns more than most states take: the unused part costs address space only, while growing by
// copying costs up to a fifth of the rendering.
size_t RoomFor(const ReadModel& model) {
  constexpr size_t kTask = 1024, kAgent = 4096;
  size_t tasks = 0;
  for (const auto& [id, framework] : model.frameworks())
    tasks += framework.active.size() + framework.unreachable.size() + framework.completed.size();
  return tasks * kTask + model.agents().size() * kAgent;
}

struct Summary {
  StateCounts counts;
  std::set<std::string>
      peers;  // The frameworks of an agent, or the agents of a framework, by running tasks.
};

}  // namespace

std::string StateJson(const MasterIdentity& master, const ReadModel& model) {
  std::string json;
  json.reserve(RoomFor(model));
  web::JsonWriter writer(&json);
  writer.BeginObject();
  WriteMasterHead(master, model, &writer);
  writer.Key("slaves");
  writer.BeginArray();
  ForEachAgent(model, [&writer](const AgentRecord& agent) {
    writer.BeginObject();
    WriteAgentFields(agent, &writer);
    writer.EndObject();
  });
  writer.EndArray();
  WriteEmptyArray("recovered_slaves", &writer);
  WriteFrameworkLists(model, nullptr, &writer);
  WriteEmptyArray("orphan_tasks", &writer);
  WriteEmptyArray("unregistered_frameworks", &writer);
  writer.EndObject();
  return json;
}

std::string AgentsJson(const ReadModel& model, const std::string* agent_id) {
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  writer.Key("slaves");
  writer.BeginArray();
  ForEachAgent(model, [&](const AgentRecord& agent) {
    if (agent_id == nullptr || agent.info.id().value() == *agent_id) {
      WriteAgentWithFullResources(agent, &writer);
    }
  });
  writer.EndArray();
  WriteEmptyArray("recovered_slaves", &writer);
  writer.EndObject();
  return json;
}

std::string FrameworksJson(const ReadModel& model, const std::string* framework_id) {
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  WriteFrameworkLists(model, framework_id, &writer);
  WriteEmptyArray("unregistered_frameworks", &writer);
  writer.EndObject();
  return json;
}

std::string TasksJson(const ReadModel& model, const TaskQuery& query) {
  std::vector<const v1::Task*> tasks;
  const auto collect = [&](const auto& from) {
    for (const auto& [order, task] : from) {
      if (!query.task_id || task->task_id().value() == *query.task_id) tasks.push_back(task.get());
    }
  };
  for (const bool completed : {false, true}) {
    ForEachFramework(model, completed, [&](const ReadModel::Framework& framework) {
      if (query.framework_id && framework.record->info.id().value() != *query.framework_id) return;
      collect(framework.active);
      collect(framework.unreachable);
      collect(framework.completed);
    });
  }
  // Sorted by first status; tasks without a status count as oldest.
  const auto first = [](const v1::Task* task) {
    return task->statuses().empty() ? 0.0 : task->statuses(0).timestamp();
  };
  std::ranges::stable_sort(tasks, [&](const v1::Task* a, const v1::Task* b) {
    return query.ascending ? first(a) < first(b) : first(a) > first(b);
  });

  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  writer.Key("tasks");
  writer.BeginArray();
  const size_t begin = std::min(query.offset, tasks.size());
  const size_t end = begin + std::min(query.limit, tasks.size() - begin);
  for (size_t i = begin; i < end; ++i) WriteTask(*tasks[i], &writer);
  writer.EndArray();
  writer.EndObject();
  return json;
}

std::string StateSummaryJson(const MasterIdentity& master, const ReadModel& model) {
  std::map<std::string, Summary> by_agent, by_framework;
  for (const auto& [id, framework] : model.frameworks()) {
    for (const auto* tasks : {&framework.active, &framework.unreachable, &framework.completed}) {
      for (const auto& [order, task] : *tasks) {
        Summary& agent = by_agent[task->agent_id().value()];
        Summary& owner = by_framework[id.value()];
        agent.counts.Add(task->state());
        owner.counts.Add(task->state());
        if (tasks == &framework.active) {
          agent.peers.insert(id.value());
          owner.peers.insert(task->agent_id().value());
        }
      }
    }
  }

  std::string json;
  web::JsonWriter writer(&json);
  const auto write_summary = [&writer](const Summary& summary, std::string_view peers_key) {
    summary.counts.Write(&writer);
    writer.Key(peers_key);
    writer.BeginArray();
    for (const std::string& peer : summary.peers) writer.String(peer);
    writer.EndArray();
  };
  writer.BeginObject();
  writer.Field("hostname", master.info.hostname());
  if (!master.cluster.empty()) writer.Field("cluster", master.cluster);
  writer.Key("slaves");
  writer.BeginArray();
  ForEachAgent(model, [&](const AgentRecord& agent) {
    writer.BeginObject();
    WriteAgentFields(agent, &writer);
    write_summary(by_agent[agent.info.id().value()], "framework_ids");
    writer.EndObject();
  });
  writer.EndArray();
  writer.Key("frameworks");
  writer.BeginArray();
  ForEachFramework(model, false, [&](const ReadModel::Framework& framework) {
    writer.BeginObject();
    WriteFrameworkSummaryFields(*framework.record, &writer);
    write_summary(by_framework[framework.record->info.id().value()], "slave_ids");
    writer.EndObject();
  });
  writer.EndArray();
  writer.EndObject();
  return json;
}

}  // namespace tepui::api
