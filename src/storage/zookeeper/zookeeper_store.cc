// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "storage/zookeeper/zookeeper_packing.h"
#include "storage/zookeeper/zookeeper_plan.h"

namespace tepui::storage {

using zookeeper::Answer;
using zookeeper::kAnyVersion;
using zookeeper::Node;
using zookeeper::NodeStat;
using zookeeper::Operation;
using zookeeper::Problem;

namespace {

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Earlier ones are in the former place.
constexpr uint64_t kFirstSchemaInParent = 3;

uint64_t EpochOf(const NodeStat& stat) { return static_cast<uint32_t>(stat.version); }

}  // namespace

ZooKeeperStore::ZooKeeperStore(zookeeper::Address address, Access access, const Options& options,
                               Clock& clock, Poster poster)
    : layout_(address.path),
      access_(access),
      place_(address.ToString()),
      guard_(options.guard),
      clock_(clock),
      connect_(clock),
      mailbox_(poster),
      session_(std::make_unique<zookeeper::Session>(
          std::move(address), options.session_timeout, clock, std::move(poster),
          [this](zookeeper::Session::State state) { OnState(state); })) {
  connect_.Set(options.connect_timeout, [this, timeout = options.connect_timeout] {
    Lose({Code::kUnavailable,
          fmt::format("No server of ZooKeeper {} could be reached for {} s", place_,
                      std::chrono::round<std::chrono::seconds>(timeout).count())});
  });
}

ZooKeeperStore::~ZooKeeperStore() = default;

void ZooKeeperStore::OnState(zookeeper::Session::State state) {
  if (state == zookeeper::Session::State::kConnected) connect_.Cancel();
  if (state == zookeeper::Session::State::kLost) {
    Lose({Code::kUnavailable, fmt::format("The session with ZooKeeper {} is lost: {}", place_,
                                          session_->lost_because())});
  }
}

void ZooKeeperStore::Fence(Fenced done) { Enqueue(FenceCall{std::move(done)}); }

void ZooKeeperStore::Load(std::string prefix, Loaded done) {
  Enqueue(LoadCall{std::move(prefix), std::move(done)});
}

void ZooKeeperStore::Describe(Described done) { Enqueue(DescribeCall{std::move(done)}); }

void ZooKeeperStore::Check(Checked done) { Enqueue(CheckCall{std::move(done)}); }

void ZooKeeperStore::Commit(Batch batch, Done done) {
  const Status checked = CheckLimits(batch);
  const size_t bytes = SizeOf(batch);
  CommitCall call{std::move(batch), bytes, std::move(done)};
  if (!checked) return Refuse(std::move(call), checked.error());
  Enqueue(std::move(call));
}

size_t ZooKeeperStore::BytesOf(const Call& call) {
  const auto* const commit = std::get_if<CommitCall>(&call);
  return commit == nullptr ? 0 : commit->bytes;
}

void ZooKeeperStore::FailCall(Call call, const Error& error) {
  std::visit([&](auto& failed) { failed.done(Fail(error)); }, call);
}

void ZooKeeperStore::Enqueue(Call call) {
  if (lost_) return Refuse(std::move(call), *lost_);
  if (Status room = waiting_.Add(BytesOf(call)); !room) {
    return Refuse(std::move(call), std::move(room.error()));
  }
  calls_.push_back(std::move(call));
  Advance();
}

void ZooKeeperStore::Refuse(Call call, Error error) {
  mailbox_.Post([call = std::move(call), error = std::move(error)]() mutable {
    FailCall(std::move(call), error);
  });
}

void ZooKeeperStore::Advance() {
  if (busy_ || calls_.empty()) return;
  busy_ = true;
  attempts_ = 0;
  const Call& call = calls_.front();
  if (std::holds_alternative<CommitCall>(call)) return BeginCommits();
  if (std::holds_alternative<FenceCall>(call)) return BeginFence();
  if (std::holds_alternative<LoadCall>(call)) return BeginLoad();
  if (std::holds_alternative<DescribeCall>(call)) return BeginDescribe();
  BeginCheck();
}

template <class T, class Value>
void ZooKeeperStore::Finish(Value value) {
  T call = std::get<T>(std::move(calls_.front()));
  calls_.pop_front();
  waiting_.Remove(0);
  busy_ = false;
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  call.done(std::move(value));
  if (!alive.expired()) Advance();
}

void ZooKeeperStore::Lose(Error error) {
  if (lost_) return;
  spdlog::error("The store is lost: {}", error.message);
  lost_ = std::move(error);
  connect_.Cancel();
  std::deque<Call> calls = std::exchange(calls_, {});
  for (const Call& call : calls) waiting_.Remove(BytesOf(call));
  const Error why = *lost_;
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  for (Call& call : calls) {
    if (alive.expired()) return;
    FailCall(std::move(call), why);
  }
}

template <class T, class Value>
zookeeper::Callback<Value> ZooKeeperStore::Then(std::move_only_function<void(Value)> next) {
  return [this, next = std::move(next)](Answer<Value> answer) mutable {
    if (lost_) return;
    if (!answer) return Finish<T>(Fail(ToError(answer.error())));
    next(std::move(*answer));
  };
}

template <class T>
void ZooKeeperStore::Prepare(std::move_only_function<void()> next) {
  if (prepared_) return next();
  session_->Get(layout_.schema(), nullptr,
                [this, next = std::move(next)](Answer<Node> schema) mutable {
                  if (lost_) return;
                  if (schema) {
                    if (Status checked = CheckSchema(schema->data, layout_.root()); !checked) {
                      return Finish<T>(Fail(checked.error()));
                    }
                    prepared_ = true;
                    return next();
                  }
                  if (schema.error().problem != Problem::kNoNode) {
                    return Finish<T>(Fail(ToError(schema.error())));
                  }
                  LookForFormerStore<T>(std::move(next));
                });
}

// A store in the former place must not be taken for none.
template <class T>
void ZooKeeperStore::LookForFormerStore(std::move_only_function<void()> next) {
  session_->Get(
      layout_.former_root() + "/schema", nullptr,
      [this, next = std::move(next)](Answer<Node> schema) mutable {
        if (lost_) return;
        if (schema) {
          return Finish<T>(Fail(CheckSchema(schema->data, layout_.former_root()).error()));
        }
        if (schema.error().problem != Problem::kNoNode) {
          return Finish<T>(Fail(ToError(schema.error())));
        }
        if (access_ == Access::kRead) {
          return Finish<T>(Fail(Code::kNotFound, "There is no store at {}", place_));
        }
        if (++attempts_ > kMaxAttempts) {
          return Finish<T>(
              Fail(Code::kInvalid,
                   "'{}' in ZooKeeper {} is not a store of Tepui, or could not be created",
                   layout_.root(), place_));
        }
        MakeStore<T>(std::move(next));
      });
}

template <class T>
void ZooKeeperStore::MakeStore(std::move_only_function<void()> next) {
  session_->CreatePath(layout_.parent(), [this, next = std::move(next)](Answer<void> path) mutable {
    if (lost_) return;
    const bool lost_answer = !path && path.error().problem == Problem::kConnectionLost;
    if (!path && !lost_answer) return Finish<T>(Fail(ToError(path.error())));
    session_->Multi(
        {Operation::Create(layout_.root(), ""),
         Operation::Create(layout_.schema(), fmt::format("{}", ZooKeeperLayout::kSchema)),
         Operation::Create(layout_.epoch(), ""), Operation::Create(layout_.commit(), "0 0"),
         Operation::Create(layout_.shards(), "")},
        [this, next = std::move(next)](Answer<std::vector<NodeStat>> made) mutable {
          if (lost_) return;
          // If another process created it, or the answer was lost, it exists now.
          if (!made && made.error().problem != Problem::kNodeExists &&
              made.error().problem != Problem::kConnectionLost) {
            return Finish<T>(Fail(ToError(made.error())));
          }
          Prepare<T>(std::move(next));
        });
  });
}

Status ZooKeeperStore::CheckSchema(const std::string& text, const std::string& root) const {
  const std::optional<uint64_t> schema = ParseNumber(text);
  const bool known_there = root == layout_.root() || schema < kFirstSchemaInParent;
  if (!schema || *schema == 0 || !known_there) {
    return Fail(Code::kInvalid, "'{}' in ZooKeeper {} is not a store of Tepui", root, place_);
  }
  if (*schema > ZooKeeperLayout::kSchema) {
    return Fail(Code::kInvalid,
                "The store at {} was written by a newer version of Tepui (schema {}; this one "
                "knows {}): start that version",
                place_, *schema, ZooKeeperLayout::kSchema);
  }
  if (*schema < ZooKeeperLayout::kSchema) {
    return Fail(Code::kInvalid,
                "The store at {} was written by an older version of Tepui (schema {}; this one "
                "knows {}): stop all masters, export it with that version (`tepui store export`), "
                "remove '{}' from ZooKeeper, and import it with this one",
                place_, *schema, ZooKeeperLayout::kSchema, root);
  }
  return {};
}

void ZooKeeperStore::LearnShards(const std::set<size_t>& shards,
                                 std::move_only_function<void(Status)> done) {
  if (shards.empty()) return done({});
  struct Learning {
    size_t left = 0;
    Status status;
    std::move_only_function<void(Status)> done;
  };
  auto learning = std::make_shared<Learning>(shards.size(), Status(), std::move(done));
  for (const size_t shard : shards) {
    session_->Get(layout_.shard(shard), nullptr, [this, shard, learning](Answer<Node> node) {
      if (lost_) return;
      if (!node && node.error().problem == Problem::kNoNode) {
        index_.Learn(shard, std::nullopt);
      } else if (!node) {
        learning->status = Fail(ToError(node.error()));
      } else if (const auto entries = UnpackShard(shard, node->data); !entries) {
        learning->status =
            Damaged(fmt::format("'{}' {}", layout_.shard(shard), entries.error().message));
      } else {
        index_.Learn(shard, std::move(*node));
      }
      if (--learning->left == 0) learning->done(std::move(learning->status));
    });
  }
}

void ZooKeeperStore::ReadJournal(std::move_only_function<void(Result<packed::Entries>)> done) {
  session_->Get(
      layout_.journal(), nullptr, [this, done = std::move(done)](Answer<Node> node) mutable {
        if (lost_) return;
        if (!node && node.error().problem == Problem::kNoNode) {
          return done(packed::Entries());
        }
        if (!node) return done(Fail(ToError(node.error())));
        Result<packed::Entries> journal = UnpackJournal(node->data);
        if (!journal) {
          return done(Damaged(fmt::format("'{}' {}", layout_.journal(), journal.error().message)));
        }
        done(std::move(journal));
      });
}

std::unexpected<Error> ZooKeeperStore::Damaged(std::string_view what) const {
  return Fail(Code::kInternal, "The store at {} is damaged: {}", place_, what);
}

void ZooKeeperStore::BeginFence() {
  if (access_ == Access::kRead) return Finish<FenceCall>(Fail(NotTheWriter()));
  Prepare<FenceCall>([this] {
    // Another writer may have changed what was known.
    epoch_ = 0;
    index_.Clear();
    ReadJournal([this](Result<packed::Entries> journal) {
      if (!journal) return Finish<FenceCall>(Fail(journal.error()));
      CheckForImport(*journal, [this] { RaiseEpoch(); });
    });
  });
}

void ZooKeeperStore::CheckForImport(const packed::Entries& journal,
                                    std::move_only_function<void()> next) {
  const size_t shard = ZooKeeperLayout::ShardOf(kImportKey);
  LearnShards({shard}, [this, shard, journal, next = std::move(next)](Status learned) mutable {
    if (!learned) return Finish<FenceCall>(Fail(learned.error()));
    const packed::Entries in_shard = index_.Entries(shard);
    const packed::Entry* entry = FindEntry(journal, kImportKey);
    if (entry == nullptr) entry = FindEntry(in_shard, kImportKey);
    if (access_ != Access::kImport && entry != nullptr && entry->version() != 0) {
      return Finish<FenceCall>(Fail(ImportUnfinished(place_)));
    }
    index_.Clear();
    next();
  });
}

void ZooKeeperStore::RaiseEpoch() {
  const std::time_t now = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.WallNow()));
  std::string writer =
      fmt::format("{}, since {:%Y-%m-%dT%H:%M:%SZ}", ThisProcess(), fmt::gmtime(now));
  std::vector<Operation> operations;
  if (!guard_.empty()) operations.push_back(Operation::Check(guard_, kAnyVersion));
  operations.push_back(Operation::Set(layout_.epoch(), std::move(writer)));
  session_->Multi(std::move(operations), [this](Answer<std::vector<NodeStat>> stats) {
    if (lost_) return;
    if (!stats) return OnEpochFailure(stats.error());
    ReadCommit(EpochOf(stats->back()));
  });
}

void ZooKeeperStore::OnEpochFailure(const zookeeper::Failure& failure) {
  // Trying again does no harm: the epoch only gets greater.
  if (failure.problem == Problem::kConnectionLost && ++attempts_ <= kMaxAttempts) {
    return RaiseEpoch();
  }
  if (failure.problem == Problem::kNoNode && !guard_.empty() && failure.operation == 0) {
    return Finish<FenceCall>(
        Fail(Code::kForbidden,
             "The candidacy '{}' in ZooKeeper {} has ended, and with it the right to write to the "
             "store: another master may lead by now",
             guard_, place_));
  }
  Finish<FenceCall>(Fail(ToError(failure)));
}

void ZooKeeperStore::ReadCommit(uint64_t epoch) {
  session_->Get(layout_.commit(), nullptr, Then<FenceCall, Node>([this, epoch](const Node& commit) {
                  commit_version_ = commit.stat.version;
                  commits_ = 0;
                  ReadJournal([this, epoch](Result<packed::Entries> journal) {
                    if (!journal) return Finish<FenceCall>(Fail(journal.error()));
                    // Checked again: an import may have begun before the epoch was raised, which
                    // ended it.
                    CheckForImport(*journal, [this, epoch, journal = *journal] {
                      BecomeWriter(epoch, journal);
                    });
                  });
                }));
}

void ZooKeeperStore::BecomeWriter(uint64_t epoch, const packed::Entries& journal) {
  epoch_ = epoch;
  if (journal.entries().empty()) return Finish<FenceCall>(epoch);
  std::set<size_t> shards;
  for (const packed::Entry& entry : journal.entries()) {
    shards.insert(ZooKeeperLayout::ShardOf(entry.key()));
  }
  LearnShards(shards, [this, epoch, journal](Status learned) {
    if (!learned) return Lose(std::move(learned.error()));
    FinishJournal(journal, [this, epoch] { Finish<FenceCall>(epoch); });
  });
}

void ZooKeeperStore::BeginLoad() {
  Prepare<LoadCall>([this] {
    reader_.Read(std::get<LoadCall>(calls_.front()).prefix, false,
                 [this](Result<ZooKeeperReader::Snapshot> snapshot) {
                   if (lost_) return;
                   if (!snapshot) return Finish<LoadCall>(Fail(snapshot.error()));
                   if (!snapshot->damage.empty()) {
                     return Finish<LoadCall>(Damaged(snapshot->damage.front()));
                   }
                   if (epoch_ != 0) Learn(&*snapshot);
                   Finish<LoadCall>(std::move(snapshot->entries));
                 });
  });
}

void ZooKeeperStore::Learn(ZooKeeperReader::Snapshot* snapshot) {
  // Shards that are not in the snapshot do not exist.
  for (size_t shard = 0; shard < ZooKeeperLayout::kShards; ++shard) {
    index_.Learn(shard, std::nullopt);
  }
  for (auto& [shard, node] : snapshot->shards) index_.Learn(shard, std::move(node));
}

void ZooKeeperStore::BeginDescribe() {
  Prepare<DescribeCall>([this] {
    session_->Get(layout_.epoch(), nullptr, Then<DescribeCall, Node>([this](const Node& epoch) {
                    Finish<DescribeCall>(Facts{.place = fmt::format("ZooKeeper {}", place_),
                                               .schema = ZooKeeperLayout::kSchema,
                                               .epoch = EpochOf(epoch.stat),
                                               .writer = epoch.data});
                  }));
  });
}

void ZooKeeperStore::BeginCheck() {
  Prepare<CheckCall>([this] {
    session_->Get(layout_.epoch(), nullptr, Then<CheckCall, Node>([this](Node epoch) {
                    reader_.Read("", true,
                                 [this, epoch = std::move(epoch)](
                                     Result<ZooKeeperReader::Snapshot> snapshot) {
                                   if (lost_) return;
                                   if (!snapshot) return Finish<CheckCall>(Fail(snapshot.error()));
                                   Finish<CheckCall>(FindProblems(*snapshot, epoch));
                                 });
                  }));
  });
}

std::vector<std::string> ZooKeeperStore::FindProblems(const ZooKeeperReader::Snapshot& snapshot,
                                                      const Node& epoch) const {
  std::vector<std::string> problems;
  const std::string& commit = snapshot.commit.data;
  const size_t space = commit.find(' ');
  const auto commit_epoch = ParseNumber(std::string_view(commit).substr(0, space));
  if (space == std::string::npos || !commit_epoch ||
      !ParseNumber(std::string_view(commit).substr(space + 1))) {
    problems.push_back(
        fmt::format("'{}' does not hold an epoch and a number: '{}'", layout_.commit(), commit));
  } else if (*commit_epoch > EpochOf(epoch.stat)) {
    problems.push_back(fmt::format("'{}' has epoch {}, but '{}' has only {}", layout_.commit(),
                                   *commit_epoch, layout_.epoch(), EpochOf(epoch.stat)));
  }
  for (const std::string& sentence : snapshot.damage) problems.push_back(sentence);
  for (const std::string& path : snapshot.strange) {
    problems.push_back(fmt::format("'{}' does not belong to any key", path));
  }
  for (const Entry& entry : snapshot.entries) {
    if (entry.value.size() > kMaxValueBytes) {
      problems.push_back(
          fmt::format("The value of '{}' has {} bytes", entry.key, entry.value.size()));
    }
    if (entry.key == kImportKey) problems.push_back(ImportUnfinished(place_).message);
  }
  if (problems.size() > kMaxProblems) problems.resize(kMaxProblems);
  return problems;
}

size_t ZooKeeperStore::CountCommits() const {
  size_t count = 0;
  size_t writes = 0;
  for (const Call& call : calls_) {
    const auto* const commit = std::get_if<CommitCall>(&call);
    if (commit == nullptr) break;
    writes += std::max<size_t>(commit->batch.size(), 1);
    if (count > 0 && writes > kMaxWrites) break;
    ++count;
  }
  return count;
}

void ZooKeeperStore::BeginCommits() {
  if (epoch_ == 0) return Lose(NotTheWriter());
  const size_t count = CountCommits();
  // Far more commits may wait than can be combined, so a writer that has loaded must not look at
  // all of them each time.
  if (index_.KnowsAll()) return Plan(count);
  std::set<size_t> unknown;
  for (size_t i = 0; i < count; ++i) {
    for (const Write& write : std::get<CommitCall>(calls_[i]).batch) {
      const size_t shard = ZooKeeperLayout::ShardOf(write.key);
      if (!index_.Knows(shard)) unknown.insert(shard);
    }
  }
  LearnShards(unknown, [this, count](Status learned) {
    if (!learned) return Lose(std::move(learned.error()));
    Plan(count);
  });
}

void ZooKeeperStore::Plan(size_t count) {
  ZooKeeperPlan plan(layout_, index_, fmt::format("{}-{}", epoch_, commits_ + 1));
  for (size_t i = 0; i < count; ++i) {
    if (!plan.Add(std::get<CommitCall>(calls_[i]).batch)) break;
  }
  Make(plan.ToChange(), [this, statuses = plan.statuses(), journal = plan.journal()]() mutable {
    if (journal) {
      // The batch is committed with the journal, and all readers see it; the next calls wait until
      // the shards are written.
      return AnswerCommits(std::move(statuses), [this, journal = std::move(*journal)] {
        FinishJournal(journal, [this] { EndCommits(); });
      });
    }
    AnswerCommits(std::move(statuses), [this] { EndCommits(); });
  });
}

void ZooKeeperStore::AnswerCommits(std::vector<Status> statuses,
                                   std::move_only_function<void()> next) {
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  for (Status& status : statuses) {
    CommitCall call = std::get<CommitCall>(std::move(calls_.front()));
    calls_.pop_front();
    waiting_.Remove(call.bytes);
    call.done(std::move(status));
    if (alive.expired()) return;
  }
  next();
}

void ZooKeeperStore::EndCommits() {
  busy_ = false;
  Advance();
}

void ZooKeeperStore::FinishJournal(const packed::Entries& journal,
                                   std::move_only_function<void()> done) {
  changes_.clear();
  for (ZooKeeperIndex::Change& change : ChangesOfJournal(journal, layout_, index_)) {
    changes_.push_back(std::move(change));
  }
  finished_ = std::move(done);
  MakeNext();
}

void ZooKeeperStore::MakeNext() {
  if (changes_.empty()) return std::exchange(finished_, nullptr)();
  ZooKeeperIndex::Change change = std::move(changes_.front());
  changes_.pop_front();
  Make(std::move(change), [this] { MakeNext(); });
}

void ZooKeeperStore::Make(ZooKeeperIndex::Change change, std::move_only_function<void()> done) {
  change_ = std::move(change);
  change_.operations.insert(change_.operations.begin(),
                            {Operation::Check(layout_.epoch(), static_cast<int32_t>(epoch_)),
                             Operation::Set(layout_.commit(), CommitText(), commit_version_)});
  made_ = std::move(done);
  attempts_ = 0;
  SendChange();
}

std::string ZooKeeperStore::CommitText() const {
  return fmt::format("{} {}", epoch_, commits_ + 1);
}

void ZooKeeperStore::SendChange() {
  session_->Multi(change_.operations, [this](Answer<std::vector<NodeStat>> stats) {
    if (lost_) return;
    if (!stats) return OnFailure(stats.error());
    OnMade((*stats)[1].version);
  });
}

void ZooKeeperStore::OnFailure(const zookeeper::Failure& failure) {
  const bool other_version =
      failure.problem == Problem::kBadVersion || failure.problem == Problem::kNoNode;
  if (failure.problem == Problem::kConnectionLost) return FindOutWhetherMade();
  if (other_version && failure.operation == 0) return LoseAsDeposed();
  // The change was sent twice: the first one, which seemed lost, was applied meanwhile.
  if (other_version && failure.operation == 1 && attempts_ > 0) return FindOutWhetherMade();
  if (other_version || failure.problem == Problem::kNodeExists ||
      failure.problem == Problem::kNotEmpty) {
    return Lose({Code::kInternal,
                 fmt::format("The store at {} was changed by a process that is not its writer: {}",
                             place_, failure.message)});
  }
  Lose(ToError(failure));
}

void ZooKeeperStore::FindOutWhetherMade() {
  session_->Sync(layout_.commit(), [this](Answer<void> answer) {
    if (!lost_ && !answer) Lose(ToError(answer.error()));
  });
  session_->Get(layout_.commit(), nullptr, [this](Answer<Node> commit) {
    if (lost_) return;
    if (!commit) return Lose(ToError(commit.error()));
    if (commit->data == CommitText()) return OnMade(commit->stat.version);
    if (commit->stat.version != commit_version_) {
      return Lose({Code::kUnavailable,
                   fmt::format("The store at {} has another writer, and the answer to the last "
                               "change was lost: it may or may not have been written",
                               place_)});
    }
    if (++attempts_ > kMaxAttempts) {
      return Lose(
          {Code::kUnavailable,
           fmt::format("The connection to ZooKeeper {} was lost {} times with the same "
                       "change: check whether its servers accept requests of 1 MB (jute.maxbuffer)",
                       place_, attempts_)});
    }
    SendChange();
  });
}

void ZooKeeperStore::OnMade(int32_t commit_version) {
  index_.Apply(std::exchange(change_, {}));
  commit_version_ = commit_version;
  ++commits_;
  std::exchange(made_, nullptr)();
}

void ZooKeeperStore::LoseAsDeposed() {
  // If it was sent before, that one may have been applied before the other writer fenced the store.
  if (attempts_ > 0) {
    return Lose({Code::kUnavailable,
                 fmt::format("The store at {} was taken over, and the answer to the last change "
                             "was lost: it may or may not have been written",
                             place_)});
  }
  session_->Get(layout_.epoch(), nullptr, [this](Answer<Node> epoch) {
    if (lost_) return;
    Lose(epoch ? Deposed(epoch_, EpochOf(epoch->stat), epoch->data)
               : Deposed(epoch_, epoch_ + 1, "another writer"));
  });
}

}  // namespace tepui::storage
