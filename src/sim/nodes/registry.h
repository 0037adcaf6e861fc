// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/nodes/observer.h"
#include "sim/world/durable.h"

namespace tepui::sim {

// The durable state of the cluster: the entries that the masters' stores share. Reports changes of
// agents and frameworks to the observer, by the keys of docs/storage.md.
class Registry final : public Durable {
 public:
  // kRemoved: marked gone, or dropped from the registry, so that masters do not know it any more.
  enum class Standing { kAdmitted, kUnreachable, kRemoved };

  Registry(World& world, Observer& observer) : world_(world), observer_(observer) {}

  // Returns nothing if the agent was never admitted or was forgotten.
  std::optional<Standing> Find(std::string_view agent) const;
  bool IsRemoved(std::string_view framework) const;

  // --- Durable.
  void OnFenced(const Host& host) override;
  void BeforeCommit(const storage::Batch& batch) override;
  void AfterCommit(uint64_t epoch) override;

 private:
  // The standing of one agent, and the version of the record that contains it.
  struct Record {
    Standing standing = Standing::kRemoved;
    uint64_t version = 0;
    friend bool operator==(const Record&, const Record&) = default;
  };
  std::optional<Record> Held(std::string_view agent) const;

  World& world_;
  Observer& observer_;
  std::set<std::string, std::less<>> removed_;
  std::map<std::string, std::optional<Record>> before_;  // Agents of the current batch.
  std::vector<std::string> removing_;  // Frameworks of the current batch that have no record yet.
};

}  // namespace tepui::sim
