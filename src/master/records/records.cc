// SPDX-License-Identifier: Apache-2.0
#include "master/records/records.h"

#include <cassert>

#include "model/capabilities.h"
#include "model/roles.h"

namespace tepui::master {

void UnreachableTasks::Add(const TaskId& id, Message message) {
  Remove(id);
  list_.emplace_back(id, std::move(message));
  index_.emplace(id, std::prev(list_.end()));
}

const v1::Task* UnreachableTasks::Find(const TaskId& id) const {
  const auto it = index_.find(id);
  return it == index_.end() ? nullptr : it->second->second.get();
}

UnreachableTasks::Message UnreachableTasks::Remove(const TaskId& id) {
  const auto it = index_.find(id);
  if (it == index_.end()) return nullptr;
  Message message = std::move(it->second->second);
  list_.erase(it->second);
  index_.erase(it);
  return message;
}

std::pair<TaskId, UnreachableTasks::Message> UnreachableTasks::RemoveOldest() {
  assert(!list_.empty());
  std::pair<TaskId, Message> oldest = std::move(list_.front());
  index_.erase(oldest.first);
  list_.pop_front();
  return oldest;
}

void SetInfo(Framework& framework, const v1::FrameworkInfo& info) {
  framework.info = info;
  framework.update_event = nullptr;
  framework.roles = model::RolesOf(info);
  framework.multi_role = model::IsMultiRole(info);
  framework.reservation_refinement =
      model::HasCapability(info, v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT);
}

}  // namespace tepui::master
