// SPDX-License-Identifier: Apache-2.0
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

// Declares all flags. The words of the command, such as "inspect", are not flags.
void DeclareStoreFlags(FlagTable* table, StoreFlags* flags);

struct StoreFile {
  std::string path;
};
// The location of a store.
using StoreAddress = std::variant<StoreFile, zookeeper::Address>;

// What `tepui store` does.
struct StorePlan {
  enum class Verb { kInspect, kCheck, kExport, kImport };

  Verb verb = Verb::kInspect;
  StoreAddress store;
  std::string export_path;  // For kExport and kImport.
  bool replace = false;     // For kImport.
};

// `arguments` are the words that are not flags. Every problem is added to `problems`; if there are
// any, the plan must not be used. No sentence contains a password.
StorePlan ToStorePlan(const StoreFlags& flags, const std::vector<std::string>& arguments,
                      std::vector<std::string>* problems);

}  // namespace tepui::cli
