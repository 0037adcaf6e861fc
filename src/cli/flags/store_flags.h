#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/flags.h"
#include "zookeeper/address.h"

namespace tepui::cli {

struct StoreFlags {
  bool replace = false;
};

// All but the command's words.
void DeclareStoreFlags(FlagTable* table, StoreFlags* flags);

struct StoreFile {
  std::string path;
};
// Where a store is.
using StoreAddress = std::variant<StoreFile, zookeeper::Address>;

// What `tepui store` is to do.
struct StorePlan {
  enum class Verb { kInspect, kCheck, kExport, kImport };

  Verb verb = Verb::kInspect;
  StoreAddress store;
  std::string export_path;  // Of kExport and kImport.
  bool replace = false;     // Of kImport.
};

// `arguments`: the words that are no flags. Every problem is added to `problems`; with any there,
// the plan is not to be used. No sentence shows a password.
StorePlan ToStorePlan(const StoreFlags& flags, const std::vector<std::string>& arguments,
                      std::vector<std::string>* problems);

}  // namespace tepui::cli
