// SPDX-License-Identifier: Apache-2.0
#include "election/zookeeper_election.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "wire/json.h"

namespace tepui::election {
namespace {

using zookeeper::Answer;
using zookeeper::CreateMode;
using zookeeper::Node;
using zookeeper::NodeStat;
using zookeeper::Problem;
using zookeeper::Session;
using zookeeper::WatchEvent;

constexpr std::string_view kJsonLabel = "json.info_";
constexpr std::string_view kBinaryLabel = "info_";
// The pause after a look that failed for another reason than the connection.
constexpr Duration kRetry = std::chrono::seconds(2);

// Returns the number that ZooKeeper gave a candidate's node.
std::optional<uint64_t> NumberOf(std::string_view node) {
  for (const std::string_view label : {kJsonLabel, kBinaryLabel}) {
    if (!node.starts_with(label)) continue;
    const std::string_view digits = node.substr(label.size());
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) return number;
  }
  return std::nullopt;
}

bool Same(const std::optional<v1::MasterInfo>& a, const std::optional<v1::MasterInfo>& b) {
  return a.has_value() == b.has_value() && (!a || a->SerializeAsString() == b->SerializeAsString());
}

}  // namespace

std::optional<std::string> LeaderNode(const std::vector<std::string>& children) {
  std::optional<std::pair<uint64_t, std::string>> lowest;
  for (const std::string& child : children) {
    const auto number = NumberOf(child);
    if (number && (!lowest || *number < lowest->first)) lowest.emplace(*number, child);
  }
  return lowest ? std::optional(std::move(lowest->second)) : std::nullopt;
}

std::optional<v1::MasterInfo> ReadCandidate(std::string_view node, const std::string& data) {
  v1::MasterInfo info;
  if (node.starts_with(kJsonLabel)) {
    if (wire::FromJson(data, &info)) return info;
  } else if (node.starts_with(kBinaryLabel)) {
    if (info.ParseFromString(data)) return info;
  }
  return std::nullopt;
}

// --- Contender.

ZooKeeperContender::ZooKeeperContender(zookeeper::Address address, Duration session_timeout,
                                       Clock& clock, Poster poster)
    : address_(std::move(address)),
      session_timeout_(session_timeout),
      clock_(clock),
      poster_(std::move(poster)),
      retry_(clock) {}

void ZooKeeperContender::Contend(Candidate candidate) {
  assert(session_ == nullptr);
  candidate_ = std::move(candidate);
  data_ = wire::ToJson(candidate_.info);
  Open();
}

void ZooKeeperContender::Open() {
  session_ = std::make_unique<Session>(address_, session_timeout_, clock_, poster_,
                                       [this](Session::State state) { OnState(state); });
}

void ZooKeeperContender::OnState(Session::State state) {
  if (lost_) return;
  if (state == Session::State::kConnected) return Join();
  if (state != Session::State::kLost) return;
  if (elected_) return Lose(session_->lost_because());
  // This candidate did not lead yet, so its process can go on. The new session is not opened from
  // inside the old one's callback.
  Withdraw(session_->lost_because());
  retry_.Set(kRetry, [this] { Open(); });
}

void ZooKeeperContender::Withdraw(std::string_view why) {
  spdlog::warn("Standing for election in {} again: {}", address_.ToString(), why);
  joining_ = false;
  node_.clear();
}

void ZooKeeperContender::Join() {
  // After a reconnection the node may exist already, or be on its way.
  if (joining_ || session_->state() != Session::State::kConnected) return;
  joining_ = true;
  session_->CreatePath(address_.path, [this](Answer<void> made) {
    if (!made) return OnFailure(made.error());
    session_->Create(fmt::format("{}/{}", address_.path, kJsonLabel), data_,
                     CreateMode::kEphemeralSequential,
                     [this](Answer<std::string> created) { OnCreated(std::move(created)); });
  });
}

void ZooKeeperContender::OnFailure(const zookeeper::Failure& failure) {
  // OnState handles the end of the session.
  if (failure.problem == Problem::kSessionLost) return;
  if (failure.problem != Problem::kConnectionLost) return Lose(failure.message);
  joining_ = false;
  Join();
}

void ZooKeeperContender::OnCreated(Answer<std::string> created) {
  if (created) {
    node_ = created->substr(created->rfind('/') + 1);
    spdlog::info("Standing for election as {} in {}", node_, address_.ToString());
    return Look();
  }
  // The node may exist although the answer was lost; a second one would compete with it.
  if (created.error().problem == Problem::kConnectionLost) return FindOwn();
  OnFailure(created.error());
}

void ZooKeeperContender::FindOwn() {
  // The server that answers now may lag behind the one that created the node or is about to.
  session_->Sync(address_.path,
                 [this](Answer<void> synced) { synced ? Search() : OnFailure(synced.error()); });
}

void ZooKeeperContender::Search() {
  session_->Children(address_.path, {}, [this](Answer<std::vector<std::string>> children) {
    if (!children) return OnFailure(children.error());
    std::erase_if(*children, [](const std::string& child) { return !NumberOf(child); });
    struct Search {
      size_t left = 0;
      std::string own;
    };
    const auto search = std::make_shared<Search>(children->size());
    const auto finish = [this, search] {
      if (!search->own.empty()) return OnCreated(fmt::format("{}/{}", address_.path, search->own));
      joining_ = false;
      Join();
    };
    if (children->empty()) return finish();
    for (const std::string& child : *children) {
      session_->Exists(
          fmt::format("{}/{}", address_.path, child), {},
          [this, search, finish, child](Answer<std::optional<NodeStat>> stat) {
            const bool own = stat && *stat && (*stat)->ephemeral_owner == session_->id();
            // If there are several, only the lowest can lead.
            if (own && (search->own.empty() || *NumberOf(child) < *NumberOf(search->own))) {
              search->own = child;
            }
            if (--search->left == 0) finish();
          });
    }
  });
}

void ZooKeeperContender::Look() {
  // The callbacks are for this node: events for an abandoned node are ignored.
  session_->Children(
      address_.path,
      [this, node = node_](WatchEvent event) {
        if (event != WatchEvent::kNotWatching && !lost_ && node == node_) Look();
      },
      [this, node = node_](Answer<std::vector<std::string>> children) {
        if (!lost_ && node == node_) OnChildren(std::move(children));
      });
}

void ZooKeeperContender::OnChildren(Answer<std::vector<std::string>> children) {
  if (!children) return OnFailure(children.error());
  if (std::ranges::find(*children, node_) == children->end()) {
    const std::string why = fmt::format("the node {} was removed", node_);
    if (elected_) return Lose(why);
    Withdraw(why);
    return Join();
  }
  if (elected_ || LeaderNode(*children) != node_) return;
  elected_ = true;
  candidate_.elected(fmt::format("{}/{}", address_.path, node_));
}

void ZooKeeperContender::Lose(const std::string& why) {
  if (std::exchange(lost_, true) || !candidate_.lost) return;
  std::exchange(candidate_.lost, nullptr)(
      Error{Code::kUnavailable,
            fmt::format("This master's candidacy in {} is over: {}", address_.ToString(), why)});
}

// --- Detector.

ZooKeeperDetector::ZooKeeperDetector(zookeeper::Address address, Duration session_timeout,
                                     Clock& clock, Poster poster)
    : address_(std::move(address)),
      session_timeout_(session_timeout),
      clock_(clock),
      poster_(std::move(poster)),
      retry_(clock) {}

ZooKeeperDetector::~ZooKeeperDetector() = default;

void ZooKeeperDetector::Watch(OnChange on_change) {
  assert(session_ == nullptr);
  on_change_ = std::move(on_change);
  Open();
}

void ZooKeeperDetector::Open() {
  session_ = std::make_unique<Session>(address_, session_timeout_, clock_, poster_,
                                       [this](Session::State state) { OnState(state); });
}

void ZooKeeperDetector::OnState(Session::State state) {
  if (state == Session::State::kConnected) {
    // A session that reconnects keeps its watches.
    if (!watching_) Look();
    return;
  }
  if (state != Session::State::kLost) return;
  watching_ = false;
  spdlog::warn("Lost the session with {}: {}", address_.ToString(), session_->lost_because());
  Report(std::nullopt);
  // The new session is not opened from inside the old one's callback.
  retry_.Set(kRetry, [this] { Open(); });
}

void ZooKeeperDetector::Look() {
  // Only the newest look counts; answers to earlier ones are stale.
  const uint64_t look = ++look_;
  watching_ = false;
  session_->Children(
      address_.path,
      [this, look](WatchEvent event) {
        if (event != WatchEvent::kNotWatching && look == look_) Look();
      },
      [this, look](Answer<std::vector<std::string>> children) {
        if (look != look_) return;
        watching_ = children.has_value();
        if (!children) {
          // No master has ever stood here, or reading is not allowed: try again later.
          if (children.error().problem != Problem::kNoNode)
            spdlog::warn("Cannot read who the leading master is: {}", children.error().message);
          Report(std::nullopt);
          return Retry([this, look] {
            if (look == look_) Look();
          });
        }
        const auto node = LeaderNode(*children);
        if (node) return Read(*node);
        Report(std::nullopt);
      });
}

void ZooKeeperDetector::Read(const std::string& node) {
  session_->Get(
      fmt::format("{}/{}", address_.path, node), {}, [this, node, look = look_](Answer<Node> read) {
        if (look != look_) return;
        if (!read) {
          // The node was removed meanwhile; the watch over the children reports that.
          if (read.error().problem == Problem::kNoNode) return;
          return Retry([this, node, look] {
            if (look == look_) Read(node);
          });
        }
        auto info = ReadCandidate(node, read->data);
        if (!info) {
          spdlog::error("The leader's node {} of {} cannot be read", node, address_.ToString());
        }
        Report(std::move(info));
      });
}

void ZooKeeperDetector::Retry(std::move_only_function<void()> work) {
  if (session_->state() != Session::State::kLost) retry_.Set(kRetry, std::move(work));
}

void ZooKeeperDetector::Report(std::optional<v1::MasterInfo> leader) {
  if (reported_ && Same(leader_, leader)) return;
  reported_ = true;
  leader_ = std::move(leader);
  if (leader_) {
    spdlog::info("The leading master is {}:{} ({})", leader_->hostname(), leader_->port(),
                 leader_->id());
  } else {
    spdlog::info("There is no leading master");
  }
  on_change_(leader_);
}

Election MakeZooKeeperElection(const zookeeper::Address& address, Duration session_timeout,
                               Clock& clock, const Poster& poster) {
  return {
      .contender = std::make_unique<ZooKeeperContender>(address, session_timeout, clock, poster),
      .detector = std::make_unique<ZooKeeperDetector>(address, session_timeout, clock, poster)};
}

}  // namespace tepui::election
