#include "storage/zookeeper_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

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

void ZooKeeperReader::Read(std::string prefix, bool with_nodes, Done done) {
  prefix_ = std::move(prefix);
  with_nodes_ = with_nodes;
  done_ = std::move(done);
  attempts_ = 0;
  Begin();
}

void ZooKeeperReader::Begin() {
  ++read_;
  snapshot_ = {};
  changed_ = false;
  if (++attempts_ > kMaxAttempts) {
    return End(Fail(Code::kUnavailable,
                    "The store {} is written to all the time; it could not be read as of one "
                    "moment",
                    layout_.root()));
  }
  // In the order of the calls: the second answer is of a server that knows what anybody committed.
  session_.Sync(layout_.root(), [this, read = read_](Answer<void> answer) {
    if (read == read_ && !answer) End(Fail(ToError(answer.error())));
  });
  session_.Get(layout_.commit(), nullptr, Then<Node>([this](Node commit) {
                 snapshot_.commit = std::move(commit);
                 List();
               }));
}

void ZooKeeperReader::List() {
  awaited_ = ZooKeeperLayout::kBuckets;
  for (size_t bucket = 0; bucket < ZooKeeperLayout::kBuckets; ++bucket) {
    session_.Children(
        layout_.bucket(bucket), nullptr,
        Then<std::vector<std::string>>(
            [this, bucket](const std::vector<std::string>& names) { Take(bucket, names); }));
  }
}

void ZooKeeperReader::Take(size_t bucket, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::optional<std::string> key = ZooKeeperLayout::KeyOf(name);
    if (!key || ZooKeeperLayout::BucketOf(*key) != bucket) {
      snapshot_.strange.push_back(fmt::format("{}/{}", layout_.bucket(bucket), name));
    } else if (key->starts_with(prefix_)) {
      snapshot_.keys.push_back(std::move(*key));
    }
  }
  if (--awaited_ > 0) return;
  std::sort(snapshot_.keys.begin(), snapshot_.keys.end());
  if (with_nodes_ && !snapshot_.keys.empty()) return Fetch();
  Confirm();
}

void ZooKeeperReader::Fetch() {
  awaited_ = snapshot_.keys.size();
  next_ = 0;
  snapshot_.nodes.resize(snapshot_.keys.size());
  while (next_ < std::min(kMaxInFlight, snapshot_.keys.size())) FetchNext();
}

void ZooKeeperReader::FetchNext() {
  const size_t index = next_++;
  session_.Get(layout_.PathOf(snapshot_.keys[index]), nullptr,
               [this, read = read_, index](Answer<Node> node) {
                 if (read != read_) return;
                 if (node) {
                   snapshot_.nodes[index] = std::move(*node);
                 } else if (node.error().problem == zookeeper::Problem::kNoNode) {
                   changed_ = true;
                 } else {
                   return End(Fail(ToError(node.error())));
                 }
                 if (next_ < snapshot_.keys.size()) FetchNext();
                 if (--awaited_ == 0) Confirm();
               });
}

void ZooKeeperReader::Confirm() {
  session_.Get(layout_.commit(), nullptr, Then<Node>([this](const Node& commit) {
                 if (changed_ || commit.stat.version != snapshot_.commit.stat.version) {
                   return Begin();
                 }
                 End(std::move(snapshot_));
               }));
}

void ZooKeeperReader::End(Result<Snapshot> result) {
  ++read_;
  snapshot_ = {};
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace tepui::storage
