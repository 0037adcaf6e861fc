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

// What is durable of the cluster: the entries that the masters' stores share. Tells the observer
// what became of which agent, by the keys of docs/storage.md.
class Registry final : public Durable {
 public:
  // kRemoved: marked gone, or dropped from the registry, which masters then know nothing of.
  enum class Standing { kAdmitted, kUnreachable, kRemoved };

  Registry(World& world, Observer& observer) : world_(world), observer_(observer) {}

  // Absent: never heard of, or forgotten.
  std::optional<Standing> Find(std::string_view agent) const;

  // Durable.
  void OnTakenOver(const Host& host) override;
  void BeforeCommit(const storage::Batch& batch) override;
  void AfterCommit(uint64_t epoch) override;

 private:
  // How one agent stands: the version of the record that says so.
  struct Record {
    Standing standing = Standing::kRemoved;
    uint64_t version = 0;
    friend bool operator==(const Record&, const Record&) = default;
  };
  std::optional<Record> Held(std::string_view agent) const;

  World& world_;
  Observer& observer_;
  std::set<std::string, std::less<>> removed_;
  std::map<std::string, std::optional<Record>> before_;  // Of the agents in the batch at hand.
  std::vector<std::string> removing_;  // Frameworks in it that have no record yet.
};

}  // namespace tepui::sim
