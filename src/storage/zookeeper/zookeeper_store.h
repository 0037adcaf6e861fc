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

// A store in ZooKeeper, for masters on several machines: what a majority of its servers has on
// their disks is committed. Many keys share a node (zookeeper_layout.h).
//
// One request of many changes (a multi) is on its way at a time; all batches that wait when it is
// answered go into the next, as far as a packet takes them and the shards that they touch. Each
// checks that the epoch is still this writer's, so that a deposed one cannot write, and counts on
// the commit node. If its answer is lost with a connection, the count tells whether it was done; if
// not, it is sent again, and because it is bound to the count it cannot be done twice. The store is
// lost with its session.
//
// A batch whose shards are more than a packet takes goes into the journal, and is committed with
// that; then the shards are written, in several requests. A writer that takes over finishes what
// another left of it.
//
// Calls before a server has answered wait for that, for `connect_timeout` altogether.
class ZooKeeperStore final : public InspectableStore {
 public:
  struct Options {
    Duration session_timeout = zookeeper::Session::kDefaultTimeout;
    Duration connect_timeout = std::chrono::seconds(60);
    // A node without which it may not take over, another session's perhaps: the candidacy of a
    // master. One that was paused since its election must not depose who was elected meanwhile.
    // Empty: none is needed.
    std::string guard = {};
  };
  // Of a request whose connection is lost again and again.
  static constexpr int kMaxAttempts = 5;
  // Of one request: how long the owner's thread is busy with it is bounded.
  static constexpr size_t kMaxWrites = 5'000;

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
  void MakeStore(std::move_only_function<void()> next);
  Status CheckSchema(const std::string& text) const;

  // What a writer must know before it writes; the status is of what could not be read.
  void LearnShards(const std::set<size_t>& shards, std::move_only_function<void(Status)> done);
  void ReadJournal(std::move_only_function<void(Result<packed::Entries>)> done);
  std::unexpected<Error> Damaged(std::string_view what) const;

  void BeginTakeOver();
  void CheckForImport(const packed::Entries& journal, std::move_only_function<void()> next);
  void RaiseEpoch();
  void OnEpochFailure(const zookeeper::Failure& failure);
  void ReadCommit(uint64_t epoch);
  void TakeOverJournal(uint64_t epoch, const packed::Entries& journal);
  void BeginLoad();
  void Learn(ZooKeeperReader::Snapshot* snapshot);
  void BeginDescribe();
  void BeginCheck();
  std::vector<std::string> FindProblems(const ZooKeeperReader::Snapshot& snapshot,
                                        const zookeeper::Node& epoch) const;

  void BeginCommits();
  // How many of the calls, from the first, are commits that may go together.
  size_t CountCommits() const;
  // Of the first calls, so many.
  void Plan(size_t count);
  void AnswerCommits(std::vector<Status> statuses, std::move_only_function<void()> next);
  void EndCommits();
  // Brings what the journal has into the shards.
  void FinishJournal(const packed::Entries& journal, std::move_only_function<void()> done);
  void MakeNext();
  // Makes the change, whatever becomes of connections, or loses the store.
  void Make(ZooKeeperIndex::Change change, std::move_only_function<void()> done);
  void SendChange();
  void OnFailure(const zookeeper::Failure& failure);
  void FindOutWhetherMade();
  void OnMade(int32_t commit_version);
  void LoseAsDeposed();
  std::string CommitText() const;

  const ZooKeeperLayout layout_;
  const Access access_;
  const std::string place_;  // For sentences.
  const std::string guard_;
  Clock& clock_;

  Waiting waiting_;
  std::deque<Call> calls_;
  bool busy_ = false;  // With the first of calls_, or the first of them that are commits.
  std::optional<Error> lost_;
  bool prepared_ = false;
  int attempts_ = 0;  // Of what is tried again for the call in hand.

  // The writer's.
  uint64_t epoch_ = 0;  // 0: has not taken over.
  ZooKeeperIndex index_;
  int32_t commit_version_ = 0;     // Of the commit node, as this writer left it.
  uint64_t commits_ = 0;           // In this epoch.
  ZooKeeperIndex::Change change_;  // Being made.
  std::move_only_function<void()> made_;
  std::deque<ZooKeeperIndex::Change> changes_;  // To be made next, of the journal.
  std::move_only_function<void()> finished_;

  Timer connect_;
  Mailbox mailbox_;
  const std::unique_ptr<zookeeper::Session> session_;
  ZooKeeperReader reader_{*session_, layout_};
};

}  // namespace tepui::storage
