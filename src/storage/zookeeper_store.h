#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/timer.h"
#include "storage/inspection.h"
#include "storage/limits.h"
#include "storage/store.h"
#include "storage/zookeeper_index.h"
#include "storage/zookeeper_layout.h"
#include "storage/zookeeper_reader.h"
#include "zookeeper/session.h"

namespace tepui::storage {

// A store in ZooKeeper, for masters on several machines: what a majority of its servers has on
// their disks is committed. A node a key (zookeeper_layout.h).
//
// One request of many changes (a multi) is on its way at a time; all batches that wait when it is
// answered go into the next, as far as a packet takes them. Each checks that the epoch is still
// this writer's, so that a deposed one cannot write, and counts on the commit node. If its answer
// is lost with a connection, the count tells whether it was done; if not, it is sent again, and
// because it is bound to the count it cannot be done twice. The store is lost with its session.
//
// Calls before a server has answered wait for that, for `connect_timeout` altogether.
class ZooKeeperStore final : public InspectableStore {
 public:
  struct Options {
    Duration session_timeout = zookeeper::Session::kDefaultTimeout;
    Duration connect_timeout = std::chrono::seconds(60);
  };
  // Of a request whose connection is lost again and again.
  static constexpr int kMaxAttempts = 5;
  static constexpr size_t kMaxOperations = 5'000;

  ZooKeeperStore(zookeeper::Address address, Access access, const Options& options, Clock& clock,
                 Poster poster);
  ~ZooKeeperStore() override;

  void TakeOver(TakenOver done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(Batch batch, Done done) override;
  void Describe(Described done) override;
  void Check(Checked done) override;

 private:
  struct CommitCall {
    Batch batch;
    size_t bytes = 0;
    size_t wire_bytes = 0;
    Done done;
  };
  struct TakeOverCall {
    TakenOver done;
  };
  struct LoadCall {
    std::string prefix;
    Loaded done;
  };
  struct DescribeCall {
    Described done;
  };
  struct CheckCall {
    Checked done;
  };
  using Call = std::variant<CommitCall, TakeOverCall, LoadCall, DescribeCall, CheckCall>;

  static size_t BytesOf(const Call& call);
  static void FailCall(Call call, const Error& error);
  void Enqueue(Call call);
  void Refuse(Call call, Error error);
  // Begins the first call that waits, if none is in hand.
  void Advance();
  // Ends the call in hand, which is a T.
  template <class T, class Value>
  void Finish(Value value);
  void OnState(zookeeper::Session::State state);
  void Lose(Error error);
  // A callback that hands on what was answered, or ends the call in hand, which is a T, with the
  // failure; after the store was lost it does nothing.
  template <class T, class Value>
  zookeeper::Callback<Value> Then(std::move_only_function<void(Value)> next);

  // Finds the store, or makes it, and goes on with the call in hand, which is a T.
  template <class T>
  void Prepare(std::move_only_function<void()> next);
  template <class T>
  void Make(std::move_only_function<void()> next);
  Status CheckSchema(const std::string& text) const;

  void BeginTakeOver();
  void RaiseEpoch();
  void ReadIndex(uint64_t epoch);
  void BeginLoad();
  void BeginDescribe();
  void BeginCheck();
  std::vector<std::string> FindProblems(const ZooKeeperReader::Snapshot& snapshot,
                                        const zookeeper::Node& epoch) const;

  void BeginCommits();
  void LearnVersions(const std::set<std::string>& keys);
  void SendPlan();
  void OnCommitFailure(const zookeeper::Failure& failure);
  void FindOutWhetherCommitted();
  void FinishCommits(int32_t commit_version);
  void LoseAsDeposed();
  std::string CommitText() const;

  const ZooKeeperLayout layout_;
  const Access access_;
  const std::string place_;  // For sentences.
  Clock& clock_;

  Waiting waiting_;
  std::deque<Call> calls_;
  bool busy_ = false;  // With the first of calls_, or the first of them that are commits.
  std::optional<Error> lost_;
  bool prepared_ = false;
  int attempts_ = 0;  // Of what is tried again for the call in hand.

  // The writer's.
  uint64_t epoch_ = 0;  // 0: has not taken over.
  ZooKeeperIndex index_{layout_};
  int32_t commit_version_ = 0;  // Of the commit node, as this writer left it.
  uint64_t commits_ = 0;        // In this epoch.
  size_t group_ = 0;            // How many commits are in hand.
  ZooKeeperIndex::Plan plan_;   // For them.

  Timer connect_;
  Mailbox mailbox_;
  const std::unique_ptr<zookeeper::Session> session_;
  ZooKeeperReader reader_{*session_, layout_};
};

}  // namespace tepui::storage
