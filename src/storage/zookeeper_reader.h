#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/store.h"
#include "storage/zookeeper_layout.h"
#include "zookeeper/session.h"

namespace tepui::storage {

// Reads a store in ZooKeeper as it was at one moment, though it takes many requests: if a commit
// came between, it reads again. Many requests are on their way at a time, at most kMaxInFlight.
//
// One read at a time. Destroy the session first: nothing calls back afterwards.
class ZooKeeperReader {
 public:
  static constexpr size_t kMaxInFlight = 512;
  static constexpr int kMaxAttempts = 5;

  struct Snapshot {
    zookeeper::Node commit;
    std::vector<std::string> keys;       // In the order of their bytes.
    std::vector<zookeeper::Node> nodes;  // Of the keys, if they were asked for.
    std::vector<std::string> strange;    // Paths of nodes that are no key's.
  };
  using Done = std::move_only_function<void(Result<Snapshot>)>;

  ZooKeeperReader(zookeeper::Session& session, const ZooKeeperLayout& layout)
      : session_(session), layout_(layout) {}

  // The keys that begin with `prefix`, with what their nodes hold if `with_nodes`.
  void Read(std::string prefix, bool with_nodes, Done done);

 private:
  void Begin();
  void List();
  void Take(size_t bucket, const std::vector<std::string>& names);
  void Fetch();
  void FetchNext();
  void Confirm();
  void End(Result<Snapshot> result);
  // A callback of this attempt: hands on what was answered, or ends the read with the failure.
  template <class T>
  zookeeper::Callback<T> Then(std::move_only_function<void(T)> next);

  zookeeper::Session& session_;
  const ZooKeeperLayout& layout_;

  std::string prefix_;
  bool with_nodes_ = false;
  Done done_;
  int attempts_ = 0;
  uint64_t read_ = 0;   // Counts attempts of all reads: what comes late of earlier ones is dropped.
  size_t awaited_ = 0;  // Answers.
  size_t next_ = 0;     // Index of the key to be fetched.
  bool changed_ = false;  // A key that was listed was not there.
  Snapshot snapshot_;
};

}  // namespace tepui::storage
