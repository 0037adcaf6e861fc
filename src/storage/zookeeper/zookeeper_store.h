// SPDX-License-Identifier: Apache-2.0
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
#include "storage/zookeeper/zookeeper_index.h"
#include "storage/zookeeper/zookeeper_layout.h"
#include "storage/zookeeper/zookeeper_reader.h"
#include "tepui/packed.pb.h"
#include "zookeeper/session.h"

namespace tepui::storage {

// A store in ZooKeeper, for masters on several machines. A batch is committed when a majority of
// the servers has it on disk. Many keys share a node (zookeeper_layout.h).
//
// One request of many changes (a multi) is in flight at a time; all batches that wait when it is
// answered go into the next, as long as they and the shards that they touch fit a packet. Each
// multi checks that the epoch is still this writer's, so that a deposed writer cannot write, and
// increments a count on the commit node. If its answer is lost with a connection, the count shows
// whether it was applied; if not, it is sent again, and since it requires the old count it cannot
// be applied twice. The store is lost with its session.
//
// A batch whose shards do not fit a packet is written to the journal, which commits it; then the
// shards are written, in several requests. A writer that fences the store finishes what its
// predecessor left of that.
//
// Calls made before a server has answered wait for that, for `connect_timeout` in total.
class ZooKeeperStore final : public InspectableStore {
 public:
  struct Options {
    Duration session_timeout = zookeeper::Session::kDefaultTimeout;
    Duration connect_timeout = std::chrono::seconds(60);
    // The path of a node, possibly another session's, that must exist before this handle may fence
    // the store: the candidacy of a master. A master that was paused after its election must not
    // depose the one elected meanwhile. Empty: none is needed.
    std::string guard = {};
  };
  // Attempts at a request whose connection is lost again and again.
  static constexpr int kMaxAttempts = 5;
  // Writes in one request; this bounds how long the owner's thread is busy with it.
  static constexpr size_t kMaxWrites = 5'000;

  ZooKeeperStore(zookeeper::Address address, Access access, const Options& options, Clock& clock,
                 Poster poster);
  ~ZooKeeperStore() override;

  void Fence(Fenced done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(Batch batch, Done done) override;
  void Describe(Described done) override;
  void Check(Checked done) override;

 private:
  struct CommitCall {
    Batch batch;
    size_t bytes = 0;
    Done done;
  };
  struct FenceCall {
    Fenced done;
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
  using Call = std::variant<CommitCall, FenceCall, LoadCall, DescribeCall, CheckCall>;

  static size_t BytesOf(const Call& call);
  static void FailCall(Call call, const Error& error);
  void Enqueue(Call call);
  void Refuse(Call call, Error error);
  // Begins the first waiting call, if none is in progress.
  void Advance();
  // Ends the call in progress, which is a T.
  template <class T, class Value>
  void Finish(Value value);
  void OnState(zookeeper::Session::State state);
  void Lose(Error error);
  // Makes a callback that passes the answer to `next`, or ends the call in progress, which is a T,
  // with the failure. It does nothing after the store was lost.
  template <class T, class Value>
  zookeeper::Callback<Value> Then(std::move_only_function<void(Value)> next);

  // Finds or creates the store, then calls `next`. The call in progress is a T.
  template <class T>
  void Prepare(std::move_only_function<void()> next);
  template <class T>
  void LookForFormerStore(std::move_only_function<void()> next);
  template <class T>
  void MakeStore(std::move_only_function<void()> next);
  // `root` is where the store with this schema is.
  Status CheckSchema(const std::string& text, const std::string& root) const;

  // Read what a writer must know before it writes. An error describes what could not be read.
  void LearnShards(const std::set<size_t>& shards, std::move_only_function<void(Status)> done);
  void ReadJournal(std::move_only_function<void(Result<packed::Entries>)> done);
  std::unexpected<Error> Damaged(std::string_view what) const;

  void BeginFence();
  void CheckForImport(const packed::Entries& journal, std::move_only_function<void()> next);
  void RaiseEpoch();
  void OnEpochFailure(const zookeeper::Failure& failure);
  void ReadCommit(uint64_t epoch);
  void BecomeWriter(uint64_t epoch, const packed::Entries& journal);
  void BeginLoad();
  void Learn(ZooKeeperReader::Snapshot* snapshot);
  void BeginDescribe();
  void BeginCheck();
  std::vector<std::string> FindProblems(const ZooKeeperReader::Snapshot& snapshot,
                                        const zookeeper::Node& epoch) const;

  void BeginCommits();
  // Returns how many of the calls, from the first, are commits that may be combined.
  size_t CountCommits() const;
  // Plans the first `count` calls.
  void Plan(size_t count);
  void AnswerCommits(std::vector<Status> statuses, std::move_only_function<void()> next);
  void EndCommits();
  // Writes the journal's entries into the shards.
  void FinishJournal(const packed::Entries& journal, std::move_only_function<void()> done);
  void MakeNext();
  // Makes the change, across lost connections, or loses the store.
  void Make(ZooKeeperIndex::Change change, std::move_only_function<void()> done);
  void SendChange();
  void OnFailure(const zookeeper::Failure& failure);
  void FindOutWhetherMade();
  void OnMade(int32_t commit_version);
  void LoseAsDeposed();
  std::string CommitText() const;

  const ZooKeeperLayout layout_;
  const Access access_;
  const std::string place_;  // For error messages.
  const std::string guard_;
  Clock& clock_;

  Waiting waiting_;
  std::deque<Call> calls_;
  bool busy_ = false;  // With the first of calls_, or with several commits at its front.
  std::optional<Error> lost_;
  bool prepared_ = false;
  int attempts_ = 0;  // Attempts at a request for the call in progress.

  // The state of the writer.
  uint64_t epoch_ = 0;  // 0: not fenced by this handle yet.
  ZooKeeperIndex index_;
  int32_t commit_version_ = 0;     // The commit node's, as this writer left it.
  uint64_t commits_ = 0;           // Number in this epoch.
  ZooKeeperIndex::Change change_;  // Being made.
  std::move_only_function<void()> made_;
  std::deque<ZooKeeperIndex::Change> changes_;  // Changes of the journal still to be made.
  std::move_only_function<void()> finished_;

  Timer connect_;
  Mailbox mailbox_;
  const std::unique_ptr<zookeeper::Session> session_;
  ZooKeeperReader reader_{*session_, layout_};
};

}  // namespace tepui::storage
