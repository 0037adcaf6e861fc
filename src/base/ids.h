// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace tepui {

// A string id that cannot be taken for another kind of id. Ids are opaque: equality, order and hash
// only.
template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}

  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value_; }

 private:
  std::string value_;
};

using FrameworkId = Id<struct FrameworkIdTag>;
using AgentId = Id<struct AgentIdTag>;
using OfferId = Id<struct OfferIdTag>;
using TaskId = Id<struct TaskIdTag>;
using ExecutorId = Id<struct ExecutorIdTag>;
// Nested containers are written parent.child.
using ContainerId = Id<struct ContainerIdTag>;

}  // namespace tepui

template <class Tag>
struct std::hash<tepui::Id<Tag>> {
  // Not noexcept, so that libstdc++'s tables cache the hash with each id. Ids are long, and without
  // the cache a search would hash every id that it passes.
  size_t operator()(const tepui::Id<Tag>& id) const { return std::hash<std::string>()(id.value()); }
};

template <class Tag>
struct fmt::formatter<tepui::Id<Tag>> {
  // Accepts "{}" only: the other format options of strings would be compiled in each unit that
  // names an id.
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  auto format(const tepui::Id<Tag>& id, format_context& context) const {
    return std::copy(id.value().begin(), id.value().end(), context.out());
  }
};
