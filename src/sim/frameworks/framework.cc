// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/framework.h"

#include <cassert>
#include <utility>

#include "model/states.h"
#include "sim/frameworks/framework_kinds.h"

namespace tepui::sim {

bool HasEnded(v1::TaskState state) { return model::IsTerminal(state) || state == v1::TASK_UNKNOWN; }

bool MayComeBack(v1::TaskState state) {
  return state == v1::TASK_LOST || state == v1::TASK_UNKNOWN;
}

std::string_view Name(FrameworkKind kind) {
  switch (kind) {
    case FrameworkKind::kBatch:
      return "batch";
    case FrameworkKind::kService:
      return "service";
    case FrameworkKind::kGreedy:
      return "greedy";
    case FrameworkKind::kHoarder:
      return "hoarder";
    case FrameworkKind::kNonsense:
      return "nonsense";
  }
  return "unknown";
}

std::unique_ptr<Framework> MakeFramework(FrameworkKind kind, const std::string& name,
                                         const std::string& role, SeededRandom random) {
  switch (kind) {
    case FrameworkKind::kBatch:
      return MakeBatch(name, role, std::move(random));
    case FrameworkKind::kService:
      return MakeService(name, role, std::move(random));
    case FrameworkKind::kGreedy:
      return MakeGreedy(name, role, std::move(random));
    case FrameworkKind::kHoarder:
      return MakeHoarder(name, role);
    case FrameworkKind::kNonsense:
      return MakeNonsense(name, role, std::move(random));
  }
  assert(false);
  return nullptr;
}

}  // namespace tepui::sim
