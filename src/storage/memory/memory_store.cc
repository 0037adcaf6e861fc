// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/memory_store.h"

#include <utility>
#include <vector>

#include "base/planted_fault.h"
#include "storage/versions.h"

namespace tepui::storage {
MemoryStore::MemoryStore(Poster poster, std::shared_ptr<MemoryData> data, Limits limits)
    : data_(std::move(data)), limits_(limits), mailbox_(std::move(poster)) {}

template <class Callback, class Work>
void MemoryStore::Call(size_t bytes, Callback done, Work work) {
  if (Status room = waiting_.Add(bytes); !room) {
    mailbox_.Post([done = std::move(done), error = std::move(room.error())]() mutable {
      done(Fail(std::move(error)));
    });
    return;
  }
  mailbox_.Post([this, bytes, done = std::move(done), result = work()]() mutable {
    waiting_.Remove(bytes);
    done(std::move(result));
  });
}

void MemoryStore::Fence(Fenced done) {
  Call(0, std::move(done), [this]() -> Result<uint64_t> {
    if (lost_) return Fail(*lost_);
    data_->writer = ThisProcess();
    return epoch_ = ++data_->epoch;
  });
}

void MemoryStore::Load(std::string prefix, Loaded done) {
  Call(0, std::move(done), [&]() -> Result<std::vector<Entry>> {
    if (lost_) return Fail(*lost_);
    std::vector<Entry> entries;
    for (auto record = data_->records.lower_bound(prefix);
         record != data_->records.end() && record->first.starts_with(prefix); ++record) {
      entries.push_back({record->first, record->second.value, record->second.version});
    }
    return entries;
  });
}

void MemoryStore::Commit(Batch batch, Done done) {
  const size_t bytes = SizeOf(batch);
  Call(bytes, std::move(done), [&]() -> Status {
    if (Status checked = CheckLimits(batch, limits_); !checked) return checked;
    return Apply(std::move(batch));
  });
}

Status MemoryStore::Apply(Batch batch) {
  if (!lost_ && epoch_ == 0) lost_ = NotTheWriter();
  const bool deposed = epoch_ != data_->epoch && !TEPUI_PLANTED_FAULT("deposed-writer-not-fenced");
  if (!lost_ && deposed) lost_ = Deposed(epoch_, data_->epoch, data_->writer);
  if (lost_) return Fail(*lost_);
  const Result<std::vector<uint64_t>> versions =
      PlanVersions(batch, [this](std::string_view key) -> Result<uint64_t> {
        const auto record = data_->records.find(key);
        return record == data_->records.end() ? 0 : record->second.version;
      });
  if (!versions) return Fail(versions.error());
  for (size_t i = 0; i < batch.size(); ++i) {
    Write& write = batch[i];
    if (write.value) {
      data_->records.insert_or_assign(std::move(write.key),
                                      MemoryData::Record{std::move(*write.value), (*versions)[i]});
    } else {
      data_->records.erase(write.key);
    }
  }
  return {};
}

}  // namespace tepui::storage
