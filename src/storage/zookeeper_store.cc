#include "storage/zookeeper_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/log.h"

namespace tepui::storage {

using zookeeper::Answer;
using zookeeper::CreateMode;
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

uint64_t EpochOf(const NodeStat& stat) { return static_cast<uint32_t>(stat.version); }

}  // namespace

ZooKeeperStore::ZooKeeperStore(zookeeper::Address address, Access access, const Options& options,
                               Clock& clock, Poster poster)
    : layout_(address.path),
      access_(access),
      place_(address.ToString()),
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

void ZooKeeperStore::TakeOver(TakenOver done) { Enqueue(TakeOverCall{std::move(done)}); }

void ZooKeeperStore::Load(std::string prefix, Loaded done) {
  Enqueue(LoadCall{std::move(prefix), std::move(done)});
}

void ZooKeeperStore::Describe(Described done) { Enqueue(DescribeCall{std::move(done)}); }

void ZooKeeperStore::Check(Checked done) { Enqueue(CheckCall{std::move(done)}); }

void ZooKeeperStore::Commit(Batch batch, Done done) {
  const Status checked = CheckLimits(batch);
  const size_t wire_bytes = checked ? layout_.WireBytes(batch) : 0;
  const size_t bytes = SizeOf(batch);
  CommitCall call{std::move(batch), bytes, wire_bytes, std::move(done)};
  if (!checked) return Refuse(std::move(call), checked.error());
  if (wire_bytes > ZooKeeperLayout::kMaxMultiBytes) {
    return Refuse(std::move(call),
                  {Code::kTooLarge,
                   fmt::format("A batch makes a request of {} bytes, its keys being written as "
                               "names of nodes; ZooKeeper takes {}",
                               wire_bytes, ZooKeeperLayout::kMaxMultiBytes)});
  }
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
  if (std::holds_alternative<TakeOverCall>(call)) return BeginTakeOver();
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
                    if (Status checked = CheckSchema(schema->data); !checked) {
                      return Finish<T>(Fail(std::move(checked.error())));
                    }
                    prepared_ = true;
                    return next();
                  }
                  if (schema.error().problem != Problem::kNoNode) {
                    return Finish<T>(Fail(ToError(schema.error())));
                  }
                  if (access_ == Access::kRead) {
                    return Finish<T>(Fail(Code::kNotFound, "There is no store at {}", place_));
                  }
                  if (++attempts_ > kMaxAttempts) {
                    return Finish<T>(Fail(Code::kInvalid,
                                          "'{}' in ZooKeeper {} is no store of Tepui's, or could "
                                          "not be made",
                                          layout_.root(), place_));
                  }
                  Make<T>(std::move(next));
                });
}

template <class T>
void ZooKeeperStore::Make(std::move_only_function<void()> next) {
  session_->CreatePath(
      session_->address().path, [this, next = std::move(next)](Answer<void> path) mutable {
        if (lost_) return;
        const bool lost_answer = !path && path.error().problem == Problem::kConnectionLost;
        if (!path && !lost_answer) return Finish<T>(Fail(ToError(path.error())));
        std::vector<Operation> operations = {
            Operation::Create(layout_.root(), ""),
            Operation::Create(layout_.schema(), fmt::format("{}", ZooKeeperLayout::kSchema)),
            Operation::Create(layout_.epoch(), ""), Operation::Create(layout_.commit(), "0 0"),
            Operation::Create(layout_.entries(), "")};
        for (size_t bucket = 0; bucket < ZooKeeperLayout::kBuckets; ++bucket) {
          operations.push_back(Operation::Create(layout_.bucket(bucket), ""));
        }
        session_->Multi(std::move(operations),
                        [this, next = std::move(next)](Answer<std::vector<NodeStat>> made) mutable {
                          if (lost_) return;
                          // If another made it, or the answer was lost, it is there now.
                          if (!made && made.error().problem != Problem::kNodeExists &&
                              made.error().problem != Problem::kConnectionLost) {
                            return Finish<T>(Fail(ToError(made.error())));
                          }
                          Prepare<T>(std::move(next));
                        });
      });
}

Status ZooKeeperStore::CheckSchema(const std::string& text) const {
  const std::optional<uint64_t> schema = ParseNumber(text);
  if (!schema || *schema == 0) {
    return Fail(Code::kInvalid, "'{}' in ZooKeeper {} is no store of Tepui's", layout_.root(),
                place_);
  }
  if (*schema > ZooKeeperLayout::kSchema) {
    return Fail(Code::kInvalid,
                "The store at {} was written by a newer version of Tepui (schema {}; this one "
                "knows {}): start that version",
                place_, *schema, ZooKeeperLayout::kSchema);
  }
  return {};
}

void ZooKeeperStore::BeginTakeOver() {
  if (access_ == Access::kRead) return Finish<TakeOverCall>(Fail(NotTakenOver()));
  Prepare<TakeOverCall>([this] {
    session_->Exists(layout_.PathOf(kImportKey), nullptr,
                     Then<TakeOverCall, std::optional<NodeStat>>([this](auto import) {
                       if (import && access_ != Access::kImport) {
                         return Finish<TakeOverCall>(Fail(ImportUnfinished(place_)));
                       }
                       RaiseEpoch();
                     }));
  });
}

void ZooKeeperStore::RaiseEpoch() {
  const std::time_t now = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.WallNow()));
  std::string writer =
      fmt::format("{}, since {:%Y-%m-%dT%H:%M:%SZ}", ThisProcess(), fmt::gmtime(now));
  session_->Set(layout_.epoch(), std::move(writer), kAnyVersion, [this](Answer<NodeStat> epoch) {
    if (lost_) return;
    if (epoch) return ReadIndex(EpochOf(*epoch));
    // Once more does no harm: the epoch is greater still.
    if (epoch.error().problem == Problem::kConnectionLost && ++attempts_ <= kMaxAttempts) {
      return RaiseEpoch();
    }
    Finish<TakeOverCall>(Fail(ToError(epoch.error())));
  });
}

void ZooKeeperStore::ReadIndex(uint64_t epoch) {
  reader_.Read("", false, [this, epoch](Result<ZooKeeperReader::Snapshot> snapshot) {
    if (lost_) return;
    if (!snapshot) return Finish<TakeOverCall>(Fail(std::move(snapshot.error())));
    index_.Clear();
    for (const std::string& key : snapshot->keys) index_.Add(key);
    commit_version_ = snapshot->commit.stat.version;
    commits_ = 0;
    epoch_ = epoch;
    Finish<TakeOverCall>(epoch);
  });
}

void ZooKeeperStore::BeginLoad() {
  Prepare<LoadCall>([this] {
    reader_.Read(std::get<LoadCall>(calls_.front()).prefix, true,
                 [this](Result<ZooKeeperReader::Snapshot> snapshot) {
                   if (lost_) return;
                   if (!snapshot) return Finish<LoadCall>(Fail(std::move(snapshot.error())));
                   std::vector<Entry> entries;
                   entries.reserve(snapshot->keys.size());
                   for (size_t i = 0; i < snapshot->keys.size(); ++i) {
                     Node& node = snapshot->nodes[i];
                     if (epoch_ != 0) index_.Learn(snapshot->keys[i], node.stat.version);
                     entries.push_back({std::move(snapshot->keys[i]), std::move(node.data),
                                        StoreVersion(node.stat.version)});
                   }
                   Finish<LoadCall>(std::move(entries));
                 });
  });
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
                                   if (!snapshot)
                                     return Finish<CheckCall>(Fail(std::move(snapshot.error())));
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
    problems.push_back(fmt::format("'{}' is no epoch and number: '{}'", layout_.commit(), commit));
  } else if (*commit_epoch > EpochOf(epoch.stat)) {
    problems.push_back(fmt::format("'{}' is of epoch {}, '{}' has only {}", layout_.commit(),
                                   *commit_epoch, layout_.epoch(), EpochOf(epoch.stat)));
  }
  for (const std::string& path : snapshot.strange) {
    problems.push_back(fmt::format("'{}' is the node of no key", path));
  }
  for (size_t i = 0; i < snapshot.keys.size(); ++i) {
    if (snapshot.nodes[i].data.size() > kMaxValueBytes) {
      problems.push_back(fmt::format("The value of '{}' has {} bytes", snapshot.keys[i],
                                     snapshot.nodes[i].data.size()));
    }
    if (snapshot.keys[i] == kImportKey) problems.push_back(ImportUnfinished(place_).message);
  }
  if (problems.size() > kMaxProblems) problems.resize(kMaxProblems);
  return problems;
}

void ZooKeeperStore::BeginCommits() {
  if (epoch_ == 0) return Lose(NotTakenOver());
  group_ = 0;
  size_t wire_bytes = 0;
  size_t operations = 0;
  std::set<std::string> unknown;
  for (const Call& call : calls_) {
    const auto* const commit = std::get_if<CommitCall>(&call);
    if (commit == nullptr) break;
    wire_bytes += commit->wire_bytes;
    operations += commit->batch.size();
    const bool fits = wire_bytes <= ZooKeeperLayout::kMaxMultiBytes && operations <= kMaxOperations;
    if (group_ > 0 && !fits) break;
    for (const Write& write : commit->batch) {
      if (!index_.Knows(write.key)) unknown.insert(write.key);
    }
    ++group_;
  }
  if (!unknown.empty()) return LearnVersions(unknown);

  plan_ = {};
  plan_.operations = {Operation::Check(layout_.epoch(), static_cast<int32_t>(epoch_)),
                      Operation::Set(layout_.commit(), CommitText(), commit_version_)};
  for (size_t i = 0; i < group_; ++i) index_.Add(std::get<CommitCall>(calls_[i]).batch, &plan_);
  SendPlan();
}

void ZooKeeperStore::LearnVersions(const std::set<std::string>& keys) {
  auto awaited = std::make_shared<size_t>(keys.size());
  for (const std::string& key : keys) {
    session_->Exists(layout_.PathOf(key), nullptr,
                     [this, key, awaited](Answer<std::optional<NodeStat>> stat) {
                       if (lost_) return;
                       if (!stat) return Lose(ToError(stat.error()));
                       index_.Learn(key, *stat ? std::optional((*stat)->version) : std::nullopt);
                       if (--*awaited == 0) BeginCommits();
                     });
  }
}

std::string ZooKeeperStore::CommitText() const {
  return fmt::format("{} {}", epoch_, commits_ + 1);
}

void ZooKeeperStore::SendPlan() {
  session_->Multi(plan_.operations, [this](Answer<std::vector<NodeStat>> stats) {
    if (lost_) return;
    if (!stats) return OnCommitFailure(stats.error());
    FinishCommits((*stats)[1].version);
  });
}

void ZooKeeperStore::OnCommitFailure(const zookeeper::Failure& failure) {
  const bool other_version =
      failure.problem == Problem::kBadVersion || failure.problem == Problem::kNoNode;
  if (failure.problem == Problem::kConnectionLost) return FindOutWhetherCommitted();
  if (other_version && failure.operation == 0) return LoseAsDeposed();
  // Sent twice: the first, given up for lost, was done meanwhile.
  if (other_version && failure.operation == 1 && attempts_ > 0) return FindOutWhetherCommitted();
  if (other_version || failure.problem == Problem::kNodeExists) {
    return Lose({Code::kInternal,
                 fmt::format("The store at {} was changed by somebody who is not its writer: {}",
                             place_, failure.message)});
  }
  Lose(ToError(failure));
}

void ZooKeeperStore::FindOutWhetherCommitted() {
  session_->Sync(layout_.commit(), [this](Answer<void> answer) {
    if (!lost_ && !answer) Lose(ToError(answer.error()));
  });
  session_->Get(layout_.commit(), nullptr, [this](Answer<Node> commit) {
    if (lost_) return;
    if (!commit) return Lose(ToError(commit.error()));
    if (commit->data == CommitText()) return FinishCommits(commit->stat.version);
    if (commit->stat.version != commit_version_) {
      return Lose({Code::kUnavailable,
                   fmt::format("The store at {} has another writer, and the answer to the last "
                               "change was lost: it may or may not have been written",
                               place_)});
    }
    if (++attempts_ > kMaxAttempts) {
      return Lose({Code::kUnavailable,
                   fmt::format("The connection to ZooKeeper {} was lost {} times with the same "
                               "change: do its servers take requests of 1 MB (jute.maxbuffer)?",
                               place_, attempts_)});
    }
    SendPlan();
  });
}

void ZooKeeperStore::FinishCommits(int32_t commit_version) {
  index_.Apply(plan_);
  commit_version_ = commit_version;
  ++commits_;
  std::vector<Status> statuses = std::exchange(plan_, {}).statuses;
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  for (Status& status : statuses) {
    CommitCall call = std::get<CommitCall>(std::move(calls_.front()));
    calls_.pop_front();
    waiting_.Remove(call.bytes);
    call.done(std::move(status));
    if (alive.expired()) return;
  }
  busy_ = false;
  Advance();
}

void ZooKeeperStore::LoseAsDeposed() {
  // If it was sent before, that one may have been done before the other writer came.
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
