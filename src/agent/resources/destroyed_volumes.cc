// SPDX-License-Identifier: Apache-2.0
#include "agent/resources/destroyed_volumes.h"

#include "agent/services/paths.h"
#include "base/log.h"

namespace tepui::agent {

DestroyedVolumes::DestroyedVolumes(const Services& services) : services_(services) {}

DestroyedVolumes::Entry& DestroyedVolumes::Insert(const std::string& name,
                                                  const checkpoint::DestroyedVolume& record) {
  std::unique_ptr<Entry>& entry = entries_[name];
  entry = std::make_unique<Entry>(services_.clock);
  entry->record = record;
  return *entry;
}

void DestroyedVolumes::Restore(const std::map<std::string, checkpoint::DestroyedVolume>& saved,
                               const std::function<bool(const std::string&)>& is_volume) {
  for (const auto& [name, record] : saved) {
    Entry& entry = Insert(name, record);
    if (is_volume(record.path())) {
      entry.moved = true;
    } else {
      MoveAside(entry);
    }
    Remove(name);
  }
}

DestroyedVolumes::Records DestroyedVolumes::Add(const std::vector<v1::Resource>& volumes) {
  Records records;
  for (const v1::Resource& volume : volumes) {
    const std::string name = services_.random.Uuid();
    const std::string& work_dir = services_.options.work_dir;
    checkpoint::DestroyedVolume record;
    record.set_path(VolumePath(work_dir, volume).value());
    if (auto aside = DestroyedVolumePath(work_dir, volume, name)) {
      record.set_moved_to(std::move(*aside));
    }
    Insert(name, record);
    records.emplace_back(name, std::move(record));
  }
  return records;
}

void DestroyedVolumes::Clear(const Records& records) {
  // All are moved first, since a removal may call back at once.
  for (const auto& [name, record] : records) MoveAside(*entries_.at(name));
  for (const auto& [name, record] : records) Remove(name);
}

void DestroyedVolumes::MoveAside(Entry& entry) {
  if (!entry.record.has_moved_to()) return;
  const Status moved = services_.disk.Move(entry.record.path(), entry.record.moved_to());
  entry.moved = moved.has_value();
  if (!moved) {
    spdlog::error(
        "The data of a destroyed volume cannot be moved aside, so it is removed where it is, and "
        "no volume can be created in its place until that is done: {}",
        moved.error().message);
  }
}

void DestroyedVolumes::Remove(const std::string& name) {
  const Entry& entry = *entries_.at(name);
  auto done = lifetime_.Bind([this, name](const Status& removed) { OnRemoved(name, removed); });
  if (entry.moved) {
    services_.disk.Remove(entry.record.moved_to(), std::move(done));
  } else {
    services_.disk.Empty(entry.record.path(), std::move(done));
  }
}

void DestroyedVolumes::OnRemoved(const std::string& name, const Status& removed) {
  if (removed) {
    entries_.erase(name);
    services_.checkpoint.RemoveDestroyedVolume(name);
    return;
  }
  Entry& entry = *entries_.at(name);
  entry.problem = removed.error().message;
  spdlog::error(
      "The data of a volume that was destroyed at '{}' cannot be removed{}; remove it by hand if "
      "this message keeps appearing: {}",
      entry.record.path(),
      entry.moved ? "" : ", and no volume can be created in its place until it is", entry.problem);
  entry.retry.Set(entry.backoff.Next(), [this, name] { Remove(name); });
}

Status DestroyedVolumes::CheckClean(const std::string& path) const {
  for (const auto& [name, entry] : entries_) {
    if (entry->moved || entry->record.path() != path) continue;
    if (entry->problem.empty()) {
      return Fail(Code::kUnavailable,
                  "'{}' still holds data of a destroyed volume, which is being removed: create the "
                  "volume when it is gone",
                  path);
    }
    return Fail(Code::kUnavailable,
                "'{}' still holds data of a destroyed volume, which cannot be removed, so it must "
                "be removed by hand: {}",
                path, entry->problem);
  }
  return {};
}

}  // namespace tepui::agent
