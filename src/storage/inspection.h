#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::storage {

// What a store says of itself.
struct Facts {
  std::string place;  // "the SQLite file /var/lib/tepui/registry.db".
  uint64_t schema = 0;
  uint64_t epoch = 0;  // 0: nobody has written yet.
  std::string writer;  // Who took over last, and when he did, if somebody did.
};

// A store that outlives the process, and can be looked into from outside (`tepui store`).
class InspectableStore : public Store {
 public:
  using Described = std::move_only_function<void(Result<Facts>)>;
  using Checked = std::move_only_function<void(Result<std::vector<std::string>>)>;

  virtual void Describe(Described done) = 0;

  // Reads everything and verifies what can be: a sentence for each thing that is wrong, at most
  // kMaxProblems; none: the store is sound.
  virtual void Check(Checked done) = 0;

  static constexpr size_t kMaxProblems = 100;
};

// What a handle may do. kImport writes also where an import was left half done.
enum class Access { kRead, kWrite, kImport };

}  // namespace tepui::storage
