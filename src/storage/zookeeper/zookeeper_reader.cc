// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/zookeeper/zookeeper_packing.h"

namespace tepui::storage {

using zookeeper::Answer;
using zookeeper::Node;

template <class T>
zookeeper::Callback<T> ZooKeeperReader::Then(std::move_only_function<void(T)> next) {
  return [this, read = read_, next = std::move(next)](Answer<T> answer) mutable {
    if (read != read_) return;
    if (!answer) return End(Fail(ToError(answer.error())));
    next(std::move(*answer));
  };
}

template <class T>
zookeeper::Callback<T> ZooKeeperReader::ThenIfThere(
    std::move_only_function<void(std::optional<T>)> next) {
  return [this, read = read_, next = std::move(next)](Answer<T> answer) mutable {
    if (read != read_) return;
    if (answer) return next(std::move(*answer));
    if (answer.error().problem == zookeeper::Problem::kNoNode) return next(std::nullopt);
    End(Fail(ToError(answer.error())));
  };
}

void ZooKeeperReader::ForEach(size_t count, void (ZooKeeperReader::*read)(size_t),
                              void (ZooKeeperReader::*next)()) {
  count_ = count;
  begun_ = 0;
  taken_ = 0;
  each_ = read;
  next_ = next;
  if (count == 0) return (this->*next)();
  while (begun_ < std::min(kMaxInFlight, count)) (this->*read)(begun_++);
}

void ZooKeeperReader::TakenOne() {
  if (begun_ < count_) (this->*each_)(begun_++);
  if (++taken_ == count_) (this->*next_)();
}

void ZooKeeperReader::Read(std::string prefix, bool find_strange, Done done) {
  prefix_ = std::move(prefix);
  find_strange_ = find_strange;
  done_ = std::move(done);
  attempts_ = 0;
  Begin();
}

void ZooKeeperReader::Begin() {
  ++read_;
  state_ = {};
  if (++attempts_ > kMaxAttempts) {
    return End(Fail(Code::kUnavailable,
                    "The store {} is written to all the time; no consistent snapshot could be read",
                    layout_.root()));
  }
  // Requests are answered in order, so the answer after the sync comes from a server that has all
  // commits.
  session_.Sync(layout_.root(), [this, read = read_](Answer<void> answer) {
    if (read == read_ && !answer) End(Fail(ToError(answer.error())));
  });
  session_.Get(layout_.commit(), nullptr,
               Then<Node>([this](Node commit) { state_.snapshot.commit = std::move(commit); }));
  session_.Get(layout_.journal(), nullptr, ThenIfThere<Node>([this](std::optional<Node> journal) {
                 if (journal) TakeJournal(*journal);
               }));
  session_.Children(layout_.shards(), nullptr,
                    Then<std::vector<std::string>>(
                        [this](const std::vector<std::string>& names) { TakeList(names); }));
}

void ZooKeeperReader::TakeJournal(const Node& node) {
  Result<packed::Entries> entries = UnpackJournal(node.data);
  if (!entries) {
    return state_.snapshot.damage.push_back(
        fmt::format("'{}' {}", layout_.journal(), entries.error().message));
  }
  state_.journal = std::move(*entries);
  for (const packed::Entry& entry : state_.journal.entries()) {
    Note(entry, ZooKeeperLayout::ShardOf(entry.key()));
  }
}

void ZooKeeperReader::TakeList(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const auto shard = ZooKeeperLayout::ShardNamed(name)) {
      state_.shards.push_back(*shard);
    } else {
      state_.snapshot.strange.push_back(fmt::format("{}/{}", layout_.shards(), name));
    }
  }
  std::ranges::sort(state_.shards);
  ForEach(state_.shards.size(), &ZooKeeperReader::ReadShard, &ZooKeeperReader::Assemble);
}

void ZooKeeperReader::ReadShard(size_t index) {
  const size_t shard = state_.shards[index];
  session_.Get(layout_.shard(shard), nullptr,
               ThenIfThere<Node>([this, shard](std::optional<Node> node) {
                 if (!node) {
                   state_.changed = true;
                   return TakenOne();
                 }
                 const bool sound = TakeShard(shard, std::move(*node));
                 if (find_strange_ && sound) return ListShard(shard);
                 TakenOne();
               }));
}

bool ZooKeeperReader::TakeShard(size_t shard, Node node) {
  Result<packed::Entries> entries = UnpackShard(shard, node.data);
  if (!entries) {
    state_.snapshot.damage.push_back(
        fmt::format("'{}' {}", layout_.shard(shard), entries.error().message));
    return false;
  }
  for (packed::Entry& entry : *entries->mutable_entries()) {
    Note(entry, shard);
    state_.packed.push_back(std::move(entry));
  }
  state_.snapshot.shards.emplace_back(shard, std::move(node));
  return true;
}

void ZooKeeperReader::ListShard(size_t shard) {
  session_.Children(layout_.shard(shard), nullptr,
                    ThenIfThere<std::vector<std::string>>(
                        [this, shard](const std::optional<std::vector<std::string>>& names) {
                          if (names) {
                            for (const std::string& name : *names) {
                              state_.below.push_back(layout_.value(shard, name));
                            }
                          } else {
                            state_.changed = true;
                          }
                          TakenOne();
                        }));
}

void ZooKeeperReader::Note(const packed::Entry& entry, size_t shard) {
  if (entry.has_node()) state_.named.insert(layout_.value(shard, entry.node()));
}

void ZooKeeperReader::Assemble() {
  std::vector<packed::Entry>& packed = state_.packed;
  std::erase_if(packed, [this](const packed::Entry& entry) {
    return FindEntry(state_.journal, entry.key()) != nullptr;
  });
  for (packed::Entry& entry : *state_.journal.mutable_entries()) {
    if (entry.version() != 0) packed.push_back(std::move(entry));
  }
  std::erase_if(packed,
                [this](const packed::Entry& entry) { return !entry.key().starts_with(prefix_); });
  std::ranges::sort(
      packed, [](const packed::Entry& a, const packed::Entry& b) { return a.key() < b.key(); });
  for (packed::Entry& entry : packed) {
    if (entry.has_node()) {
      state_.values.push_back(
          {.entry = state_.snapshot.entries.size(),
           .path = layout_.value(ZooKeeperLayout::ShardOf(entry.key()), entry.node())});
    }
    state_.snapshot.entries.push_back({.key = std::move(*entry.mutable_key()),
                                       .value = std::move(*entry.mutable_value()),
                                       .version = entry.version()});
  }
  for (std::string& path : state_.below) {
    if (!state_.named.contains(path)) state_.snapshot.strange.push_back(std::move(path));
  }
  ForEach(state_.values.size(), &ZooKeeperReader::ReadValue, &ZooKeeperReader::Confirm);
}

void ZooKeeperReader::ReadValue(size_t index) {
  const Value& value = state_.values[index];
  session_.Get(value.path, nullptr, ThenIfThere<Node>([this, &value](std::optional<Node> node) {
                 Entry& entry = state_.snapshot.entries[value.entry];
                 if (node) {
                   entry.value = std::move(node->data);
                 } else {
                   state_.snapshot.damage.push_back(fmt::format(
                       "'{}' does not exist: it held the value of '{}'", value.path, entry.key));
                 }
                 TakenOne();
               }));
}

void ZooKeeperReader::Confirm() {
  session_.Get(layout_.commit(), nullptr, Then<Node>([this](const Node& commit) {
                 if (state_.changed || commit.stat.version != state_.snapshot.commit.stat.version) {
                   return Begin();
                 }
                 End(std::move(state_.snapshot));
               }));
}

void ZooKeeperReader::End(Result<Snapshot> result) {
  ++read_;
  state_ = {};
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace tepui::storage
