// SPDX-License-Identifier: Apache-2.0
#include "master/registry/store_registrar.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "tepui/registry.pb.h"

namespace tepui::master {
namespace {

constexpr std::string_view kRegistry = "registry/";
constexpr std::string_view kAgents = "registry/agents/";
constexpr std::string_view kUnreachable = "registry/unreachable/";
constexpr std::string_view kGone = "registry/gone/";
constexpr std::string_view kRemovedFrameworks = "registry/removed_frameworks/";

std::string Key(std::string_view kind, std::string_view id) {
  return fmt::format("{}{}", kind, id);
}

registry::Time ToProto(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  registry::Time out;
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanoseconds(static_cast<int32_t>((time - seconds).count()));
  return out;
}

WallTime FromProto(const registry::Time& time) {
  return WallTime(std::chrono::seconds(time.seconds()) +
                  std::chrono::nanoseconds(time.nanoseconds()));
}

storage::Write Put(std::string_view kind, std::string_view id,
                   const google::protobuf::Message& record) {
  return {.key = Key(kind, id), .value = record.SerializeAsString()};
}

storage::Write PutAgent(const mesos::v1::AgentInfo& info) {
  registry::AdmittedAgent record;
  *record.mutable_info() = info;
  return Put(kAgents, info.id().value(), record);
}

storage::Write Drop(std::string_view kind, std::string_view id) {
  return {.key = Key(kind, id), .value = std::nullopt};
}

template <class Record>
storage::Write PutTime(std::string_view kind, const std::string& id, WallTime when) {
  Record record;
  *record.mutable_since() = ToProto(when);
  return Put(kind, id, record);
}

// Converts a change to the batch that writes it, except a prune, which Prune() writes in parts.
struct ToBatch {
  storage::Batch operator()(const change::PutAgent& put) const { return {PutAgent(put.info)}; }
  storage::Batch operator()(const change::MarkUnreachable& mark) const {
    return {Drop(kAgents, mark.id.value()),
            PutTime<registry::UnreachableAgent>(kUnreachable, mark.id.value(), mark.when)};
  }
  storage::Batch operator()(const change::MarkReachable& mark) const {
    return {PutAgent(mark.info), Drop(kUnreachable, mark.info.id().value())};
  }
  storage::Batch operator()(const change::MarkGone& mark) const {
    return {Drop(kAgents, mark.id.value()), Drop(kUnreachable, mark.id.value()),
            PutTime<registry::GoneAgent>(kGone, mark.id.value(), mark.when)};
  }
  storage::Batch operator()(const change::RemoveAgent& remove) const {
    return {Drop(kAgents, remove.id.value())};
  }
  storage::Batch operator()(const change::RemoveFramework& remove) const {
    return {
        PutTime<registry::RemovedFramework>(kRemovedFrameworks, remove.id.value(), remove.when)};
  }
  storage::Batch operator()(const change::Prune&) const { return {}; }
};

template <class Record>
Result<Record> Parse(const storage::Entry& entry) {
  Record record;
  if (record.ParseFromString(entry.value)) return record;
  return Fail(Code::kInternal,
              "The registry's record '{}' ({} bytes) cannot be read: it is damaged, or a newer "
              "version wrote it",
              entry.key, entry.value.size());
}

Status Add(const storage::Entry& entry, RecoveredRegistry* out) {
  const std::string_view key = entry.key;
  if (key.starts_with(kAgents)) {
    auto record = Parse<registry::AdmittedAgent>(entry);
    if (!record) return Fail(record.error());
    if (record->info().id().value() != key.substr(kAgents.size())) {
      return Fail(Code::kInternal, "The registry's record '{}' is about agent '{}'", key,
                  record->info().id().value());
    }
    out->agents.push_back(std::move(*record->mutable_info()));
  } else if (key.starts_with(kUnreachable)) {
    const auto record = Parse<registry::UnreachableAgent>(entry);
    if (!record) return Fail(record.error());
    out->unreachable.emplace_back(AgentId(std::string(key.substr(kUnreachable.size()))),
                                  FromProto(record->since()));
  } else if (key.starts_with(kGone)) {
    const auto record = Parse<registry::GoneAgent>(entry);
    if (!record) return Fail(record.error());
    out->gone.emplace_back(AgentId(std::string(key.substr(kGone.size()))),
                           FromProto(record->since()));
  } else if (key.starts_with(kRemovedFrameworks)) {
    const auto record = Parse<registry::RemovedFramework>(entry);
    if (!record) return Fail(record.error());
    out->removed_frameworks.emplace_back(
        FrameworkId(std::string(key.substr(kRemovedFrameworks.size()))),
        FromProto(record->since()));
  } else {
    return Fail(Code::kInternal,
                "The registry holds a record '{}' that this version does not know: a newer one "
                "wrote it; run that version",
                key);
  }
  return {};
}

// Returns a text such as "gone since 2026-01-31T12:00:00Z".
std::string Since(std::string_view what, WallTime since) {
  const auto seconds = static_cast<std::time_t>(ToProto(since).seconds());
  std::tm date{};
  if (gmtime_r(&seconds, &date) == nullptr) return fmt::format("{} since {} s", what, seconds);
  return fmt::format("{} since {:%Y-%m-%dT%H:%M:%SZ}", what, date);
}

}  // namespace

StoreRegistrar::StoreRegistrar(storage::Store& store, Clock& clock, Duration timeout,
                               std::move_only_function<void(const Error&)> lost)
    : store_(store), clock_(clock), timeout_(timeout), lost_(std::move(lost)), probe_(clock) {
  ProbeLater();
}

void StoreRegistrar::ProbeLater() {
  probe_.Set(kProbeInterval, [this] {
    Write({}, [this](const Status& status) {
      if (status) ProbeLater();
    });
  });
}

void StoreRegistrar::Recover(storage::Store& store, Recovered done) {
  store.Load(std::string(kRegistry), [done = std::move(done)](
                                         Result<std::vector<storage::Entry>> entries) mutable {
    if (!entries) return done(Fail(entries.error()));
    RecoveredRegistry registry;
    for (const storage::Entry& entry : *entries) {
      if (Status added = Add(entry, &registry); !added) return done(Fail(added.error()));
    }
    // Oldest first, because they are forgotten in that order.
    const auto earlier = [](const auto& a, const auto& b) { return a.second < b.second; };
    std::ranges::stable_sort(registry.unreachable, earlier);
    std::ranges::stable_sort(registry.gone, earlier);
    std::ranges::stable_sort(registry.removed_frameworks, earlier);
    done(std::move(registry));
  });
}

void StoreRegistrar::Commit(RegistryChange change, Done done) {
  if (const auto* prune = std::get_if<change::Prune>(&change))
    return Prune(*prune, std::move(done));
  Write(std::visit(ToBatch(), change), std::move(done));
}

void StoreRegistrar::Lose(const Error& error) {
  if (lost_) std::exchange(lost_, nullptr)(error);
}

void StoreRegistrar::Prune(const change::Prune& prune, Done done) {
  storage::Batch batch;
  const auto drop = [&](std::string_view kind, const std::string& id) {
    batch.push_back(Drop(kind, id));
    if (batch.size() == kMaxKeysPerBatch) Write(std::exchange(batch, {}), [](const Status&) {});
  };
  for (const AgentId& id : prune.unreachable) drop(kUnreachable, id.value());
  for (const AgentId& id : prune.gone) drop(kGone, id.value());
  for (const FrameworkId& id : prune.removed_frameworks) drop(kRemovedFrameworks, id.value());
  // When this last batch is written, those before it are written too, or the store is lost.
  Write(std::move(batch), std::move(done));
}

void StoreRegistrar::Write(storage::Batch batch, Done done) {
  const TimerId timer = clock_.After(timeout_, lifetime_.Bind([this] {
    Lose({Code::kUnavailable, fmt::format("The registry's store did not write a change within {} "
                                          "(--registry_store_timeout)",
                                          FormatDuration(timeout_))});
  }));
  store_.Commit(std::move(batch),
                lifetime_.Bind([this, timer, done = std::move(done)](Status status) mutable {
                  clock_.Cancel(timer);
                  const bool refused = !status && (status.error().code == Code::kTooLarge ||
                                                   status.error().code == Code::kInvalid ||
                                                   status.error().code == Code::kConflict);
                  if (!status && !refused) {
                    Lose(status.error());
                    // The caller may repeat its request to the next leader.
                    status.error().code = Code::kUnavailable;
                  }
                  done(std::move(status));
                }));
}

Result<std::string> DescribeRegistryEntry(const storage::Entry& entry) {
  RecoveredRegistry one;
  if (Status added = Add(entry, &one); !added)
    return Fail(Code::kInvalid, "{}", added.error().message);
  if (!one.agents.empty()) return one.agents.front().ShortDebugString();
  if (!one.unreachable.empty()) return Since("unreachable", one.unreachable.front().second);
  if (!one.gone.empty()) return Since("gone", one.gone.front().second);
  return Since("removed", one.removed_frameworks.front().second);
}

}  // namespace tepui::master
