// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/store_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tepui::cli {
namespace {

using Verb = StorePlan::Verb;

struct Form {
  std::string_view name;
  Verb verb;
  // The words after the name.
  std::vector<std::string_view> words;
};

const std::array<Form, 4>& Forms() {
  static const std::array<Form, 4> forms = {{
      {"inspect", Verb::kInspect, {"STORE"}},
      {"check", Verb::kCheck, {"STORE"}},
      {"export", Verb::kExport, {"STORE", "FILE"}},
      {"import", Verb::kImport, {"FILE", "STORE"}},
  }};
  return forms;
}

StoreAddress ToAddress(const std::string& text, std::vector<std::string>* problems) {
  if (!text.starts_with("zk://") && !text.starts_with("file://")) {
    if (text.empty()) problems->push_back("The name of the store's file is empty");
    return StoreFile{text};
  }
  auto address = zookeeper::ParseAddress(text);
  if (address) return std::move(*address);
  problems->push_back(
      fmt::format("The store's address cannot be used: {}", address.error().message));
  return StoreFile{};
}

}  // namespace

void DeclareStoreFlags(FlagTable* table, StoreFlags* flags) {
  table->Group("Store");
  table->Add(
      "replace", &flags->replace,
      "With import: remove the content of the store first. Without it the store must be empty.");
}

StorePlan ToStorePlan(const StoreFlags& flags, const std::vector<std::string>& arguments,
                      std::vector<std::string>* problems) {
  StorePlan plan;
  const std::string verb = arguments.empty() ? "" : arguments.front();
  const auto form = std::ranges::find(Forms(), verb, &Form::name);
  if (form == Forms().end()) {
    problems->push_back(
        arguments.empty()
            ? "The action is missing: inspect, check, export or import"
            : fmt::format("'{}' is not an action: use inspect, check, export or import", verb));
    return plan;
  }
  plan.verb = form->verb;
  plan.replace = flags.replace;
  if (flags.replace && plan.verb != Verb::kImport)
    problems->push_back(fmt::format("--replace can be used only with import, not with {}", verb));
  if (arguments.size() != form->words.size() + 1) {
    problems->push_back(fmt::format("The usage is: {} {}; found {} arguments after {}", verb,
                                    fmt::join(form->words, " "), arguments.size() - 1, verb));
    return plan;
  }
  for (size_t i = 0; i < form->words.size(); ++i) {
    const std::string& word = arguments[i + 1];
    if (form->words[i] == "STORE") {
      plan.store = ToAddress(word, problems);
    } else {
      plan.export_path = word;
    }
  }
  return plan;
}

}  // namespace tepui::cli
